package approvals

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Decide takes one actor's word on a pending request and gives the request as
// it then stands: still pending if more approvals are needed. Exactly one
// decision ends a request, whatever arrives twice, late or at once; whoever
// comes after it gets [access.ReasonDecided] and hears who won.
//
// On the unix socket an approval is break-glass: it needs a reason, no rule
// limits it, and an event of its own announces it. The decision shows it by
// [access.ViaSocket]. The error is an [*access.Error]; refusals are audited.
func (d *Desk) Decide(ctx context.Context, actor access.Actor, word access.Word) (access.Request, error) {
	word.Reason = plainReason(word.Reason)
	for {
		r, err := d.decide(ctx, actor, word)
		if errors.Is(err, errStale) {
			continue // a policy was published meanwhile: judge again, under it
		}
		if err != nil {
			return access.Request{}, d.refuseDecision(ctx, actor, string(word.Request), string(word.Verdict), err)
		}
		return r, nil
	}
}

// refuseDecision audits what did not count and gives the error for the actor;
// nil for nil.
func (d *Desk) refuseDecision(ctx context.Context, actor access.Actor, id, verdict string, err error) error {
	if err == nil {
		return nil
	}
	e := access.AsError(err)
	if e.ID == "" {
		e = e.About(access.Plain(id, 40))
	}
	d.record(ctx, audit.Event{
		Kind: audit.DecisionRefused, Actor: actorName(actor), Request: access.Plain(id, 40), Source: sourceOf(actor),
		Detail: map[string]string{"cause": string(e.Reason), "why": e.Why, "verdict": verdict, "via": string(actor.Via)},
	})
	return e
}

// decide is one attempt, in one transaction under one policy.
func (d *Desk) decide(ctx context.Context, actor access.Actor, word access.Word) (access.Request, error) {
	p := d.Policy.Current()
	if refused := sound(word); refused != nil {
		return access.Request{}, refused
	}
	who, refused := deciderOf(p, actor)
	if refused != nil {
		return access.Request{}, refused
	}
	var after access.Request
	var late *access.Error // a refusal that goes with a change
	err := d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		r, err := c.Request(word.Request)
		if err != nil {
			return err
		}
		if r.State != access.RequestPending {
			return decided(r)
		}
		if !c.now.Before(r.WaitUntil) {
			late = access.Refuse(access.ReasonDecided, "it lapsed: nobody decided it in time", "The person has to ask again")
			return c.lapse(r)
		}
		rule, requester, refused := mayDecide(p, who, r, word)
		if refused != nil {
			return refused
		}
		if err := c.count(p, r, rule, requester, who, word); err != nil {
			return err
		}
		if after, err = c.Request(word.Request); err != nil {
			return err
		}
		return d.current(p) // last: nothing commits under an older policy
	})
	if err == nil && late != nil {
		err = late
	}
	return after, err
}

// sound checks a word by itself.
func sound(word access.Word) *access.Error {
	switch {
	case word.Verdict != access.VerdictApprove && word.Verdict != access.VerdictDeny:
		return access.Refuse(access.ReasonMalformed, "a decision is approve or deny", "")
	case word.For < 0 || word.For > 0 && word.Verdict != access.VerdictApprove:
		return access.Refuse(access.ReasonMalformed, "only an approval is for a time", "")
	}
	return nil
}

// decided tells who comes too late who was first.
func decided(r access.Request) *access.Error {
	why := "it is " + string(r.State) + " already"
	if n := len(r.Decisions); n > 0 && (r.State == access.RequestApproved || r.State == access.RequestDenied) {
		last := r.Decisions[n-1]
		why = fmt.Sprintf("%s %s it already, at %s UTC", last.Person, r.State, last.At.UTC().Format(time.TimeOnly))
	}
	return access.Refuse(access.ReasonDecided, why, "")
}

// mayDecide checks whether the decider may decide this request: under the
// rule as it is now, and never for the human who asked.
func mayDecide(p *policy.Policy, who decider, r access.Request, word access.Word) (*policy.Rule, access.Person, *access.Error) {
	requester, known := p.Person(r.Person)
	rule, there := ruleFor(p, r)
	if !known || !there || rule.Approval == nil {
		return nil, requester, access.Refuse(access.ReasonRemoved, "the person who asked, or the rule, is not in the access file any more", "")
	}
	if word.For > r.For {
		return nil, requester, access.Refuse(access.ReasonLimit, fmt.Sprintf("it was asked for %s: an approval may be for less, never for more", exact(r.For)), "")
	}
	if who.local() {
		if word.Verdict == access.VerdictApprove && word.Reason == "" {
			return nil, requester, access.Refuse(access.ReasonNoReason, "an approval by break-glass needs a reason", "Give it with --reason TEXT")
		}
		return rule, requester, nil
	}
	if who.person.Human() == requester.Human() {
		return nil, requester, access.Refuse(access.ReasonSelf, "nobody decides their own request", "Ask one of the others; ssh bastion cancel ID withdraws it")
	}
	if !slices.Contains(names(p.Approvers(rule, requester)), who.person.Name) {
		if rule.Approval.Confirm == access.ConfirmSecurityKey && slices.ContainsFunc(rule.Approval.By, func(a policy.Approvers) bool { return a.Includes(who.person) }) {
			return nil, requester, wantsSecurityKey(rule) // they have none
		}
		return nil, requester, access.Refuse(access.ReasonNotAllowed, fmt.Sprintf("the rule %s does not ask you", rule.Name), "")
	}
	return rule, requester, nil
}

