package approvals

import (
	"context"
	"errors"
	"sync"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// watcher is somebody who looks on at a session.
type watcher struct {
	actor  access.Actor
	screen bool // on a terminal that says what it shows
	end    context.CancelCauseFunc

	// Guarded by Desk.mu.
	counts bool // as the second person whom the session's rule wants
	shown  bool // the session stands before their eyes now
}

// Watch lets an auditor, or the unix socket, look on at a live session of this
// bastion; where its rule wants a second person who watches, approvers of the
// rule, too. The audit chain has it first; then the session's person is told,
// unless the rule says `watch: quiet`, and told again when the watching is
// over. Without a terminal there is nobody to tell. screen says that the
// session is shown on a terminal, whose watching tells by Shown what it shows:
// who watches in another way never counts as the second person, nor does the
// socket. The error is an [*access.Error]; refusals are audited. Nothing of the
// session is shown here.
func (d *Desk) Watch(ctx context.Context, actor access.Actor, id access.SessionID, screen bool) (*access.Watching, error) {
	w := &watcher{actor: actor, screen: screen}
	ctx, w.end = context.WithCancelCause(ctx)
	s, told, err := d.watch(ctx, w, id)
	for errors.Is(err, errStale) {
		s, told, err = d.watch(ctx, w, id)
	}
	if err != nil {
		w.end(nil)
		return nil, d.refuseDecision(ctx, actor, string(id), "watch", err)
	}
	since := d.Now()
	// Whatever ends the look, they see nothing more from then on.
	context.AfterFunc(ctx, func() { d.drop(s, w, nil) })
	return &access.Watching{
		Context: ctx,
		Shown:   func(now bool) { d.show(s, w, now) },
		Leave: sync.OnceFunc(func() {
			d.drop(s, w, nil)
			e := watchEvent(audit.SessionUnwatched, actor, s)
			e.Detail["for"] = exact(d.Now().Sub(since))
			d.record(ctx, e)
			if told {
				s.warn(access.Warning{Watcher: e.Actor, Gone: true})
			}
		}),
	}, nil
}

// watch registers w and then looks whether it may be, so that a sweep or a lock
// that comes later finds it.
func (d *Desk) watch(ctx context.Context, w *watcher, id access.SessionID) (s *session, told bool, err error) {
	d.mu.Lock()
	if s = d.sessions[id]; s != nil && !s.admitted {
		s = nil
	}
	p := d.Policy.Current()
	refused := mayWatch(p, w, s)
	counts := false
	if refused == nil {
		s.watchers[w] = true
		counts = s.vigil != nil && w.screen && w.actor.Via == access.ViaConsole
		// Only at a terminal is there somebody to tell, who can be asked.
		told = s.ruling.rule.Watch != access.WatchQuiet && s.app.AskReason != nil
	}
	d.mu.Unlock()
	if refused != nil {
		return nil, false, refused
	}
	err = d.write(ctx, func(c *change) error {
		if err := d.current(p); err != nil {
			return err
		}
		if err := c.freeActor(p, w.actor); err != nil {
			return err
		}
		e := watchEvent(audit.SessionWatched, w.actor, s)
		e.Detail["told"], e.Detail["counts"] = yesNo(told), yesNo(counts)
		if told = told && !counts; told { // of those who count, the front door tells, by the vigil
			c.done = append(c.done, func() { s.warn(access.Warning{Watcher: e.Actor}) })
		}
		return c.audit(e)
	})
	if err != nil {
		d.mu.Lock()
		delete(s.watchers, w)
		d.mu.Unlock()
		return nil, false, err
	}
	d.mu.Lock()
	w.counts = counts
	d.mu.Unlock()
	return s, told, nil
}

// mayWatch says why w may not look on at s under p; nil if they may. s is nil if
// there is no such session, which is for auditors alone to know.
func mayWatch(p *policy.Policy, w *watcher, s *session) *access.Error {
	auditor := w.actor.Via == access.ViaSocket
	person, known := p.Person(w.actor.Person)
	if known && w.actor.Via == access.ViaConsole {
		auditor = p.Role(person).Auditor
	}
	switch {
	case s == nil && auditor:
		return access.Refuse(access.ReasonNotFound, "no session of that ID is live here", "ssh bastion sessions --state live lists them")
	case auditor && (s.vigil == nil || w.actor.Via == access.ViaSocket):
		return nil
	case s == nil || s.vigil == nil || !known || w.actor.Via != access.ViaConsole:
		return access.Refuse(access.ReasonNotAllowed, "only auditors may watch a session", "")
	}
	return mayKeepVigil(p, person, w, s, auditor)
}

// mayKeepVigil says why a person may not watch a session that must be watched.
// As with approvals, what a stolen session on a host could do must not be
// enough.
func mayKeepVigil(p *policy.Policy, person access.Person, w *watcher, s *session, auditor bool) *access.Error {
	requester, there := p.Person(s.app.Identity.Person)
	rule, ruled := p.Rule(s.ruling.rule.Name)
	switch {
	case !there || !ruled:
		return access.Refuse(access.ReasonNotFound, "no session of that ID is live here", "")
	case person.Human() == requester.Human():
		return access.Refuse(access.ReasonSelf, "your own session must be watched by somebody else", "Ask a colleague to do it")
	case !auditor && (rule.Approval == nil || !p.MayWatch(rule, requester, person)):
		return access.Refuse(access.ReasonNotAllowed, "only auditors and approvers of the rule "+rule.Name+" may watch this session", "")
	case !auditor && !w.screen:
		return access.Refuse(access.ReasonNotAllowed, "approvers watch at a terminal", "ssh -t bastion watch "+string(s.app.Session))
	}
	return mayDecideBy(p, person, w.actor.Identity)
}

// drop takes w off s and ends what they see, with a cause if it is not by their
// own will.
func (d *Desk) drop(s *session, w *watcher, cause error) {
	w.end(cause)
	d.mu.Lock()
	there := s.watchers[w]
	delete(s.watchers, w)
	counted := there && w.counts && w.shown
	if counted {
		s.lastEyes = w.actor.Person
	}
	s.shut()
	d.mu.Unlock()
	if counted {
		d.settle(s)
	}
}

// sweepWatchers ends the looks that p does not let go on.
func (d *Desk) sweepWatchers(p *policy.Policy) {
	d.dropWatchers(func(s *session, w *watcher) *access.Error {
		if id := w.actor.Identity; id != nil && !p.Knows(*id) {
			return stranger()
		}
		return mayWatch(p, w, s)
	})
}

// dropWatchers ends the looks for which over gives a cause.
func (d *Desk) dropWatchers(over func(*session, *watcher) *access.Error) {
	type end struct {
		s     *session
		w     *watcher
		cause *access.Error
	}
	var ends []end
	d.mu.Lock()
	for _, s := range d.sessions {
		for w := range s.watchers {
			if cause := over(s, w); cause != nil {
				ends = append(ends, end{s, w, cause})
			}
		}
	}
	d.mu.Unlock()
	for _, e := range ends {
		d.drop(e.s, e.w, e.cause)
	}
}

func watchEvent(kind audit.Kind, actor access.Actor, s *session) audit.Event {
	e := sessionEvent(kind, actorName(actor), s)
	e.Source, e.Detail = sourceOf(actor), map[string]string{"via": string(actor.Via)}
	return e
}

// sessionEvent tells something of a session.
func sessionEvent(kind audit.Kind, actor string, s *session) audit.Event {
	return audit.Event{
		Kind: kind, Actor: actor, Person: string(s.app.Identity.Person), Host: s.app.Target.Host, Login: s.app.Target.Login,
		Session: string(s.app.Session), Connection: string(s.app.Connection), Detail: map[string]string{},
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// audits reports whether a person is an auditor now.
func (d *Desk) audits(name access.PersonName) bool {
	p := d.Policy.Current()
	person, ok := p.Person(name)
	return ok && p.Role(person).Auditor
}
