package approvals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Lock keeps a person out, or everybody off a host, until [Desk.Unlock].
// Whatever of theirs is pending is cancelled, whatever was granted is revoked,
// and what lives ends: sessions, forwards and consoles. Lifting the lock gives
// none of it back. Admins may, themselves included, and the unix socket. The
// error is an [*access.Error]; refusals are audited.
func (d *Desk) Lock(ctx context.Context, actor access.Actor, s access.Subject, reason string) error {
	reason = plainReason(reason)
	for {
		err := d.lock(ctx, actor, s, reason)
		if !errors.Is(err, errStale) {
			return d.refuseLock(ctx, actor, s, "lock", err)
		}
	}
}

func (d *Desk) lock(ctx context.Context, actor access.Actor, s access.Subject, reason string) error {
	p := d.Policy.Current()
	who, refused := locker(p, actor)
	if refused != nil {
		return refused
	}
	s, refused = lockable(p, s)
	if refused != nil {
		return refused
	}
	if reason == "" {
		return access.Refuse(access.ReasonNoReason, "a lock needs a reason", "Give it with --reason TEXT")
	}
	return d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		list, err := c.locks()
		if err != nil {
			return err
		}
		if old, there := list.on(s); there {
			return access.Refuse(access.ReasonDecided, fmt.Sprintf("%s locked %s already, at %s UTC", old.By, s, old.At.UTC().Format(time.DateTime)), "")
		}
		l := access.Lock{Subject: s, Reason: reason, By: who.name, Via: actor.Via, At: c.now}
		if err := c.SetLock(l); err != nil {
			return err
		}
		if err := c.auditLock(audit.LockSet, actor, l.Subject, map[string]string{"reason": reason}); err != nil {
			return err
		}
		if err := c.endLocked(p, l, sourceOf(actor)); err != nil {
			return err
		}
		return d.current(p) // s was found under it
	})
}

// Unlock lifts a lock. Who may lock may, unless they are locked themselves.
// The error is an [*access.Error]; refusals are audited.
func (d *Desk) Unlock(ctx context.Context, actor access.Actor, s access.Subject, reason string) error {
	reason = plainReason(reason)
	p := d.Policy.Current()
	if _, refused := locker(p, actor); refused != nil {
		return d.refuseLock(ctx, actor, s, "unlock", refused)
	}
	err := d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		list, err := c.locks()
		if err != nil {
			return err
		}
		l, there := list.on(s)
		if known, refused := lockable(p, s); !there && refused == nil {
			l, there = list.on(known) // by an alias
		}
		if !there {
			return access.Refuse(access.ReasonNotFound, fmt.Sprintf("%s is not locked", s), "ssh bastion lock lists what is")
		}
		if err := c.LiftLock(l.Subject); err != nil {
			return err
		}
		c.done = append(c.done, d.wakeAll) // others may be asked now
		return c.auditLock(audit.LockLifted, actor, l.Subject, map[string]string{
			"reason": reason, "set_by": l.By, "set_at": l.At.Format(time.RFC3339),
		})
	})
	return d.refuseLock(ctx, actor, s, "unlock", err)
}

// locker checks that an actor may lock and unlock.
func locker(p *policy.Policy, actor access.Actor) (decider, *access.Error) {
	who, refused := deciderOf(p, actor)
	if refused == nil && !who.local() && !who.admin {
		refused = access.Refuse(access.ReasonNotAllowed, "only admins and the bastion's own command line lock and unlock", "")
	}
	return who, refused
}

// lockable finds who or what is to be locked: a name that nothing has would
// lock nothing, and nobody would notice.
func lockable(p *policy.Policy, s access.Subject) (access.Subject, *access.Error) {
	switch s.Kind {
	case access.SubjectPerson:
		if _, ok := p.Person(access.PersonName(s.Name)); ok {
			return s, nil
		}
	case access.SubjectHost:
		if h, ok := p.Host(s.Name); ok {
			return access.Subject{Kind: s.Kind, Name: h.Name}, nil
		}
	}
	return s, access.Refuse(access.ReasonNotFound, fmt.Sprintf("the access file has no %s", s), "Type person:NAME or host:NAME as it stands there")
}

