package tui

import (
	"context"
	"strings"
	"time"

	"github.com/sallyport/sallyport/internal/vt"
)

// deed is what a deck can be told to do.
type deed int

const (
	advance  deed = iota // play on by some time
	seek                 // go to a time
	step                 // to after the next event
	stepBack             // to before the last event
	find                 // to the next moment at which a text appears
)

// order is one thing for a deck to do, in as many commands as it takes.
type order struct {
	what     deed
	by, idle time.Duration // advance
	to       time.Duration // seek
	from     keyframe      // the best to start from; zero for the beginning
	needle   string        // find, lower case
	quiet    bool          // following: not to be shown as a seek
	more     int           // steps beside the one

	begun  bool
	offset int64 // stepBack: where to; find: where it began
	origin time.Duration
	hunt   *hunt
}

// run does a part of the order.
func (o *order) run(ctx context.Context, d *deck) (m deckBack) {
	first := !o.begun
	o.begun = true
	switch o.what {
	case advance:
		m.done = true
		m.end, m.err = d.advance(ctx, o.by, o.idle)
	case seek:
		if first {
			m.err = o.start(d, o.to < d.last)
		}
		if m.err == nil {
			m.done, m.err = d.seek(ctx, o.to)
			m.end = m.done && o.to > d.at
		}
	case step:
		m.err = d.step(ctx)
		m.done = o.more == 0
		o.more--
	case stepBack:
		m = o.stepBack(ctx, d, first)
	case find:
		m = o.find(ctx, d, first)
	}
	if m.err != nil {
		m.done = true
	}
	return m
}

// stepBack goes to before the last event, and on back by the other steps.
func (o *order) stepBack(ctx context.Context, d *deck, first bool) (m deckBack) {
	if first {
		if o.from.offset >= d.offset {
			o.from = keyframe{}
		}
		if o.offset, m.err = d.before(ctx, o.from.offset, d.offset); m.err == nil {
			m.err = o.start(d, true)
		}
	}
	if m.err == nil {
		m.done, m.err = d.reach(ctx, o.offset)
	}
	if m.done && o.more > 0 {
		m.done, o.begun = false, false
		o.more--
	}
	return m
}

// start goes to the keyframe, if that is nearer or the way leads back.
func (o *order) start(d *deck, back bool) error {
	switch {
	case o.from.some() && (back || o.from.offset > d.offset):
		return d.load(o.from)
	case back:
		d.rewind()
	}
	return nil
}

// find plays on until the needle appears. Without one, it goes back to where
// it began.
func (o *order) find(ctx context.Context, d *deck, first bool) (m deckBack) {
	if first {
		o.origin, o.offset = d.at, d.offset
		o.hunt = newHunt(d.screen, o.needle)
	}
	if o.hunt == nil { // gave up: on the way back
		m.done, m.err = d.reach(ctx, o.offset)
		if m.done {
			d.at, m.text = o.origin, "not found after here"
		}
		return m
	}
	end := false
	m.done, end, m.err = o.hunt.on(ctx, d)
	switch {
	case m.err == nil && end:
		o.hunt, m.done = nil, false
		m.err = o.start(d, true)
	case m.done && m.err == nil:
		m.text = foundText
	}
	return m
}

// hunt looks for a text as it appears on a screen: in rows that changed, also
// those that scrolled off at once.
type hunt struct {
	needle string
	seen   map[int]string // rows that held it when last looked at
	gone   bool           // it stood in a row that scrolled off
	dirty  []int
}

func newHunt(s *vt.Screen, needle string) *hunt {
	h := &hunt{needle: needle, seen: make(map[int]string)}
	s.TakeDirty(nil)
	_, rows := s.Size()
	for y := range rows {
		h.fresh(s, y)
	}
	return h
}

// fresh reports whether row y holds the needle and did not before; a row that
// is being typed on counts once.
func (h *hunt) fresh(s *vt.Screen, y int) bool {
	text := strings.ToLower(s.Row(y))
	if !strings.Contains(text, h.needle) {
		delete(h.seen, y)
		return false
	}
	for _, was := range h.seen {
		if strings.HasPrefix(text, was) || strings.HasPrefix(was, text) {
			h.seen[y] = text
			return false
		}
	}
	h.seen[y] = text
	return true
}

// on plays for a while.
func (h *hunt) on(ctx context.Context, d *deck) (found, end bool, err error) {
	screen := d.screen
	screen.Departing = func(y int) {
		h.gone = h.gone || h.fresh(screen, y)
	}
	defer func() { screen.Departing = nil }()
	for started := time.Now(); time.Since(started) < sliceOfCPU; {
		_, ok, err := d.peek(ctx)
		if err != nil || !ok {
			return false, true, err
		}
		d.play()
		h.dirty = screen.TakeDirty(h.dirty[:0])
		found, h.gone = h.gone, false
		for _, y := range h.dirty {
			found = h.fresh(screen, y) || found
		}
		if found {
			return true, false, nil
		}
	}
	return false, false, nil
}
