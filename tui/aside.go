package tui

import "time"

// lastWait is how long the end of the interface waits for what was left to be
// done aside.
const lastWait = 10 * time.Second

// aside does what the screen must not wait for, and what must not be lost when
// the interface ends: [Run] waits for it, within bounds. f must not touch what
// the update loop does.
func (s *shared) aside(f func()) {
	s.going.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				s.cfg.Log.Error("tui: left undone", "cause", panicked(r))
			}
		}()
		f()
	})
}

// finish waits for what is done aside. What takes longer goes on alone.
func (s *shared) finish() {
	done := make(chan struct{})
	go func() {
		s.going.Wait()
		close(done)
	}()
	late := time.NewTimer(lastWait)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		s.cfg.Log.Error("tui: a recording is still being closed", "person", s.cfg.Actor.Person, "after", lastWait)
	}
}
