package recorder

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Recorder opens recordings below one directory. It is safe for concurrent
// use. At most one process may use a directory at a time; who starts it sees
// to that.
type Recorder struct {
	OnFailure OnFailure // as configured; not to be changed

	config  Config
	keys    *Keyring
	reserve reserve

	troubles troubles

	mu          sync.Mutex
	live        map[access.SessionID]*Recording
	unconfirmed []unconfirmed
}

// New prepares the directory and the signing key, and sets the reserve aside.
// Call [Recorder.Recover] before the first Start, and [Recorder.Run] beside
// everything else.
func New(c Config) (*Recorder, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := freeSpace(c.Dir); err != nil {
		return nil, err
	}
	keys, err := LoadKeys(c.KeyDir, c.Now)
	if err != nil {
		return nil, err
	}
	r := &Recorder{OnFailure: c.OnFailure, config: c, keys: keys, live: map[access.SessionID]*Recording{}}
	r.reserve.path = filepath.Join(c.Dir, reserveName)
	r.reserve.size, r.reserve.minFree, r.reserve.log = c.Reserve, c.MinFree, c.Log
	r.reserve.take()
	return r, nil
}

// Keys are the signing keys, for exporting the public ones.
func (r *Recorder) Keys() *Keyring { return r.keys }

// Folder is where the recording of a session lies, given its
// [access.Session.Recording].
func (r *Recorder) Folder(recording string) string {
	return filepath.Join(r.config.Dir, filepath.FromSlash(recording))
}

// Start opens the recording of s and makes it known to the index as live. It
// sets State, BastionID and Recording; StartedAt if it is zero. Without a
// recording there may be no bytes: an error, which is an [*access.Error] fit
// for the person, means that the session must not begin.
func (r *Recorder) Start(ctx context.Context, s access.Session, shape Shape) (*Recording, error) {
	rec, err := r.start(ctx, s, shape)
	if err == nil {
		return rec, nil
	}
	r.troubles.count(AtStart, err)
	r.config.Log.Error("recorder: cannot record", "session", string(s.ID), "err", err)
	var shown *access.Error
	if errors.As(err, &shown) {
		return nil, shown
	}
	return nil, access.Fail(access.ReasonRecording, "the session cannot be recorded",
		"Ask the operator to look at the recordings disk", err).About(string(s.ID))
}

func (r *Recorder) start(ctx context.Context, s access.Session, shape Shape) (*Recording, error) {
	if !access.ValidID(string(s.ID)) {
		return nil, fmt.Errorf("%q is no session ID", access.Plain(string(s.ID), 40))
	}
	if err := r.room(s.ID); err != nil {
		return nil, err
	}
	start := r.config.Now()
	if s.StartedAt.IsZero() {
		s.StartedAt = start
	}
	s.State, s.BastionID = access.SessionLive, r.config.BastionID
	s.Recording = path.Join(s.StartedAt.UTC().Format("2006/01/02"), string(s.ID))
	rec := r.newRecording(s, start)
	for _, stream := range rec.streams() {
		if shape.Bulk == access.BulkRecord && stream.limit >= 0 {
			stream.limit = math.MaxInt64
		}
		stream.strict = shape.Bulk == access.BulkRefuse
	}
	if shape.Input && s.Terminal {
		rec.typed = &typed{}
	}
	if len(r.config.Recipients) > 0 {
		if err := rec.encrypt(r.config.Recipients); err != nil {
			return nil, err
		}
		s.Command = ""
	}
	if err := rec.create(shape); err != nil {
		return nil, errors.Join(err, rec.abandon())
	}
	if err := r.config.Index.OpenSession(ctx, s); err != nil {
		return nil, errors.Join(indexError{err}, rec.abandon())
	}
	r.mu.Lock()
	r.live[s.ID] = rec
	r.mu.Unlock()
	return rec, nil
}

