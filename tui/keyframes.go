package tui

import (
	"time"

	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder/screens"
)

// Keyframed is a [Recording] with keyframes beside it, so that seeking need
// not wait until the recording was surveyed. They are a cache that anybody may
// have written: the surveyor, which plays the recording itself, compares them,
// and one that shows something else ends their use.
type Keyframed interface {
	// Keyframes is nil where there are none.
	Keyframes() *screens.Keyframes
}

// A keyframe is the state of a deck at an offset: a snapshot of our own, or a
// frame of a file.
type keyframe struct {
	at, last time.Duration
	offset   int64
	marker   note
	snapshot []byte

	stored *screens.Keyframes // nil: it is our own
	frame  screens.Frame
}

// some reports whether it is one at all.
func (k keyframe) some() bool { return k.snapshot != nil || k.stored != nil }

// screen makes the screen of it.
func (k keyframe) screen() (*vt.Screen, error) {
	snapshot := k.snapshot
	if k.stored != nil {
		var err error
		if snapshot, err = k.stored.Snapshot(k.frame); err != nil {
			return nil, err
		}
	}
	return vt.Restore(snapshot)
}

// nearer is the later of one of our own and a stored one, which is not beyond
// what was asked for either.
func (s *survey) nearer(own keyframe, f screens.Frame, ok bool) keyframe {
	if !ok || f.Offset <= own.offset {
		return own
	}
	return keyframe{at: f.At, last: f.At, offset: f.Offset, marker: note{f.Marker, f.MarkerAt}, stored: s.stored, frame: f}
}

// keyframeAt is the last keyframe before a time; none is the zero one.
func (s *survey) keyframeAt(at time.Duration) keyframe {
	own := s.ownAt(at)
	if s.stored == nil {
		return own
	}
	f, ok := s.stored.Before(at)
	return s.nearer(own, f, ok)
}

// keyframeBefore is the last keyframe before an offset.
func (s *survey) keyframeBefore(offset int64) keyframe {
	own := s.ownBefore(offset)
	if s.stored == nil {
		return own
	}
	f, ok := s.stored.BeforeOffset(offset)
	return s.nearer(own, f, ok)
}
