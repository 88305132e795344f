package bastion

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// A session whose rule says `watch: required` runs only while a second person
// watches it: see [access.Vigil]. Before the first one comes there is a recording
// to watch, and nothing else: no certificate, no login to the host. From then
// on, while nobody watches, nothing passes in either direction.

const (
	// defaultUnwatched is [Limits.Unwatched] where it is not given.
	defaultUnwatched = 10 * time.Minute
	// maxHeld is how much typing waits for a host that takes none.
	maxHeld = 64 << 10
	// piece is how much of it is written at once: what is under way when the
	// last watcher leaves may still arrive.
	piece = 1 << 10
)

func (s *Server) unwatchedTime() time.Duration {
	if s.Limits.Unwatched > 0 {
		return s.Limits.Unwatched
	}
	return defaultUnwatched
}

// unwatched ends a session that nobody has watched for too long.
func (s *Server) unwatched() *access.Error {
	return access.Refuse(access.ReasonUnwatched, "nobody watched this session for "+s.unwatchedTime().String(), "Connect again when somebody can")
}

// reachWatched is reach for a session that must be watched: record, wait for
// somebody to watch, and only then mint and dial. A recording comes back even with
// an error, once there is one.
func (s *session) reachWatched(pass *access.Pass, facts access.Session, shape recorder.Shape) (*recorder.Recording, *leg, error) {
	rec, err := s.record(pass, facts, shape, access.Certificate{})
	if err != nil {
		s.unrecordable(pass, err)
		return nil, nil, err
	}
	pass.Vigil.Begun(s.ctx)
	if facts.Terminal {
		s.in.watch()
	}
	if err := s.awaitWatcher(pass, rec); err != nil {
		return rec, nil, err
	}
	if facts.Terminal && s.in.stranded() {
		return rec, nil, access.Refuse(access.ReasonMalformed,
			"what you sent came before somebody watched, and is not typed on a terminal long after", "Connect again and type it then")
	}
	if now := s.shape(); now != shape { // the wait may have been long
		if err := rec.Resize(now.Cols, now.Rows); err != nil {
			return rec, nil, recordingFailed(err)
		}
	}
	l, err := s.login(pass)
	return rec, l, err
}

// login gets a leg to the host, which is there already or is made now.
func (s *session) login(pass *access.Pass) (*leg, error) {
	if err := s.c.leg.take(s.ctx); err != nil {
		return nil, err
	}
	defer s.c.leg.release()
	if l := s.c.leg.current(); l != nil && l.serves(pass) {
		return l, nil
	}
	cred, err := s.obtain(pass)
	if err != nil {
		return nil, err
	}
	<-s.issued(pass, cred.Facts)
	l, err := s.dial(pass, cred)
	if err == nil {
		s.c.leg.put(l)
	}
	return l, err
}

// awaitWatcher waits until somebody watches, and says so to the person. It
// returns at once if somebody does.
func (s *session) awaitWatcher(pass *access.Pass, rec *recorder.Recording) error {
	limit := s.srv.unwatchedTime()
	until := s.srv.Now().Add(limit)
	told := pass.Vigil.Kept()
	if !told {
		s.note(rec, fmt.Sprintf("sallyport: waiting for somebody to watch this session (%s may), until %s; Ctrl-C withdraws",
			orNobody(pass.Vigil.May), until.UTC().Format("15:04:05 UTC")))
		s.say("  ssh -t bastion watch " + string(s.id))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		watchers, changed := pass.Vigil.Now()
		if len(watchers) > 0 {
			if !told {
				s.note(rec, fmt.Sprintf("sallyport: %s watching; connecting to %s@%s", areOrIs(watchers), pass.Login, pass.Host.Name))
			}
			return nil
		}
		select {
		case <-changed:
		case w := <-pass.Warnings:
			s.note(rec, warning(w))
		case <-timer.C:
			return s.srv.unwatched()
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

func orNobody(names []access.PersonName) string {
	if len(names) == 0 {
		return "nobody"
	}
	return people(names)
}

// note shows the person a line and leaves it in the recording.
func (s *session) note(rec *recorder.Recording, text string) {
	if err := rec.Marker(text); err != nil {
		s.end(recordingFailed(err))
	}
	s.say(text)
}

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

// typing carries what is typed to the host while somebody watches. The client
// is read all the time: what comes in while nobody watches is dropped as it
// comes, and never waits in a window until somebody does.
type typing struct {
	kept func() bool
	send func([]byte) error // records, then delivers
	end  func(error)
	shut func() // at the end of input

	mu   sync.Mutex
	more sync.Cond // held, ended or over changed, or nobody watches any more
	held []byte
	eof  bool
	over bool
}

func newTyping(kept func() bool, send func([]byte) error, shut func(), end func(error)) *typing {
	t := &typing{kept: kept, send: send, shut: shut, end: end}
	t.more.L = &t.mu
	return t
}

// take is called with what was typed.
func (t *typing) take(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.kept() && !t.over && len(t.held) > 0 && len(t.held)+len(p) > maxHeld {
		t.more.Wait()
	}
	if t.kept() && !t.over {
		t.held = append(t.held, p...)
		t.more.Broadcast()
		return
	}
	if bytes.IndexByte(p, ctrlC) >= 0 {
		t.end(access.Refuse(access.ReasonCancelled, "you ended the session while it was paused", ""))
	}
}

// forget drops what the host has not taken yet.
func (t *typing) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = nil
	t.more.Broadcast()
}

// finish is called at the end of input.
func (t *typing) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.eof = true
	t.more.Broadcast()
}

// stop lets whoever waits go.
func (t *typing) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over, t.held = true, nil
	t.more.Broadcast()
}

// run delivers until the session ends.
func (t *typing) run() {
	for p, ok := t.next(); ok; p, ok = t.next() {
		if !t.kept() {
			continue // it was typed before, and is forgotten with the rest
		}
		if err := t.send(p); err != nil {
			t.stop()
			return
		}
	}
	t.shut()
}

// next waits for a piece; there is none after the end of input.
func (t *typing) next() ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.held) == 0 && !t.eof && !t.over {
		t.more.Wait()
	}
	if len(t.held) == 0 || t.over {
		return nil, false
	}
	p := t.held[:min(piece, len(t.held))]
	t.held = t.held[len(p):]
	t.more.Broadcast()
	return p, true
}