// room refuses when there is less free space than min_free.
func (r *Recorder) room(id access.SessionID) error {
	free, err := freeSpace(r.config.Dir)
	if err != nil {
		return err
	}
	if free < r.config.MinFree {
		return access.Fail(access.ReasonRecording, "the recordings disk is nearly full",
			"Ask the operator to make room", fmt.Errorf("%w: %d bytes free, %d wanted", errNoRoom, free, r.config.MinFree)).About(string(id))
	}
	return nil
}

// Room reports whether new sessions can be recorded: nil, or the error that
// [Recorder.Start] would give for want of space.
func (r *Recorder) Room() error { return r.room("") }

// newRecording is a recording without its files.
func (r *Recorder) newRecording(s access.Session, start time.Time) *Recording {
	rec := &Recording{
		r: r, dir: r.Folder(s.Recording), session: s, start: start,
		in:     newStream(streamStdin, s.Terminal, r.config.ExecLimit),
		out:    newStream(streamStdout, s.Terminal, r.config.ExecLimit),
		err:    newStream(streamStderr, s.Terminal, r.config.ExecLimit),
		failed: make(chan struct{}),
	}
	rec.in.beside = true
	rec.out.beside = s.Kind == access.KindSFTP
	return rec
}

// create makes the folder and its first files: from here on a crash leaves
// something to recover. Like all that is recorded they are durable by the next
// sync: of a session younger than that a power cut may leave nothing but its row.
func (rec *Recording) create(shape Shape) error {
	shown := rec.session
	if rec.crypt != nil {
		shown.Command = rec.crypt.command
	}
	header, err := encodeHeader(shown, shape)
	if err != nil {
		return err
	}
	if err := rec.makeFolder(); err != nil {
		return err
	}
	rec.made = true
	if rec.crypt != nil {
		if err := rec.crypt.create(); err != nil {
			return err
		}
	}
	if rec.cast, err = rec.makeFile(castName); err != nil {
		return err
	}
	idx, err := createFile(rec.dir, sidecarName, &rec.r.reserve)
	if err != nil {
		return err
	}
	rec.idx = &sidecar{file: *idx}
	rec.idx.start(genesis(rec.session.BastionID, rec.session.ID))
	if err := rec.idx.note(appendPreamble(nil, rec.session.BastionID, rec.session.ID)); err != nil {
		return err
	}
	if rec.crypt != nil {
		if err := rec.idx.hide(rec.session, rec.crypt); err != nil {
			return err
		}
	}
	return rec.cast.append(header)
}

// makeFile makes a file to append to.
func (rec *Recording) makeFile(name string) (*file, error) {
	if rec.crypt != nil {
		return rec.crypt.file(name), nil
	}
	return createFile(rec.dir, name, &rec.r.reserve)
}

// abandon removes a recording that never began. It held no byte of a session.
func (rec *Recording) abandon() error {
	if !rec.made {
		return nil
	}
	var errs []error
	if rec.crypt != nil {
		errs = append(errs, rec.crypt.abandon())
	} else if rec.cast != nil {
		errs = append(errs, rec.cast.f.Close(), os.Remove(filepath.Join(rec.dir, castName)))
	}
	if rec.idx != nil {
		errs = append(errs, rec.idx.f.Close(), os.Remove(filepath.Join(rec.dir, sidecarName)))
	}
	return errors.Join(append(errs, os.Remove(rec.dir))...)
}

// Head is how far the proof of a live recording stands. Kept elsewhere it
// proves everything up to there.
type Head struct {
	Session access.SessionID
	Block   uint64 // blocks so far
	Chain   string // hexadecimal; see the form of session.idx
}

// Heads are those of all live recordings that have closed a block.
func (r *Recorder) Heads() []Head {
	var heads []Head
	for _, rec := range r.recordings() {
		rec.mu.Lock()
		if !rec.closed && rec.idx.blocks > 0 {
			heads = append(heads, Head{rec.session.ID, rec.idx.blocks, hex.EncodeToString(rec.idx.chain[:])})
		}
		rec.mu.Unlock()
	}
	return heads
}

// recordings are those that are live or not sealed yet.
func (r *Recorder) recordings() []*Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*Recording, 0, len(r.live))
	for _, rec := range r.live {
		all = append(all, rec)
	}
	return all
}