// count adds the decider's word and does what follows from it.
func (c *change) count(p *policy.Policy, r access.Request, rule *policy.Rule, requester access.Person, who decider, word access.Word) error {
	v, reason := word.Verdict, word.Reason
	said := who.says(word, c.now)
	if v == access.VerdictApprove && rule.Approval.Confirm != access.ConfirmNone && who.actor.Via == access.ViaSlack {
		return c.click(r, who, said)
	}
	if v == access.VerdictApprove {
		if refused := unproven(rule, who); refused != nil {
			return refused
		}
	}
	repeated, err := c.say(&r, rule, said)
	switch {
	case err != nil:
		return err
	case repeated && v == access.VerdictDeny:
		return access.Refuse(access.ReasonDecided, "you approved it already", "Once it is approved, revoke takes it away")
	}
	if v == access.VerdictDeny {
		return c.deny(r, who, reason)
	}
	// Earlier approvals count only as far as they would count now.
	list, err := c.locks()
	if err != nil {
		return err
	}
	missing := list.missing(p, rule, requester, r)
	if who.local() {
		missing = 0
		c.done = append(c.done, func() {
			c.desk.Log.Warn("BREAK-GLASS: a request was approved on the bastion itself", "actor", who.name, "request", r.ID,
				"person", r.Person, "target", r.Target, "reason", reason)
		})
		if err := c.auditDecision(audit.DecisionBreakGlass, r, who, reason); err != nil {
			return err
		}
	}
	switch {
	case missing == 0 && r.Extends != "":
		return c.lengthen(r, rule, who, reason)
	case missing == 0:
		return c.approve(r, rule, who, reason)
	case repeated:
		return access.Refuse(access.ReasonDecided, fmt.Sprintf("you approved it already; %d more needed", missing), "")
	}
	if err := c.auditDecision(audit.RequestApproval, r, who, reason); err != nil {
		return err
	}
	return c.show(r.ID)
}

func (c *change) auditDecision(kind audit.Kind, r access.Request, who decider, reason string) error {
	e := requestEvent(kind, who.name, r)
	e.Source = sourceOf(who.actor)
	e.Detail["via"], e.Detail["reason"] = string(who.actor.Via), reason
	if id := who.actor.Identity; id != nil {
		e.Detail["fingerprint"] = id.Fingerprint
	}
	return c.audit(e)
}

func (c *change) deny(r access.Request, who decider, reason string) error {
	if err := c.EndRequest(r.ID, access.RequestDenied, c.now, because("denied by "+who.name, reason)); err != nil {
		return err
	}
	if err := c.auditDecision(audit.RequestDenied, r, who, reason); err != nil {
		return err
	}
	return c.showDecided(r)
}

// approve ends the request with a grant that is ready until use_within.
func (c *change) approve(r access.Request, rule *policy.Rule, who decider, reason string) error {
	if err := c.EndRequest(r.ID, access.RequestApproved, c.now, "approved by "+who.name); err != nil {
		return err
	}
	g := access.Grant{
		ID: access.GrantID(c.desk.NewID()), RequestID: r.ID, Person: r.Person, Target: r.Target, Rule: r.Rule, Kinds: r.Kinds,
		Fingerprint: r.Fingerprint, State: access.GrantReady, For: min(granted(r), rule.Grant.Max),
		ReadyAt: c.now, UseBy: c.now.Add(rule.Grant.UseWithin), BreakGlass: r.BreakGlass,
		Bind: rule.Grant.Bind, Sessions: rule.Grant.Sessions,
	}
	if source, err := netip.ParseAddrPort(r.Source); err == nil && g.Binds(access.BindAddress) {
		g.Address = source.Addr().Unmap().String()
	}
	if err := c.InsertGrant(g); err != nil {
		return err
	}
	if err := c.auditDecision(audit.RequestApproved, r, who, reason); err != nil {
		return err
	}
	e := grantEvent(audit.GrantReady, audit.ActorSystem, g)
	e.Detail["for"], e.Detail["use_by"] = exact(g.For), g.UseBy.Format(time.RFC3339)
	if err := c.audit(e); err != nil {
		return err
	}
	return c.showDecided(r)
}

// granted is how long a request is approved for: as asked, or the least that
// any of its approvals gives.
func granted(r access.Request) time.Duration {
	length := r.For
	for _, d := range r.Decisions {
		if d.Verdict == access.VerdictApprove && d.For > 0 && !d.Unconfirmed {
			length = min(length, d.For)
		}
	}
	return length
}
