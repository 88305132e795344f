package approvals

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Extend asks for more time under a grant that runs, by its own ID or by that
// of its request. It is a request like any other, decided like any other; when
// it is approved, the end of the grant moves by length, its sessions go on and
// are warned anew. Denied, lapsed or unanswered, the grant ends when it would
// have: the request waits no longer than until then.
//
// From its first session a grant lasts no longer than the rule's longest,
// extensions included. Without a length it is the rule's default, or what is
// left of that. The person whose grant it is may ask, by any key of theirs.
//
// On the unix socket it asks and approves in one: break-glass, with a reason,
// announced like such an approval. The error is an [*access.Error]; refusals
// are audited.
func (d *Desk) Extend(ctx context.Context, actor access.Actor, id string, length time.Duration, reason string) (access.Request, error) {
	for {
		r, err := d.extend(ctx, actor, id, length, plainReason(reason))
		switch {
		case errors.Is(err, errStale):
			continue
		case err != nil:
			return access.Request{}, d.refuseDecision(ctx, actor, id, "extend", err)
		}
		return r, nil
	}
}

func (d *Desk) extend(ctx context.Context, actor access.Actor, id string, length time.Duration, reason string) (after access.Request, err error) {
	p := d.Policy.Current()
	local := actor.Via == access.ViaSocket
	switch {
	case local && reason == "":
		return after, access.Refuse(access.ReasonNoReason, "an extension by break-glass needs a reason", "Give it with --reason TEXT")
	case !local && (actor.Identity == nil || actor.Identity.Person != actor.Person || !p.Knows(*actor.Identity)):
		return after, access.Refuse(access.ReasonNotAllowed, "only a person with a key can ask", "Ask over SSH: ssh bastion extend ID")
	}
	d.posting.Lock()
	defer d.posting.Unlock()
	err = d.write(ctx, func(c *change) error {
		g, err := c.grantOf(id)
		if err != nil {
			return err
		}
		if !local && g.Person != actor.Person {
			return access.Refuse(access.ReasonNotAllowed, "it is not your grant", "Ask for one of your own: ssh bastion request "+g.Target.String())
		}
		r, err := c.extendable(p, g)
		if err != nil {
			return err
		}
		if length, err = moreTime(r.rule, g, length); err != nil {
			return err
		}
		request := d.draft(r, identityOf(actor, g), length, reason)
		// The grant binds its key, whichever one asks.
		request.Extends, request.Fingerprint = g.ID, g.Fingerprint
		if request.WaitUntil.After(g.NotAfter) {
			request.WaitUntil = g.NotAfter
		}
		if request, err = c.askMore(request, r, actor); err != nil {
			return err
		}
		if after, err = c.Request(request.ID); err != nil {
			return err
		}
		return d.current(p)
	})
	return after, err
}

// identityOf is who asks: of a person at the socket nothing is known but what
// the grant binds.
func identityOf(actor access.Actor, g access.Grant) access.Identity {
	if actor.Identity != nil {
		return *actor.Identity
	}
	return access.Identity{Person: g.Person, Fingerprint: g.Fingerprint}
}

// extendable checks that a grant runs, that the policy still gives what it
// gives, and that nobody concerned is locked.
func (c *change) extendable(p *policy.Policy, g access.Grant) (r ruling, err error) {
	switch {
	case g.State == access.GrantReady:
		return r, access.Refuse(access.ReasonDecided, fmt.Sprintf("its clock has not started: its %s count from the first session", exact(g.For)), "")
	case !g.State.Live():
		return r, over(g)
	case !alive(g, c.now):
		return r, access.Refuse(access.ReasonDecided, "the grant's time is over", "Connect again to ask again")
	}
	allowed, asks := c.covered(p, p, holding{g.Person, g.Fingerprint, "", g.Target, g.Rule, g.Kinds})
	rule, there := p.Rule(g.Rule)
	person, known := p.Person(g.Person)
	host, _ := p.Host(g.Target.Host)
	r = ruling{policy: p, person: person, host: host, target: g.Target, rule: rule, kinds: g.Kinds}
	switch {
	case !allowed || !there || !known:
		return r, removed(g.Target)
	case !asks:
		return r, noNeed(r)
	}
	return r, c.free(r)
}

