package recorder

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
)

// ErrSealed is returned by writes to a recording that was sealed.
var ErrSealed = errors.New("recorder: the recording is sealed")

// Recording is one session being recorded. All methods are safe for
// concurrent use, and each returns only after the operating system has taken
// the bytes, so that what is delivered after that survives the process.
// Power loss may take what was written since the last sync.
//
// An error is an [*access.Error] and sticks: under [Terminate] each further
// call returns it. A recording must be sealed, whatever happened.
type Recording struct {
	r     *Recorder
	dir   string // absolute or relative as Config.Dir is
	made  bool   // the folder is ours
	fresh entries

	syncing sync.Mutex // held while syncing or sealing; taken before mu

	mu      sync.Mutex
	session access.Session
	start   time.Time // with its monotonic reading
	last    int64     // microseconds of the last event: time never runs back
	cast    *file
	events  *file // nil until needed
	idx     *sidecar
	in      *stream
	out     *stream
	err     *stream
	counts  Counts
	pending int64 // bytes since the last block
	midline bool  // the cast's output stands in the middle of a line

	crypt *crypt // of an encrypted one; else nil
	typed *typed // where what is typed at its terminal is kept; else nil

	indexing sync.Mutex // held while entries of the ledger go to the index
	indexed  int64      // how much of events has gone there

	refused error         // more passed than the rule lets through
	broken  error         // first failure
	failed  chan struct{} // closed with it
	gap     *Gap          // open gap under Warn
	gaps    []Gap
	retryAt time.Time // when to try to end the gap
	closed  bool
	seal    *sealing
	// unsealed: sealing failed at least once.
	unsealed bool

	recovery *Recovery // set when a crash is being cleaned up
}

// Counts are facts about a recording as a whole.
type Counts struct {
	Events   int64 `json:"events"` // of the cast, of every code
	Resizes  int64 `json:"resizes"`
	Markers  int64 `json:"markers"`
	Duration int64 `json:"duration_us"` // microseconds to the last event
}

// Session is what the recording is of, as far as is known now.
func (rec *Recording) Session() access.Session {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	s := rec.session
	s.BytesOut, s.BytesIn = rec.out.bytes+rec.err.bytes, rec.in.bytes
	return s
}

// Failed is closed when the recording failed for the first time, be it in a
// write or in the background sync. See [Recording.Err].
func (rec *Recording) Failed() <-chan struct{} { return rec.failed }

// Err is the first failure, an [*access.Error], or nil.
func (rec *Recording) Err() error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.broken
}

// Stdout records output of the host. That of an sftp session, which nobody
// could read, does not go into the cast but into a file beside it.
func (rec *Recording) Stdout(p []byte) error {
	if rec.out.beside {
		return rec.pass(rec.out, p, rec.writeBeside)
	}
	if err := rec.pass(rec.out, p, rec.writeOutput); err != nil {
		return err
	}
	return rec.shown(p)
}

// Stderr records extended data of the host. In the cast it is output like
// any other, so that players show it; the sidecar tells it apart.
func (rec *Recording) Stderr(p []byte) error { return rec.pass(rec.err, p, rec.writeOutput) }

// Stdin records input of a session without a terminal. With one, what is
// typed is only counted, as passwords are typed there; with [Shape.Input] it is
// kept as far as it looks like no secret.
func (rec *Recording) Stdin(p []byte) error {
	if rec.typed != nil {
		return rec.pass(rec.in, p, rec.writeTyped)
	}
	return rec.pass(rec.in, p, rec.writeBeside)
}

// pass records p with write, or deals with its failure.
func (rec *Recording) pass(s *stream, p []byte, write func(*stream, []byte) error) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.ready(); err != nil {
		return rec.lose(s, p, err)
	}
	if len(p) == 0 {
		return nil
	}
	if s.strict && s.limit >= 0 && int64(len(p)) > s.limit-s.stored {
		return rec.refuse(s)
	}
	held := s.carry
	if err := write(s, p); err != nil {
		s.carry = held
		return rec.lose(s, p, rec.fail(err))
	}
	return rec.grown(int64(len(p)))
}

// Resize records the terminal's new size.
func (rec *Recording) Resize(cols, rows int) error {
	return rec.event('r', fmt.Sprintf("%dx%d", cols, rows), &rec.counts.Resizes)
}

// Marker records a mark with a text of ours, such as a warning of expiry.
func (rec *Recording) Marker(text string) error {
	return rec.event('m', access.Plain(text, 500), &rec.counts.Markers)
}

// event writes one event of the cast that is no output.
func (rec *Recording) event(code byte, text string, count *int64) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.ready(); err != nil {
		return rec.lose(nil, nil, err)
	}
	if err := rec.writeEvent(code, text, count); err != nil {
		return rec.lose(nil, nil, rec.fail(err))
	}
	return rec.grown(int64(len(text)))
}

func (rec *Recording) writeEvent(code byte, text string, count *int64) error {
	b := getBuffer()
	defer putBuffer(b)
	b.event(rec.elapsed(), code, text)
	if err := rec.cast.append(b.cast); err != nil {
		return err
	}
	rec.counts.Events++
	*count++
	return nil
}

// appendTo appends to a file that is made when it is first needed.
func (rec *Recording) appendTo(f **file, name string, b []byte) error {
	if *f == nil {
		made, err := rec.makeFile(name)
		if err != nil {
			return err
		}
		*f = made
		rec.fresh.files.Store(true)
	}
	return (*f).append(b)
}

// elapsed is the time since the start in microseconds. It never runs back.
func (rec *Recording) elapsed() int64 {
	rec.last = max(rec.last, rec.r.config.Now().Sub(rec.start).Microseconds())
	return rec.last
}

// grown closes a block when enough was written since the last one.
func (rec *Recording) grown(n int64) error {
	rec.pending += n
	if rec.pending < blockBytes {
		return nil
	}
	err := rec.block()
	if err == nil && rec.crypt != nil && rec.crypt.due(rec.r.config.Now()) {
		err = rec.crypt.end()
	}
	if err != nil {
		return rec.lose(nil, nil, rec.fail(err))
	}
	return nil
}

func (rec *Recording) block() error {
	b := getBuffer()
	defer putBuffer(b)
	if err := rec.idx.noteStreams(b.notes, rec.streams()); err != nil {
		return err
	}
	if err := rec.idx.block(b.notes, rec.last, rec.files(), rec.streams()); err != nil {
		return err
	}
	rec.pending = 0
	return nil
}

// files are the files that blocks cover.
func (rec *Recording) files() []*file {
	if rec.crypt != nil {
		return rec.crypt.files()
	}
	return []*file{rec.cast, rec.in.file, rec.out.file, rec.events}
}

// onDisk are those that are there, the sidecar among them.
func (rec *Recording) onDisk() []*file {
	var there []*file
	for _, f := range rec.files() {
		if f != nil {
			there = append(there, f)
		}
	}
	return append(there, &rec.idx.file)
}

func (rec *Recording) streams() []*stream { return []*stream{rec.in, rec.out, rec.err} }

func (rec *Recording) log() *slog.Logger {
	return rec.r.config.Log.With("session", string(rec.session.ID))
}
