package bastion

import (
	"fmt"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
)

// vigil is what a relay does while its session must be watched.
type vigil struct {
	*access.Vigil
	watchers []access.PersonName // as the person was told
	paused   *time.Timer         // runs out when nobody has watched for too long; nil while somebody does
	typing   *typing             // nil without a terminal
}

// keepVigil begins before anything passes.
func (r *relay) keepVigil(v *access.Vigil) {
	r.vigil = &vigil{Vigil: v}
	r.vigil.watchers, _ = v.Now()
	if len(r.vigil.watchers) == 0 { // they left while the program was started
		r.vigil.paused = time.NewTimer(r.s.srv.unwatchedTime())
	}
	if r.terminal {
		send := func(p []byte) error { _, err := r.toHost(p); return err }
		r.vigil.typing = newTyping(v.Kept, send, r.shut, r.s.end)
	}
}

// beginVigil has typing delivered.
func (r *relay) beginVigil() {
	if r.vigil != nil && r.vigil.typing != nil {
		go r.vigil.typing.run()
	}
}

// endVigil lets go what waits for it.
func (r *relay) endVigil() {
	if r.vigil == nil {
		return
	}
	if r.vigil.paused != nil {
		r.vigil.paused.Stop()
	}
	if r.vigil.typing != nil {
		r.vigil.typing.stop()
	}
}

// hold returns once somebody watches, or with the cause of the session's end.
func (r *relay) hold() error {
	if r.vigil == nil {
		return nil
	}
	return r.vigil.Await(r.s.ctx)
}

// overseen takes a change of who watches: it tells the person, and starts or
// stops the clock of a pause.
func (r *relay) overseen() {
	v := r.vigil
	now, _ := v.Now()
	before := v.watchers
	v.watchers = now
	switch {
	case len(now) == 0 && len(before) > 0:
		v.paused = time.NewTimer(r.s.srv.unwatchedTime())
		if v.typing != nil {
			v.typing.forget()
		}
		until := r.s.srv.Now().Add(r.s.srv.unwatchedTime())
		r.remark(fmt.Sprintf("sallyport: paused, %s no longer watching; what you type is dropped, Ctrl-C ends the session, as %s does (%s)",
			areOrIs(before), until.UTC().Format("15:04:05 UTC"), r.s.id))
	case len(now) > 0 && len(before) == 0:
		if v.paused != nil {
			v.paused.Stop()
			v.paused = nil
		}
		r.touch()
		r.remark("sallyport: " + areOrIs(now) + " watching; the session goes on")
	default:
		for _, w := range now {
			if !slices.Contains(before, w) {
				r.remark("sallyport: " + string(w) + " is watching")
			}
		}
		for _, w := range before {
			if !slices.Contains(now, w) {
				r.remark("sallyport: " + string(w) + " is no longer watching")
			}
		}
	}
}

// remark leaves a line in the recording, and shows it to whoever sits at the
// terminal.
func (r *relay) remark(text string) {
	if err := r.rec.Marker(text); err != nil {
		r.s.end(recordingFailed(err))
	}
	if r.terminal {
		r.words.put(text)
	}
}

// signals reports whether signals may pass: not while nobody watches.
func (r *relay) signals() bool { return r.vigil == nil || r.vigil.Kept() }

// unseen is the end of a session that must be watched and is no longer recorded:
// its watchers see nothing more, so nothing more passes, even where a failure
// only warns ([recorder.Warn]).
func (r *relay) unseen() error {
	if r.vigil == nil {
		return nil
	}
	select {
	case <-r.rec.Failed():
		return recordingFailed(r.rec.Err())
	default:
		return nil
	}
}

// typed takes input of a session that must be watched. What a command without
// a terminal reads stands on no screen, and so nobody could watch it.
func (r *relay) typed(p []byte) error {
	if r.vigil.typing == nil {
		err := access.Refuse(access.ReasonUnwatched, "the rule wants this watched, and nobody could see what a command without a terminal reads",
			"Give it no input (ssh -n), or a terminal (ssh -t)")
		r.s.end(err)
		return err
	}
	r.vigil.typing.take(p)
	return nil
}

func areOrIs(names []access.PersonName) string {
	if len(names) == 1 {
		return people(names) + " is"
	}
	return people(names) + " are"
}

// changes is told when who watches changes, and over when nobody has for too
// long.
func (r *relay) changes() (changed <-chan struct{}, over <-chan time.Time) {
	if r.vigil == nil {
		return nil, nil
	}
	now, changed := r.vigil.Now()
	if !slices.Equal(now, r.vigil.watchers) {
		done := make(chan struct{})
		close(done)
		changed = done
	}
	if r.vigil.paused != nil {
		over = r.vigil.paused.C
	}
	return changed, over
}
