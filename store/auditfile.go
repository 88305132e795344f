package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// The audit chain is also kept in files, audit/YYYY-MM-DD.ndjson by the UTC
// day of each event, for tools that know no SQLite and for copies elsewhere.
// The table is the outbox of these files, the cursor says how far they are.
// Lines are synced before the cursor moves, so a crash between the two makes
// the next run append again: it looks at a file's last line first and leaves
// out what stands there already.
//
// A file may also be of another chain than the database's: after a restore
// the database is older than its files, and goes on otherwise than they do.
// Such files are set aside; see auditfork.go.
const auditFileCursor = "audit.files"

// wake tells the follower, if it sleeps, that there are new rows.
func (s *Store) wake() {
	select {
	case s.appended <- struct{}{}:
	default: // it is awake already
	}
}

// FollowAudit appends to the audit files below dir whatever is added to the
// chain, until ctx ends; it then appends what is left. A full disk is logged
// and tried again; the rows wait in the database meanwhile.
func (s *Store) FollowAudit(ctx context.Context, dir string, log *slog.Logger) {
	const retry = 10 * time.Second
	failed := false
	for {
		var again <-chan time.Time
		switch n, err := s.ExportAudit(ctx, dir, log); {
		case err != nil && ctx.Err() == nil:
			log.Error("audit files are behind; the database has everything", "dir", dir, "err", err)
			failed, again = true, time.After(retry)
		case failed && err == nil:
			log.Info("audit files have caught up", "dir", dir, "rows", n)
			failed = false
		}
		select {
		case <-s.appended:
		case <-again:
		case <-ctx.Done():
			if _, err := s.ExportAudit(context.WithoutCancel(ctx), dir, log); err != nil {
				log.Error("audit files are behind; the next start goes on", "dir", dir, "err", err)
			}
			return
		}
	}
}

// ExportAudit appends to the audit files what they lack and gives the number
// of rows that it went through. Files of another chain it sets aside, with an
// event and a line in the log. It must not run twice at once.
func (s *Store) ExportAudit(ctx context.Context, dir string, log *slog.Logger) (int, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("store: audit files: %w", err)
	}
	total := 0
	for {
		after, err := s.cursor(ctx, auditFileCursor)
		if err == nil && !s.settled {
			err = s.settleAudit(ctx, dir, after, log)
		}
		if err != nil {
			return total, fmt.Errorf("store: audit files: %w", err)
		}
		s.settled = true
		rows, err := s.Audit(ctx, after, maxPage)
		if err != nil || len(rows) == 0 {
			return total, err
		}
		err = s.appendRows(ctx, dir, rows)
		if errors.Is(err, errOtherChain) {
			s.settled = false // somebody exchanged the file just now
			continue
		}
		if err != nil {
			return total, fmt.Errorf("store: audit files: %w", err)
		}
		last := rows[len(rows)-1].Seq
		if err := s.moveCursor(ctx, auditFileCursor, last); err != nil {
			return total, err
		}
		total += len(rows)
	}
}

// appendRows appends rows to the files of their days, and syncs.
func (s *Store) appendRows(ctx context.Context, dir string, rows []audit.Row) error {
	for len(rows) > 0 {
		day, err := dayOf(rows[0])
		if err != nil {
			return err
		}
		n := 1
		for ; n < len(rows); n++ {
			if next, err := dayOf(rows[n]); err != nil {
				return err
			} else if next != day {
				break
			}
		}
		if err := s.appendDay(ctx, dayFile(dir, day), rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func dayOf(r audit.Row) (string, error) {
	e, err := r.Event()
	return e.Time.UTC().Format(time.DateOnly), err
}

func dayFile(dir, day string) string { return filepath.Join(dir, day+".ndjson") }

// appendDay appends to one file what comes after its last line.
func (s *Store) appendDay(ctx context.Context, path string, rows []audit.Row) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := s.rewrite(f, path); err != nil {
		return err
	}
	last, end, err := lastLine(f)
	if err == nil {
		err = s.sameChain(ctx, last)
	}
	if err != nil {
		return err
	}
	var lines []byte
	for _, r := range rows {
		if r.Seq > last.Seq {
			lines = audit.AppendLine(lines, r)
		}
	}
	// A line that a crash left half written is written over: its row is
	// still beyond the cursor.
	if err := f.Truncate(end); err != nil {
		return err
	}
	if _, err := f.WriteAt(lines, end); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		s.unsynced.path, s.unsynced.from = path, end
		return err
	}
	if s.unsynced.path == path {
		s.unsynced.path = ""
	}
	return nil
}

// rewrite has appendDay write once more what its last sync failed on: the disk
// may lack what can be read here, and another sync would not say so.
func (s *Store) rewrite(f *os.File, path string) error {
	if s.unsynced.path != path {
		return nil
	}
	info, err := f.Stat()
	if err != nil || info.Size() <= s.unsynced.from {
		return err
	}
	return f.Truncate(s.unsynced.from)
}

// lastLine gives the row of the last whole line, the zero one for none, and
// the offset after that line. A line that is none of ours is errOtherChain.
func lastLine(f *os.File) (last audit.Row, end int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return last, 0, err
	}
	const step = 64 << 10
	// Read ever more of the tail, until it holds a whole line: one that
	// begins after a line break, or at the start of the file.
	for want := int64(step); ; want *= 2 {
		from := max(0, size-want)
		tail := make([]byte, size-from)
		if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
			return last, 0, err
		}
		stop := bytes.LastIndexByte(tail, '\n')
		if stop < 0 && from == 0 {
			return last, 0, nil
		}
		start := bytes.LastIndexByte(tail[:max(stop, 0)], '\n') + 1
		if stop < 0 || start == 0 && from > 0 {
			continue
		}
		last, err := audit.ParseLine(tail[start:stop])
		if err != nil {
			err = fmt.Errorf("%s: its last line: %w: %w", f.Name(), errOtherChain, err)
		}
		return last, from + int64(stop) + 1, err
	}
}
