package tui_test

import (
	"slices"
	"testing"
)

// `watch ID` is the player by itself: it follows, ends the session with a
// reason, and leaving it leaves the program.
func TestOnlyOneSession(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.Only = &w.sessions[0]
	p := sit(t, cfg, 80, 24)
	p.sees("● LIVE", "checkpoint 39 complete", "k end the session")
	p.press("k")
	p.sees("End dave's session on postgres@db2?")
	p.press("off the runbook\r")
	p.sees("ended")
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"carol kill " + id(50) + ": off the runbook"}; !slices.Equal(w.done(), want) {
		t.Errorf("the desk was told %q, want %q", w.done(), want)
	}
}