// moreTime checks how much more is asked for, and fills in what was left out.
func moreTime(rule *policy.Rule, g access.Grant, length time.Duration) (time.Duration, error) {
	left := g.StartedAt.Add(rule.Grant.Max).Sub(g.NotAfter)
	if length == 0 {
		length = min(rule.Grant.Default, left)
	}
	if 0 < length && length <= left {
		return length, nil
	}
	why := fmt.Sprintf("the rule %s gives at most %s from the first session", rule.Name, exact(rule.Grant.Max))
	if left < time.Second {
		return 0, access.Refuse(access.ReasonLimit, why+", and they are used up", "Connect again when it is over, to ask again")
	}
	return 0, access.Refuse(access.ReasonLimit, why, fmt.Sprintf("Ask for %s or less", exact(left.Truncate(time.Second))))
}

// askMore posts an extension, or joins the one that is pending; at the socket
// it is approved at once.
func (c *change) askMore(request access.Request, r ruling, actor access.Actor) (access.Request, error) {
	joined, err := c.join(request)
	if err != nil {
		return request, err
	}
	if actor.Via != access.ViaSocket {
		if joined.ID != "" {
			return joined, nil
		}
		return request, c.create(request, r, manner{})
	}
	if joined.ID != "" {
		request = joined
	} else if err := c.insert(request, r, actorName(actor), nil); err != nil {
		return request, err
	}
	who := decider{actor: actor, name: actorName(actor)}
	return request, c.count(r.policy, request, r.rule, r.person, who, access.Word{Request: request.ID, Verdict: access.VerdictApprove, Reason: request.Reason})
}

// lengthen is what the approval of an extension does: the end of its grant
// moves, and its sessions are warned of the new one.
func (c *change) lengthen(r access.Request, rule *policy.Rule, who decider, reason string) error {
	g, err := c.Grant(r.Extends)
	if err != nil {
		return err
	}
	if g.State != access.GrantActive || !alive(g, c.now) {
		return over(g) // its pending extension should have ended with it
	}
	from := g.NotAfter
	g.NotAfter = from.Add(granted(r))
	// The rule may have become narrower since it was asked.
	if most := g.StartedAt.Add(rule.Grant.Max); g.NotAfter.After(most) {
		g.NotAfter = most
	}
	if !g.NotAfter.After(from) {
		return access.Refuse(access.ReasonLimit, fmt.Sprintf("the rule %s gives no more time by now", rule.Name), "")
	}
	if err := c.EndRequest(r.ID, access.RequestApproved, c.now, "approved by "+who.name); err != nil {
		return err
	}
	if err := c.ExtendGrant(from, g); err != nil {
		return err
	}
	if err := c.auditDecision(audit.RequestApproved, r, who, reason); err != nil {
		return err
	}
	e := grantEvent(audit.GrantExtended, audit.ActorSystem, g)
	e.Request = string(r.ID)
	e.Detail["for"], e.Detail["not_after"] = exact(g.NotAfter.Sub(from)), g.NotAfter.Format(time.RFC3339)
	if err := c.audit(e); err != nil {
		return err
	}
	for _, s := range c.desk.under(g.ID) {
		c.bind(s, s.ruling, g)
		c.tellMoved(s, g)
	}
	if err := c.tell(access.Effect{Request: g.RequestID, Kind: access.EffectExtended, Person: access.PersonName(who.name), For: g.NotAfter.Sub(from), Until: g.NotAfter}); err != nil {
		return err
	}
	if err := c.showDecided(r); err != nil {
		return err
	}
	return c.showGrant(g)
}

// showGrant shows the request of a grant as it stands now, and those that
// lengthened it.
func (c *change) showGrant(g access.Grant) error {
	if err := c.show(g.RequestID); err != nil {
		return err
	}
	list, err := c.Extensions(g.ID)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.State != access.RequestApproved {
			continue
		}
		if err := c.show(r.ID); err != nil {
			return err
		}
	}
	return nil
}

// endExtensions ends what was asked for under a grant that is over.
func (c *change) endExtensions(g access.Grant, e ending) error {
	list, err := c.Extensions(g.ID)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.State != access.RequestPending {
			continue
		}
		if err := c.endRequest(r, access.RequestCancelled, ending{actor: e.actor, source: e.source, words: "its grant is over: " + e.words}); err != nil {
			return err
		}
	}
	return nil
}
