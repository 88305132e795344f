package tui

import (
	"errors"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

// Trail is what a recording tells of a session's course without being played:
// when there was something, and where its forwards went.
type Trail struct {
	Length   time.Duration // to the last event
	Heat     []int64       // how much there is in each part of that time
	Forwards []recorder.Forward
	More     bool   // there may be other forwards
	Missing  string // why there is nothing; empty if there is
}

// trailParts is in how many parts a trail tells the time.
const trailParts = 160

// ReadTrail reads the trail of the recording in a folder. It costs some short
// reads, however long the recording is, and shows no content but where
// forwards went. What is encrypted stays so.
func ReadTrail(path string) (Trail, error) {
	cast, err := recorder.Open(path)
	switch {
	case errors.Is(err, recorder.ErrEncrypted):
		return Trail{Missing: "encrypted"}, nil
	case errors.Is(err, recorder.ErrDeleted):
		return Trail{Missing: "deleted; its tombstone stays"}, nil
	case err != nil:
		return Trail{}, err
	}
	var t Trail
	t.Heat, t.Length, err = cast.Activity(trailParts)
	if e := cast.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Trail{}, err
	}
	t.Forwards, t.More, err = recorder.Forwards(path)
	return t, err
}
