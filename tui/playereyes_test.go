package tui_test

import (
	"context"
	"regexp"
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