// endLocked ends all that a new lock keeps out, within its transaction.
func (c *change) endLocked(p *policy.Policy, l access.Lock, source string) error {
	hits := func(person access.PersonName, host string) bool { return covers(p, l.Subject, person, host) }
	cause := lockedOut(l)
	// First of all, so that who waits for a request that is cancelled here
	// hears of the lock and not of the request.
	d := c.desk
	c.done = slices.Insert(c.done, 0, func() { d.expel(hits, cause) })
	c.done = append(c.done, d.wakeAll) // a locked approver is not asked any more

	words := fmt.Sprintf("%s was locked by %s", l.Subject.Name, l.By)
	requests, err := c.PendingRequests()
	if err != nil {
		return err
	}
	for _, r := range requests {
		if !hits(r.Person, r.Target.Host) {
			continue
		}
		if err := c.endRequest(r, access.RequestCancelled, ending{actor: l.By, source: source, words: words}); err != nil {
			return err
		}
	}
	if c.doomed, err = c.LiveGrants(); err != nil {
		return err
	}
	c.doomed = slices.DeleteFunc(c.doomed, func(g access.Grant) bool { return !hits(g.Person, g.Target.Host) })
	for _, g := range c.doomed {
		err := c.endGrant(g, access.GrantRevoked, ending{actor: l.By, source: source, reason: l.Reason, words: words, cause: cause})
		if err != nil {
			return err
		}
	}
	return nil
}

// expel ends every session that a lock hits, and the consoles of a person. A
// session that is still being evaluated ends too: it may have looked at the
// locks before this one was there.
func (d *Desk) expel(hits func(access.PersonName, string) bool, cause *access.Error) {
	var ends []context.CancelCauseFunc
	d.mu.Lock()
	for _, s := range d.sessions {
		host := s.app.Target.Host
		if s.admitted {
			host = s.ruling.target.Host
		}
		if hits(s.app.Identity.Person, host) {
			ends = append(ends, s.end)
		}
	}
	for a := range d.attending {
		if hits(a.identity.Person, "") {
			ends = append(ends, a.end)
		}
	}
	d.mu.Unlock()
	for _, end := range ends {
		end(cause)
	}
	p := d.Policy.Current()
	d.dropWatchers(func(_ *session, w *watcher) *access.Error {
		if person, known := p.Person(w.actor.Person); known && (hits(person.Name, "") || hits(person.Human(), "")) {
			return cause
		}
		return nil
	})
}

func (c *change) auditLock(kind audit.Kind, actor access.Actor, s access.Subject, detail map[string]string) error {
	e := lockEvent(kind, actor, s)
	e.Detail = detail
	e.Detail["via"] = string(actor.Via)
	return c.audit(e)
}

func lockEvent(kind audit.Kind, actor access.Actor, s access.Subject) audit.Event {
	e := audit.Event{Kind: kind, Actor: actorName(actor), Source: sourceOf(actor)}
	switch s.Kind {
	case access.SubjectPerson:
		e.Person = s.Name
	case access.SubjectHost:
		e.Host = s.Name
	}
	return e
}

// refuseLock audits what did not count and gives the error for the actor; nil
// for nil.
func (d *Desk) refuseLock(ctx context.Context, actor access.Actor, s access.Subject, verdict string, err error) error {
	if err == nil {
		return nil
	}
	e := access.AsError(err)
	event := lockEvent(audit.DecisionRefused, actor, s)
	event.Detail = map[string]string{"cause": string(e.Reason), "why": e.Why, "verdict": verdict, "via": string(actor.Via)}
	d.record(ctx, event)
	return e
}
