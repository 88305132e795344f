package recorder

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
)

// Stage is what a recording was at when it failed.
type Stage string

const (
	AtStart Stage = "start" // the session was refused
	AtWrite Stage = "write"
	AtSync  Stage = "sync" // what was written may not be on the disk
	AtSeal  Stage = "seal" // it is tried again, at last by the next start
)

// Cause is why, by what the operator can do about it.
type Cause string

const (
	CauseFull     Cause = "full"      // no room, or less than min_free
	CauseReadOnly Cause = "read_only" // the file system was remounted so
	CauseIO       Cause = "io"        // the disk
	CauseGone     Cause = "gone"      // a folder or a file was removed
	CauseDenied   Cause = "denied"
	CauseIndex    Cause = "index" // the database, and not the disk
	CauseOther    Cause = "other"
)

var (
	stages = []Stage{AtStart, AtWrite, AtSync, AtSeal}
	causes = []Cause{CauseFull, CauseReadOnly, CauseIO, CauseGone, CauseDenied, CauseIndex, CauseOther}
)

// Failure is one way to fail.
type Failure struct {
	At    Stage
	Cause Cause
}

// Health is how recording goes: counts since the start, and what is so now.
type Health struct {
	Failed   map[Failure]int64 // recordings, each once at a stage; every way to fail is there
	Gaps     int64             // closed ones, under [Warn]
	GapBytes int64             // that passed in them
	Unsealed int               // ended, and not sealed so far
	Free     int64             // bytes
	Reserve  int64             // bytes set aside; 0 once it was given up
}

// Health tells how recording goes. An error is that of asking for free space,
// and the rest is told all the same.
func (r *Recorder) Health() (Health, error) {
	h := r.troubles.told()
	for _, rec := range r.recordings() {
		rec.mu.Lock()
		if rec.closed && rec.unsealed {
			h.Unsealed++
		}
		rec.mu.Unlock()
	}
	h.Reserve = r.reserve.bytes()
	var err error
	h.Free, err = freeSpace(r.config.Dir)
	return h, err
}

// troubles counts what went wrong since the start.
type troubles struct {
	mu             sync.Mutex
	failed         map[Failure]int64
	gaps, gapBytes int64
}

func (t *troubles) count(at Stage, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = map[Failure]int64{}
	}
	t.failed[Failure{at, causeOf(cause)}]++
}

func (t *troubles) countGap(g Gap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gaps++
	t.gapBytes += g.Bytes
}

func (t *troubles) told() Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := Health{Failed: map[Failure]int64{}, Gaps: t.gaps, GapBytes: t.gapBytes}
	for _, at := range stages {
		for _, cause := range causes {
			h.Failed[Failure{at, cause}] = t.failed[Failure{at, cause}]
		}
	}
	return h
}

// indexError is an error of the index.
type indexError struct{ error }

func (e indexError) Unwrap() error { return e.error }

// errNoRoom: there is less free space than is to stay free.
var errNoRoom = errors.New("too little free space")

// errAstray: a name stands for another file than the one that is written.
var errAstray = errors.New("not the file that is written any more")

// causeOf sorts an error.
func causeOf(err error) Cause {
	var index indexError
	switch {
	case errors.As(err, &index):
		return CauseIndex
	case errors.Is(err, errNoRoom), diskFull(err):
		return CauseFull
	case errors.Is(err, syscall.EROFS):
		return CauseReadOnly
	case errors.Is(err, syscall.EIO):
		return CauseIO
	case errors.Is(err, errAstray), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESTALE):
		return CauseGone
	case errors.Is(err, fs.ErrPermission):
		return CauseDenied
	}
	return CauseOther
}
