package tui

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

const (
	keyframeEvery = 1 << 20  // stored bytes, at first
	keyframeRoom  = 48 << 20 // bytes of snapshots kept; beyond it every second one goes
	mostMarks     = 100_000
	pause         = 5 * time.Second // without output: what comes next is an activity
)

// survey is what is known of a recording's course: it is read once from end
// to end in the background, so that seeking and the timeline are at hand. Its
// memory is bounded, however long the recording.
type survey struct {
	length  time.Duration
	course  course
	marks   []time.Duration // of markers, in order
	starts  []time.Duration // of activity after a pause
	frames  []keyframe
	every   int64
	held    int
	through bool               // the end was reached at least once
	stored  *screens.Keyframes // beside the recording; nil without, or when they are not its own
}

func newSurvey() *survey { return &survey{course: newCourse(), every: keyframeEvery} }

// findings is what one slice of the survey found.
type findings struct {
	events []seen
	frames []keyframe
	offset int64
	end    bool
	forged bool // a stored keyframe shows something else than the recording
	err    error
}

// seen is an event without its data.
type seen struct {
	at    time.Duration
	bytes int
	kinds kinds
}

// surveyor reads ahead of the viewer, with a deck of its own.
type surveyor struct {
	deck  *deck
	since int64 // offset of the last keyframe

	stored *screens.Keyframes // to be compared; nil for none
}

// look goes on for a while.
func (s *surveyor) look(ctx context.Context, every int64) (f findings) {
	const most = 4096 // events a slice
	for started := time.Now(); len(f.events) < most && time.Since(started) < sliceOfCPU; {
		_, ok, err := s.deck.peek(ctx)
		if err != nil || !ok {
			f.end, f.err = true, err
			break
		}
		e := s.deck.play()
		if s.stored != nil && !s.stored.Agrees(s.deck.offset, s.deck.screen) {
			f.forged, s.stored = true, nil
		}
		f.events = append(f.events, see(e, s.deck.last))
		if s.deck.offset-s.since >= every {
			f.frames = append(f.frames, s.deck.keyframe())
			s.since = s.deck.offset
		}
	}
	f.offset = s.deck.offset
	return f
}

// see tells what an event is for the timeline. The ledger of files stands in
// the cast as markers that begin with what was done.
func see(e Event, at time.Duration) seen {
	n := seen{at: at}
	switch e.Code {
	case CodeOutput, CodeStderr:
		n.bytes = len(e.Data)
	case CodeResize:
		n.kinds = kindResize
	case CodeMarker:
		switch action, ok := access.FileActionOf(e.Data); {
		case !ok:
			n.kinds = kindMarker
		case action == access.FilePut:
			n.kinds = kindPut
		case action == access.FileGet:
			n.kinds = kindGet
		default:
			n.kinds = kindOther
		}
	}
	return n
}

// take adds findings.
func (s *survey) take(f findings) {
	for _, e := range f.events {
		if s.length > 0 && e.at-s.length > pause && len(s.starts) < mostMarks {
			s.starts = append(s.starts, e.at)
		}
		s.course.idle(s.length, e.at)
		s.length = max(s.length, e.at)
		s.course.add(e.at, e.bytes, e.kinds)
		if e.kinds&^kindResize != 0 && len(s.marks) < mostMarks {
			s.marks = append(s.marks, e.at)
		}
	}
	for _, k := range f.frames {
		s.frames = append(s.frames, k)
		s.held += len(k.snapshot)
	}
	for s.held > keyframeRoom && len(s.frames) > 1 {
		s.thin()
	}
	s.through = s.through || f.end
}

// thin drops every second keyframe and makes fewer from now on.
func (s *survey) thin() {
	kept := s.frames[:0:0]
	s.held = 0
	for i, k := range s.frames {
		if i%2 == 1 {
			kept = append(kept, k)
			s.held += len(k.snapshot)
		}
	}
	s.frames = kept
	s.every *= 2
}

// ownAt is the last of our own before a time; none is the zero one.
func (s *survey) ownAt(at time.Duration) keyframe {
	i, _ := slices.BinarySearchFunc(s.frames, at, func(k keyframe, at time.Duration) int {
		if k.at < at {
			return -1
		}
		return 1 // several may have one time: the first of them is not too far
	})
	if i == 0 {
		return keyframe{}
	}
	return s.frames[i-1]
}

// ownBefore is the last of our own before an offset.
func (s *survey) ownBefore(offset int64) keyframe {
	i, _ := slices.BinarySearchFunc(s.frames, offset, func(k keyframe, offset int64) int {
		if k.offset < offset {
			return -1
		}
		return 1
	})
	if i == 0 {
		return keyframe{}
	}
	return s.frames[i-1]
}

// next is the first of the sorted times after at; before the last one before.
func next(times []time.Duration, at time.Duration) (time.Duration, bool) {
	for _, t := range times {
		if t > at {
			return t, true
		}
	}
	return 0, false
}

func before(times []time.Duration, at time.Duration) (time.Duration, bool) {
	for _, t := range slices.Backward(times) {
		if t < at {
			return t, true
		}
	}
	return 0, false
}
