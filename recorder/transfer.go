package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/sallyport/sallyport/access"
)

// streamLedger marks, in the sidecar, lines of the cast that are ours: entries
// of the ledger of files, which no host sent.
const streamLedger = "ledger"

// Transfer records an entry of the ledger of files: a line of events.ndjson,
// and in the cast a line to read and a marker to jump to. Session, Place and
// At of t are set here. Some time later, and at the latest when the recording
// is sealed, the index has it too.
func (rec *Recording) Transfer(t access.Transfer) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.ready(); err != nil {
		return rec.lose(nil, nil, err)
	}
	n, err := rec.writeTransfer(t)
	if err != nil {
		return rec.lose(nil, nil, rec.fail(err))
	}
	return rec.grown(int64(n))
}

func (rec *Recording) writeTransfer(t access.Transfer) (int, error) {
	at, line := rec.elapsed(), t.String()
	n, err := rec.writeFact(at, transferEvent(t))
	if err != nil {
		return 0, err
	}
	b := getBuffer()
	defer putBuffer(b)
	shown := line + "\r\n"
	if t.SHA256 != "" {
		shown = line + " sha256:" + t.SHA256 + "\r\n"
	}
	if rec.midline {
		shown = "\r\n" + shown
	}
	b.notes = appendEventNote(b.notes, rec.cast.size, streamLedger, nil)
	b.event(at, CodeOutput, shown)
	b.event(at, CodeMarker, access.Plain(line, 500))
	if err := rec.idx.note(b.notes); err != nil {
		return 0, err
	}
	if err := rec.cast.append(b.cast); err != nil {
		return 0, err
	}
	rec.midline = false
	rec.counts.Events += 2
	rec.counts.Markers++
	return n + len(b.cast), nil
}

// Transfers iterates over the ledger of files of the recording in a folder, be
// it live, sealed or copied elsewhere, in the order of the entries. An error
// that is a [*LineError] is about one line, and the next one follows; any
// other ends it. Nothing is verified; see [Verify].
func Transfers(dir string) iter.Seq2[access.Transfer, error] {
	return func(yield func(access.Transfer, error) bool) {
		f, err := openRegular(filepath.Join(dir, eventsName))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(access.Transfer{}, err)
			return
		}
		defer f.Close()
		readTransfers(f, 0, 1<<62)(yield)
	}
}

// readTransfers reads entries whose lines begin in [from, to) of
// events.ndjson.
func readTransfers(f io.ReaderAt, from, to int64) iter.Seq2[access.Transfer, error] {
	return func(yield func(access.Transfer, error) bool) {
		lines := newLineReader(f, from)
		for lines.offset < to {
			place := lines.offset
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			if err != nil && !errors.Is(err, errLine) {
				yield(access.Transfer{}, err)
				return
			}
			var e timedEvent
			if err == nil {
				err = json.Unmarshal(line, &e)
			}
			var t access.Transfer
			if err == nil && e.Kind == kindTransfer {
				t, err = e.transfer()
			}
			switch {
			case err != nil:
				if !yield(access.Transfer{}, &LineError{place, err}) {
					return
				}
			case e.Kind == kindTransfer:
				t.Place = place
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// indexBatch is how many entries go to the index at once.
const indexBatch = 500

// index brings the index up to the end of events.ndjson. The file is the
// queue: the session never waits for the index, and what it has not got yet
// survives a crash. Entries may come to the index twice.
//
// The ledger of an encrypted recording does not come to the index: paths are
// content.
func (rec *Recording) index(ctx context.Context) error {
	if rec.crypt != nil {
		return nil
	}
	rec.indexing.Lock()
	defer rec.indexing.Unlock()
	rec.mu.Lock()
	var end int64
	if rec.events != nil {
		end = rec.events.size
	}
	id := rec.session.ID
	rec.mu.Unlock()
	if end <= rec.indexed {
		return nil
	}
	f, err := os.Open(filepath.Join(rec.dir, eventsName))
	if err != nil {
		return err
	}
	defer f.Close()
	var batch []access.Transfer
	for t, err := range readTransfers(f, rec.indexed, end) {
		var bad *LineError
		if errors.As(err, &bad) {
			continue // after a crash or a hand: verify tells of it
		}
		if err != nil {
			return err
		}
		t.Session = id
		if batch = append(batch, t); len(batch) == indexBatch {
			if err := rec.r.config.Index.AddTransfers(ctx, batch); err != nil {
				return err
			}
			rec.indexed, batch = t.Place+1, batch[:0]
		}
	}
	if len(batch) > 0 {
		if err := rec.r.config.Index.AddTransfers(ctx, batch); err != nil {
			return err
		}
	}
	rec.indexed = end
	return nil
}

// indexAll brings the index up to date with every live recording.
func (r *Recorder) indexAll(ctx context.Context) {
	for _, rec := range r.recordings() {
		if err := rec.index(ctx); err != nil && ctx.Err() == nil {
			rec.log().Error("recorder: the ledger of files is not in the index yet", "err", err)
		}
	}
}
