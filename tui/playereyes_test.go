package tui_test

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// heeding is a live recording that is told whether its present is shown.
type heeding struct {
	tui.Recording
	shown chan bool
}

func (h heeding) Present(shown bool) { h.shown <- shown }

func (h heeding) is(t *testing.T, want bool) {
	t.Helper()
	select {
	case got := <-h.shown:
		if got != want {
			t.Fatalf("it was told %v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("it was not told %v", want)
	}
}

// A session that must be watched is told when its watcher looks elsewhere in it,
// and when they are back.
func TestPresent(t *testing.T) {
	w := testWorld(t)
	w.sessions[0].Vigil, w.sessions[0].Watchers = true, []access.PersonName{"carol"}
	cfg, h := w.config(), heeding{shown: make(chan bool, 10)}
	cfg.Only = &w.sessions[0]
	cfg.Open = func(ctx context.Context, s access.Session) (_ tui.Recording, err error) {
		h.Recording, err = w.open(ctx, s)
		return h, err
	}
	p := sit(t, cfg, 100, 30)
	p.sees("● LIVE")
	h.is(t, true)
	for _, elsewhere := range []string{" ", "g", "h", ",", "<"} {
		p.press(elsewhere)
		h.is(t, false)
		p.sees("the session is paused while you look elsewhere in it")
		p.press("F")
		h.is(t, true)
	}
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
	if len(h.shown) > 0 {
		t.Errorf("told %v more", <-h.shown)
	}
}

// flooded is a recording that grows faster than anybody reads it while flood is
// set, or that cannot be read while bad is.
type flooded struct {
	heeding
	flood, bad *atomic.Bool
}

func (f flooded) Read(ctx context.Context, offset int64, limit int) ([]tui.Event, error) {
	switch {
	case f.bad.Load():
		return nil, errors.New("the disk is gone")
	case f.flood.Load():
		return []tui.Event{{Code: tui.CodeOutput, Data: "y\r\n", Next: offset}}, nil
	}
	return f.heeding.Read(ctx, offset, limit)
}

// Who is shown what was there long ago, or nothing any more, does not see the
// present, though they follow it.
func TestPresentIsNotThePast(t *testing.T) {
	w := testWorld(t)
	w.sessions[0].Vigil, w.sessions[0].Watchers = true, []access.PersonName{"carol"}
	var flood, bad atomic.Bool
	var late atomic.Int64
	cfg, h := w.config(), flooded{heeding{shown: make(chan bool, 10)}, &flood, &bad}
	cfg.Only = &w.sessions[0]
	now := cfg.Now
	cfg.Now = func() time.Time { return now().Add(time.Duration(late.Load())) }
	cfg.Open = func(ctx context.Context, s access.Session) (_ tui.Recording, err error) {
		h.Recording, err = w.open(ctx, s)
		return h, err
	}
	p := sit(t, cfg, 100, 30)
	p.sees("● LIVE")
	h.is(t, true)

	flood.Store(true)
	late.Store(int64(time.Minute))
	h.is(t, false)
	p.sees("paused until you see what is there")
	flood.Store(false)
	h.is(t, true)

	bad.Store(true)
	h.is(t, false)
	bad.Store(false)
	p.press("F")
	h.is(t, true)
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
}

// What waits for somebody to watch it stands on top.
func TestUnwatchedFirst(t *testing.T) {
	w := testWorld(t)
	older := w.sessions[0]
	older.ID, older.Person, older.Vigil, older.Paused = access.SessionID(id(45)), "frank", true, true
	w.sessions = append(w.sessions[:1:1], append([]access.Session{older}, w.sessions[1:]...)...)
	p := sit(t, w.config(), 120, 40)
	first := regexp.MustCompile(`(?s)frank [^\n]*◌.*dave [^\n]*●`)
	p.waits("the session that nobody watches on top", first.MatchString)
}
