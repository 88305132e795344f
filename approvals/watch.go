package approvals

import (
	"context"
	"sync"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Watch lets an auditor, or the unix socket, look on at a live session of this
// bastion. The audit chain has it first; then the session's person is told,
// unless the rule says `watch: quiet`, and told again when the watching is
// over: leave must be called then, and may be called twice. Without a terminal
// there is nobody to tell. The error is an
// [*access.Error]; refusals are audited. Nothing of the session is shown here.
func (d *Desk) Watch(ctx context.Context, actor access.Actor, id access.SessionID) (leave func(), err error) {
	s, told, err := d.watch(ctx, actor, id)
	if err != nil {
		return nil, d.refuseDecision(ctx, actor, string(id), "watch", err)
	}
	since := d.Now()
	return sync.OnceFunc(func() {
		e := watchEvent(audit.SessionUnwatched, actor, s)
		e.Detail["for"] = exact(d.Now().Sub(since))
		d.record(ctx, e)
		if told {
			s.warn(access.Warning{Watcher: e.Actor, Gone: true})
		}
	}), nil
}

func (d *Desk) watch(ctx context.Context, actor access.Actor, id access.SessionID) (s *session, told bool, err error) {
	p := d.Policy.Current()
	if !mayWatch(p, actor) {
		return nil, false, access.Refuse(access.ReasonNotAllowed, "only auditors may watch a session", "")
	}
	d.mu.Lock()
	if s = d.sessions[id]; s != nil && !s.admitted {
		s = nil
	}
	if s != nil {
		// Only at a terminal is there somebody to tell, who can be asked.
		told = s.ruling.rule.Watch != access.WatchQuiet && s.app.AskReason != nil
	}
	d.mu.Unlock()
	if s == nil {
		return nil, false, access.Refuse(access.ReasonNotFound, "no session of that ID is live here", "ssh bastion sessions --state live lists them")
	}
	err = d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		e := watchEvent(audit.SessionWatched, actor, s)
		e.Detail["told"] = "yes"
		if !told {
			e.Detail["told"] = "no"
		}
		if told {
			c.done = append(c.done, func() { s.warn(access.Warning{Watcher: e.Actor}) })
		}
		return c.audit(e)
	})
	return s, told, err
}

// mayWatch reports whether the actor may see what others do.
func mayWatch(p *policy.Policy, a access.Actor) bool {
	if a.Via == access.ViaSocket {
		return true
	}
	person, ok := p.Person(a.Person)
	return ok && a.Via == access.ViaConsole && p.Role(person).Auditor
}

func watchEvent(kind audit.Kind, actor access.Actor, s *session) audit.Event {
	return audit.Event{
		Kind: kind, Actor: actorName(actor), Person: string(s.app.Identity.Person), Host: s.app.Target.Host,
		Login: s.app.Target.Login, Session: string(s.app.Session), Connection: string(s.app.Connection), Source: sourceOf(actor),
		Detail: map[string]string{"via": string(actor.Via)},
	}
}
