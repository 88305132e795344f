package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// errOtherChain says that a file's last line is not a row of the database's
// chain.
var errOtherChain = errors.New("it is not of the database's audit chain")

// sameChain compares the last line of a file with the row of that number. One
// hash stands for all before it.
func (s *Store) sameChain(ctx context.Context, last audit.Row) error {
	if last.Seq == 0 {
		return nil
	}
	var hash []byte
	err := s.readers.QueryRowContext(ctx, `SELECT hash FROM audit WHERE seq = ?`, last.Seq).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) || err == nil && [32]byte(hash) != last.Hash {
		return errOtherChain
	}
	return err
}

// settleAudit sets aside the files that are of another chain: each is kept
// under another name, and in its place comes what the database has of that
// day up to the cursor. It goes back in time until a file is of this chain.
func (s *Store) settleAudit(ctx context.Context, dir string, cursor int64, log *slog.Logger) error {
	names, err := filepath.Glob(filepath.Join(dir, "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].ndjson"))
	if err != nil {
		return err
	}
	for i := len(names) - 1; i >= 0; i-- {
		last, err := lastLineOf(names[i])
		if err == nil {
			err = s.sameChain(ctx, last)
		}
		switch {
		case errors.Is(err, errOtherChain):
			if err := s.setAside(ctx, names[i], last, cursor, log); err != nil {
				return err
			}
		case err != nil:
			return err
		case last.Seq > 0:
			return nil
		}
	}
	return nil
}

func lastLineOf(path string) (last audit.Row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return last, err
	}
	last, _, err = lastLine(f)
	return last, errors.Join(err, f.Close())
}

// setAside keeps a file under another name and begins it anew. The event goes
// first: a crash in between makes the next run keep it once more.
func (s *Store) setAside(ctx context.Context, path string, last audit.Row, cursor int64, log *slog.Logger) error {
	kept, err := freeName(path)
	if err != nil {
		return err
	}
	log.Warn("an audit file is of another chain than the database, so it is set aside; it may hold what the database has lost",
		"file", path, "kept_as", kept, "ends_at", last.Seq)
	err = s.Record(ctx, audit.Event{Kind: audit.AuditSetAside, Actor: audit.ActorSystem, Detail: map[string]string{
		"file": filepath.Base(path), "kept_as": filepath.Base(kept),
		"ends_at": strconv.FormatInt(last.Seq, 10), "hash": fmt.Sprintf("%x", last.Hash),
	}})
	if err != nil {
		return err
	}
	if err := os.Link(path, kept); err != nil {
		return err
	}
	fresh := path + ".new"
	if err := s.writeDay(ctx, fresh, path, cursor); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// freeName gives a name for what is set aside. It ends otherwise than the
// files of the chain do, so that nobody reads it as one of them.
func freeName(path string) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.set-aside-%d", path, n)
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
}

// writeDay writes what the database has of the day of a file, up to the
// cursor; what is beyond it is still to be appended.
func (s *Store) writeDay(ctx context.Context, fresh, path string, cursor int64) (err error) {
	day := filepath.Base(path)[:len(time.DateOnly)]
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return err
	}
	var before int64
	err = s.readers.QueryRowContext(ctx, `SELECT coalesce(min(seq), 1) - 1 FROM audit WHERE at >= ? AND at < ?`,
		from.UnixMicro(), from.AddDate(0, 0, 1).UnixMicro()).Scan(&before)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for before < cursor {
		rows, err := s.Audit(ctx, before, maxPage)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		var lines []byte
		for _, r := range rows {
			of, err := dayOf(r)
			if err != nil {
				return err
			}
			if of == day && r.Seq <= cursor {
				lines = audit.AppendLine(lines, r)
			}
		}
		if _, err := f.Write(lines); err != nil {
			return err
		}
		before = rows[len(rows)-1].Seq
	}
	return f.Sync()
}
