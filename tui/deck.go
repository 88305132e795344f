package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
)

const (
	readAhead  = 256 << 10             // stored bytes that are read at once
	sliceOfCPU = 30 * time.Millisecond // a command works so long at a time
	textRows   = 400                   // lines kept of a session without a terminal
)

// deck plays a recording into a screen. One command uses it at a time; it
// hands out frames, which nobody changes, so that drawing waits for nothing.
//
// The state is always that after all events before offset, and none after.
type deck struct {
	rec      Recording
	head     Header
	screen   *vt.Screen
	offset   int64         // of the next event
	at       time.Duration // where playing stands, between the last event and the next
	last     time.Duration // time of the last event
	ahead    []Event       // read and not yet played
	marker   note          // the last
	textCols int
	opening  []byte // what stands above the output of a session without a terminal
	skipped  time.Duration
}

// A note is the text of a marker and its time.
type note struct {
	text string
	at   time.Duration
}

// newDeck makes a deck at the start. Text without a terminal has no width of
// its own and is broken at cols.
func newDeck(rec Recording, s access.Session, cols int) *deck {
	d := &deck{rec: rec, head: rec.Header(), textCols: min(max(cols, 80), 240)}
	if !d.head.Terminal {
		d.opening = textOpening(s)
	}
	d.rewind()
	return d
}

// rewind goes to before the first event.
func (d *deck) rewind() {
	d.ahead, d.offset, d.at, d.last, d.marker = nil, 0, 0, 0, note{}
	if d.head.Terminal {
		d.screen = vt.New(d.head.Cols, d.head.Rows)
		return
	}
	d.screen = vt.New(d.textCols, textRows)
	d.write(d.opening)
}

func (d *deck) write(p []byte) {
	_, _ = d.screen.Write(p) // a screen takes everything
}

// load goes to a keyframe.
func (d *deck) load(k keyframe) error {
	screen, err := k.screen()
	if err != nil && k.stored != nil { // a cache that is damaged: play from the start
		d.rewind()
		return nil
	}
	if err != nil {
		return err
	}
	d.screen, d.offset, d.at, d.last, d.marker, d.ahead = screen, k.offset, k.last, k.last, k.marker, nil
	return nil
}

// keyframe is the present state.
func (d *deck) keyframe() keyframe {
	return keyframe{at: d.last, last: d.last, offset: d.offset, marker: d.marker, snapshot: d.screen.Snapshot()}
}

// peek is the next event; ok is false at the end of what is there.
func (d *deck) peek(ctx context.Context) (e Event, ok bool, err error) {
	if len(d.ahead) == 0 {
		d.ahead, err = d.rec.Read(ctx, d.offset, readAhead)
		if err != nil || len(d.ahead) == 0 {
			return Event{}, false, err
		}
	}
	return d.ahead[0], true, nil
}

// play applies the event that peek gave.
func (d *deck) play() Event {
	e := d.ahead[0]
	d.ahead = d.ahead[1:]
	d.offset = e.Next
	d.last = max(e.At, d.last) // time never runs back, whatever a file says
	d.at = max(d.at, d.last)
	d.apply(e)
	return e
}

func (d *deck) apply(e Event) {
	switch e.Code {
	case CodeOutput:
		if d.head.Terminal {
			d.write([]byte(e.Data))
		} else {
			d.write(textLines(e.Data, false))
		}
	case CodeStderr:
		d.write(textLines(e.Data, true))
	case CodeResize:
		var cols, rows int
		if n, err := fmt.Sscanf(e.Data, "%dx%d", &cols, &rows); n == 2 && err == nil && cols > 0 && rows > 0 && d.head.Terminal {
			d.screen.Resize(cols, rows)
		}
	case CodeMarker:
		d.marker = note{access.Plain(e.Data, 200), d.last}
	}
}

// textLines makes output that no terminal saw fit for one: a line feed also
// returns (there was no line discipline to add that), and stderr is set apart.
func textLines(data string, stderr bool) []byte {
	out := make([]byte, 0, len(data)+len(data)/16+16)
	if stderr {
		out = append(out, "\x1b[31m"...)
	}
	for i := 0; i < len(data); i++ {
		if data[i] == '\n' && (i == 0 || data[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, data[i])
	}
	if stderr {
		out = append(out, "\x1b[39m"...)
	}
	return out
}

// textOpening says what the session was, so that no replay is empty.
func textOpening(s access.Session) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\x1b[2m"+format+"\x1b[m\r\n", args...) }
	line("%s of %s on %s, without a terminal", s.Kind, access.Plain(string(s.Person), 60), access.Plain(s.Target.String(), 120))
	if s.Command != "" {
		fmt.Fprintf(&b, "\x1b[1m$ %s\x1b[m\r\n", access.Plain(s.Command, 1000))
	}
	if s.State != access.SessionLive {
		line("%s out, %s in, ended: %s", bytesText(s.BytesOut), bytesText(s.BytesIn), ending(s))
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// advance plays on by d of the viewer's time. What passes longer than idle
// without an event is cut down to it (0: nothing is cut). At the end of what
// is there, end is true.
func (d *deck) advance(ctx context.Context, by, idle time.Duration) (end bool, err error) {
	target := d.at + by
	d.skipped = 0
	for started := time.Now(); time.Since(started) < sliceOfCPU; {
		e, ok, err := d.peek(ctx)
		if err != nil || !ok {
			return true, err
		}
		if cut := d.last + idle; idle > 0 && e.At > target && target >= cut && e.At > cut {
			d.skipped = e.At - target
			target = e.At
		}
		if e.At > target {
			d.at = target
			return false, nil
		}
		d.play()
	}
	return false, nil // a burst: it goes on with the next tick
}

// seek goes on towards a time, for a while; done says that it is there. It
// only goes forward: for going back, load a keyframe first.
func (d *deck) seek(ctx context.Context, to time.Duration) (done bool, err error) {
	for started := time.Now(); ; {
		e, ok, err := d.peek(ctx)
		if err != nil {
			return true, err
		}
		if !ok {
			d.at = d.last
			return true, nil
		}
		if e.At > to {
			d.at = max(to, d.last)
			return true, nil
		}
		d.play()
		if time.Since(started) > sliceOfCPU {
			return false, nil
		}
	}
}

// step plays the next event that changes what is seen.
func (d *deck) step(ctx context.Context) error {
	for {
		_, ok, err := d.peek(ctx)
		if err != nil || !ok {
			return err
		}
		if e := d.play(); e.Code != CodeInput {
			return nil
		}
	}
}

// before is the offset of the last event but input that was played up to
// offset, found by reading again from a keyframe: events have no links back.
func (d *deck) before(ctx context.Context, from, offset int64) (int64, error) {
	found := from
	for at := from; at < offset; {
		events, err := d.rec.Read(ctx, at, readAhead)
		if err != nil || len(events) == 0 {
			return found, err
		}
		for _, e := range events {
			if e.Next > offset {
				break
			}
			if e.Code != CodeInput {
				found = at
			}
			at = e.Next
		}
		if events[len(events)-1].Next > offset {
			break
		}
	}
	return found, nil
}

// reach plays up to an offset, for a while.
func (d *deck) reach(ctx context.Context, offset int64) (done bool, err error) {
	for started := time.Now(); d.offset < offset; {
		_, ok, err := d.peek(ctx)
		if err != nil || !ok {
			return true, err
		}
		d.play()
		if time.Since(started) > sliceOfCPU {
			return d.offset >= offset, nil
		}
	}
	d.at = d.last
	return true, nil
}
