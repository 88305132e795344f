package approvals

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Cancel withdraws a pending request of the actor's own. Whoever waits on it
// is let go. The error is an [*access.Error].
func (d *Desk) Cancel(ctx context.Context, actor access.Actor, id access.RequestID) error {
	err := d.write(ctx, func(c *change) error {
		r, err := c.Request(id)
		if err != nil {
			return err
		}
		switch {
		case actor.Person == "" || r.Person != actor.Person:
			return access.Refuse(access.ReasonNotAllowed, "it is not your request", "An approver can deny it")
		case r.State != access.RequestPending:
			return decided(r)
		}
		return c.endRequest(r, access.RequestCancelled, ending{actor: actorName(actor), source: sourceOf(actor), words: "withdrawn"})
	})
	return d.refuseDecision(ctx, actor, string(id), "cancel", err)
}

// Release gives a grant of the actor's own back, by its own ID or by that of
// its request, which is the one that a waiting connection shows. Sessions under
// it end. The error is an [*access.Error].
func (d *Desk) Release(ctx context.Context, actor access.Actor, id access.GrantID) error {
	err := d.write(ctx, func(c *change) error {
		g, err := c.grantOf(string(id))
		if err != nil {
			return err
		}
		switch {
		case actor.Person == "" || g.Person != actor.Person:
			return access.Refuse(access.ReasonNotAllowed, "it is not your grant", "An approver can revoke it")
		case !g.State.Live():
			return over(g)
		}
		return c.endGrant(g, access.GrantReleased, ending{
			actor: actorName(actor), source: sourceOf(actor), words: "given back",
			cause: access.Refuse(access.ReasonReleased, fmt.Sprintf("your access to %s was given back", g.Target), "Connect again to ask again"),
		})
	})
	return d.refuseDecision(ctx, actor, string(id), "release", err)
}

func over(g access.Grant) *access.Error {
	return access.Refuse(access.ReasonDecided, fmt.Sprintf("the grant is %s already", g.State), "")
}

// Revoke takes a grant away, by its own ID or by that of its request. Sessions
// under it end, unless another grant covers them. Approvers of the rule may,
// and admins, and the unix socket. The error is an [*access.Error]; refusals
// are audited.
func (d *Desk) Revoke(ctx context.Context, actor access.Actor, id string, reason string) error {
	reason = plainReason(reason)
	p := d.Policy.Current()
	who, refused := deciderOf(p, actor)
	if refused != nil {
		return d.refuseDecision(ctx, actor, id, "revoke", refused)
	}
	err := d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		g, err := c.grantOf(id)
		if err != nil {
			return err
		}
		if !who.mayEnd(p, g.Person, g.Rule) {
			return access.Refuse(access.ReasonNotAllowed, fmt.Sprintf("only approvers of the rule %s and admins may revoke it", g.Rule), "")
		}
		if !g.State.Live() {
			return over(g)
		}
		return c.endGrant(g, access.GrantRevoked, ending{
			actor: who.name, source: sourceOf(actor), reason: reason, words: because("revoked by "+who.name, reason),
			cause: access.Refuse(access.ReasonRevoked, because(fmt.Sprintf("%s took your access to %s away", who.name, g.Target), reason),
				"Talk to "+who.name),
		})
	})
	return d.refuseDecision(ctx, actor, id, "revoke", err)
}

// grantOf finds a grant by its own ID or its request's.
func (c *change) grantOf(id string) (access.Grant, error) {
	g, err := c.Grant(access.GrantID(id))
	if err == nil || access.AsError(err).Reason != access.ReasonNotFound {
		return g, err
	}
	r, err := c.Request(access.RequestID(id))
	switch {
	case err != nil && access.AsError(err).Reason == access.ReasonNotFound:
		return g, access.Refuse(access.ReasonNotFound, "there is no grant or request of that ID", "Type the whole ID as it was printed")
	case err != nil:
		return g, err
	case r.State == access.RequestPending:
		return g, access.Refuse(access.ReasonNotFound, "it is not decided yet, so there is no grant", "deny or cancel ends the request")
	case r.Grant == nil:
		return g, access.Refuse(access.ReasonDecided, "the request is "+string(r.State)+" and gave no grant", "")
	}
	return *r.Grant, nil
}

// mayEnd reports whether the decider may end what a person has under a rule:
// who may approve it, admins, and the socket.
func (who decider) mayEnd(p *policy.Policy, person access.PersonName, rule string) bool {
	if who.local() || who.admin {
		return true
	}
	r, there := p.Rule(rule)
	requester, known := p.Person(person)
	return there && known && slices.Contains(names(p.Approvers(r, requester)), who.person.Name)
}

// Kill ends one live session of this bastion; its grant stays. Its own person
// may, approvers of its rule, admins, and the unix socket. The error is an
// [*access.Error]; refusals are audited.
func (d *Desk) Kill(ctx context.Context, actor access.Actor, id access.SessionID, reason string) error {
	reason = plainReason(reason)
	return d.refuseDecision(ctx, actor, string(id), "kill", d.kill(ctx, actor, id, reason))
}

// MayEnd reports whether to offer the actor the end of a live session. It is
// for showing: [Desk.Kill] decides.
func (d *Desk) MayEnd(actor access.Actor, live access.Session) bool {
	if actor.Person != "" && actor.Person == live.Person {
		return true
	}
	p := d.Policy.Current()
	who, refused := deciderOf(p, actor)
	return refused == nil && who.mayEnd(p, live.Person, live.Rule)
}

func (d *Desk) kill(ctx context.Context, actor access.Actor, id access.SessionID, reason string) error {
	d.mu.Lock()
	s := d.sessions[id]
	var rule string
	if s != nil && s.admitted {
		rule = s.ruling.rule.Name
	}
	d.mu.Unlock()
	if s == nil {
		return access.Refuse(access.ReasonNotFound, "no session of that ID is live here", "ssh bastion sessions --state live lists them")
	}
	own := actor.Person != "" && actor.Person == s.app.Identity.Person
	p := d.Policy.Current()
	if !own {
		who, refused := deciderOf(p, actor)
		if refused != nil {
			return refused
		}
		if !who.mayEnd(p, s.app.Identity.Person, rule) {
			return access.Refuse(access.ReasonNotAllowed, "only admins, approvers of its rule and its own person may end a session", "")
		}
	}
	name := actorName(actor)
	return d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		c.done = append(c.done, func() {
			s.end(access.Refuse(access.ReasonKilled, because(name+" ended this session", reason), "Talk to "+name).About(string(id)))
		})
		return c.audit(audit.Event{
			Kind: audit.SessionKilled, Actor: name, Person: string(s.app.Identity.Person), Host: s.app.Target.Host,
			Login: s.app.Target.Login, Session: string(id), Connection: string(s.app.Connection), Source: sourceOf(actor),
			Detail: map[string]string{"reason": reason, "via": string(actor.Via)},
		})
	})
}
