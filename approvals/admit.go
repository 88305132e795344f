package approvals

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Admit lets one session in, at once or after people have approved it, or
// says why not: the error is an [*access.Error]. Until then it holds the
// caller, as long as ctx lives. If the cause of ctx's end is an
// [*access.Error] with [access.ReasonCancelled], the person withdrew: a
// request that nobody else waits for is cancelled. Any other end is a lost
// connection, and the request stays pending until its deadline.
func (d *Desk) Admit(ctx context.Context, a access.Application) (*access.Pass, error) {
	a.Reason = plainReason(a.Reason)
	s, err := d.register(a)
	if err != nil {
		return nil, access.AsError(err)
	}
	pass, err := d.admit(ctx, s)
	if err == nil {
		return pass, nil
	}
	if cause := context.Cause(s.life); cause != nil {
		err = cause // it was ended from here, and what it waited for perhaps with it
	}
	d.unregister(s)
	e := access.AsError(err)
	if e.ID == "" && ctx.Err() == nil { // else the request's own events tell
		d.record(ctx, audit.Event{
			Kind: audit.AccessRefused, Actor: string(a.Identity.Person), Person: string(a.Identity.Person),
			Host: a.Target.Host, Login: a.Target.Login, Session: string(a.Session), Connection: string(a.Connection),
			Source: a.Identity.Source.String(),
			Detail: map[string]string{"reason": string(e.Reason), "why": e.Why, "kind": string(a.Kind)},
		})
	}
	return nil, e
}

// admit evaluates, and waits where that is what it comes to; and again, for
// whatever was evaluated before waiting may have changed since.
func (d *Desk) admit(ctx context.Context, s *session) (*access.Pass, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.life, func() { stop(context.Cause(s.life)) })()

	asked := s.app.Reason != "" || s.app.AskReason == nil // there is no use in asking for a reason
	for {
		if ctx.Err() != nil {
			return nil, gone(ctx)
		}
		r, refused := judge(d.Policy.Current(), s.app.Identity, s.app.Target, s.app.Kind, d.Now())
		if refused != nil {
			return nil, refused
		}
		if refused := d.watchable(s.app, r); refused != nil {
			return nil, refused
		}
		pass, err := d.enter(ctx, s, r)
		switch {
		case errors.Is(err, errStale):
			continue
		case err != nil || pass != nil:
			return pass, err
		}
		if s.app.Kind == access.KindForward {
			// A withheld open shows nothing, so nobody would know that it waits.
			return nil, access.Refuse(access.ReasonChannel, fmt.Sprintf("forwards to %s need an approved request", r.target),
				fmt.Sprintf("Ask first: ssh bastion request %s --for %s --reason TEXT", r.target, exact(r.rule.Grant.Default)))
		}
		w, err := d.post(ctx, s, r, !asked)
		switch {
		case errors.Is(err, errStale):
			continue
		case errors.Is(err, errAskReason):
			asked = true
			reason, err := s.app.AskReason(ctx)
			if err != nil {
				return nil, gone(ctx)
			}
			s.app.Reason = plainReason(reason)
			continue
		case err != nil:
			return nil, err
		}
		err = d.wait(ctx, w)
		d.leave(ctx, w)
		if err != nil {
			return nil, err
		}
	}
}

// enter lets the session in if nobody has to be asked: by standing access, or
// under a live grant, whose clock starts in the same transaction. It gives no
// pass if there is none.
func (d *Desk) enter(ctx context.Context, s *session, r ruling) (*access.Pass, error) {
	if r.standing {
		return d.enterStanding(ctx, s, r)
	}
	var found bool
	var approvers []access.PersonName
	err := d.write(ctx, func(c *change) error {
		if err := d.current(r.policy); err != nil {
			return err
		}
		if err := c.free(r); err != nil {
			return err
		}
		g, ok, err := c.pick(s, r)
		if err != nil || !ok {
			return err
		}
		request, err := c.Request(g.RequestID)
		if err != nil {
			return err
		}
		found, approvers = true, request.ApprovedBy()
		return c.use(s, r, g)
	})
	if err != nil || !found {
		return nil, err
	}
	return d.pass(s, approvers), nil
}

// enterStanding needs no transaction: it changes no row. A lock that commits
// after the look at them, and a policy that is published after the check, find
// the session.
func (d *Desk) enterStanding(ctx context.Context, s *session, r ruling) (*access.Pass, error) {
	list, err := d.Store.Locks(ctx)
	if err != nil {
		return nil, err
	}
	if refused := locks(list).hit(r.policy, r.person.Name, r.target.Host); refused != nil {
		return nil, refused
	}
	d.mu.Lock()
	if err := d.current(r.policy); err != nil {
		d.mu.Unlock()
		return nil, err
	}
	s.admitted, s.ruling = true, r
	d.vigil(s)
	d.mu.Unlock()
	return d.pass(s, nil), nil
}

// gone is the error of an admission whose caller has left, or was ended.
func gone(ctx context.Context) error {
	var e *access.Error
	if errors.As(context.Cause(ctx), &e) {
		return e
	}
	return &access.Error{Class: access.Refused, Reason: access.ReasonCancelled, Why: "the connection was lost", Cause: context.Cause(ctx)}
}
