package approvals

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// OnCall says who is on call, by name or email address, as a hook answers. It
// must come back within the hook's time-out. An error means that nobody is.
type OnCall func(ctx context.Context, hook policy.OnCall) ([]string, error)

// nobody is an approval without a word of anybody. Its name stands where those
// of people do, and is none: names hold no colon.
const (
	autoOnCall    = "on-call"
	autoCondition = "condition"
	autoName      = "auto:"
	glassName     = "break-glass:"
)

// automatic says why nobody has to be asked; empty if people have to be. It may
// wait for a hook, so it is asked outside of any transaction; what it says is
// about the moment, like a click.
func (d *Desk) automatic(ctx context.Context, r ruling, id access.Identity, k access.Kind) string {
	a := r.rule.Approval.Auto
	if a == nil {
		return ""
	}
	why := autoCondition
	if a.When != nil {
		q := policy.Question{Person: r.person, Identity: id, Host: r.host, Login: r.target.Login, Capability: k.Needs(), Now: d.Now()}
		if holds, err := a.When.Holds(q); err != nil || !holds {
			return ""
		}
	}
	if a.OnCall != nil {
		why = autoOnCall
		if d.OnCall == nil {
			return ""
		}
		on, err := d.OnCall(ctx, *a.OnCall)
		if err != nil {
			d.Log.Warn("nobody is taken to be on call: the hook failed", "rule", r.rule.Name, "err", err)
			return ""
		}
		if !slices.ContainsFunc(on, func(s string) bool {
			return s == string(r.person.Name) || r.person.Email != "" && strings.EqualFold(s, r.person.Email)
		}) {
			return ""
		}
	}
	return why
}

// approveAuto approves a pending request because its rule says that nobody has
// to be asked, for no longer than the rule gives so.
func (c *change) approveAuto(r access.Request, rule ruling, why string) error {
	if err := c.AutoApprove(r.ID, why); err != nil {
		return err
	}
	r.Auto = why
	longest := min(r.For, rule.rule.Approval.Auto.Max)
	who := decider{actor: access.Actor{Via: access.ViaPolicy}, name: autoName + why}
	said := who.says(access.Word{Verdict: access.VerdictApprove, Reason: "the rule " + rule.rule.Name + " asks nobody now", For: longest}, c.now)
	if err := c.AddDecision(r.ID, said); err != nil {
		return err
	}
	r.Decisions = append(slices.Clone(r.Decisions), said)
	err := c.tell(access.Effect{Request: r.ID, Kind: access.EffectAuto, Person: r.Person,
		Text: fmt.Sprintf("%s on %s for %s (%s)", r.Person, r.Target, exact(longest), why)})
	if err != nil {
		return err
	}
	return c.approve(r, rule.rule, who, said.Reason)
}

// breakGlass approves a pending request at once because the person who asks
// says that it is an emergency. It is loud, and they owe a review for it before
// they may do so again.
func (c *change) breakGlass(r access.Request, rule ruling, reason string) error {
	if err := c.mayBreakGlass(rule, reason); err != nil {
		return err
	}
	if err := c.BreakGlass(r.ID); err != nil {
		return err
	}
	r.BreakGlass = true
	who := decider{actor: access.Actor{Person: r.Person, Via: access.ViaSystem}, name: glassName + string(r.Person)}
	said := who.says(access.Word{Verdict: access.VerdictApprove, Reason: reason}, c.now)
	if err := c.AddDecision(r.ID, said); err != nil {
		return err
	}
	r.Decisions = append(slices.Clone(r.Decisions), said)
	e := requestEvent(audit.RequestBreakGlass, string(r.Person), r)
	e.Source, e.Detail["reason"], e.Detail["fingerprint"] = r.Source, reason, r.Fingerprint
	if err := c.audit(e); err != nil {
		return err
	}
	c.done = append(c.done, func() {
		c.desk.Log.Warn("BREAK-GLASS: somebody let themselves in", "person", r.Person, "request", r.ID, "target", r.Target, "reason", reason)
	})
	err := c.tell(access.Effect{Request: r.ID, Kind: access.EffectBreakGlass, Person: r.Person,
		Text: fmt.Sprintf("%s let themselves in to %s: %s", r.Person, r.Target, reason)})
	if err != nil {
		return err
	}
	return c.approve(r, rule.rule, who, reason)
}

// mayBreakGlass refuses who may not: the rule must allow it, a reason must be
// given, and nothing that the same human did before may wait for its review.
func (c *change) mayBreakGlass(r ruling, reason string) error {
	switch {
	case !r.rule.Approval.BreakGlass:
		return access.Refuse(access.ReasonNotAllowed, fmt.Sprintf("the rule %s has no break-glass", r.rule.Name), "Ask for approval, without it")
	case reason == "":
		return access.Refuse(access.ReasonNoReason, "break-glass needs a reason", "Give one: ssh -o SetEnv='SALLYPORT_BREAK_GLASS=yes SALLYPORT_REASON=TEXT' …, or --reason TEXT")
	}
	for _, p := range r.policy.People {
		if p.Human() != r.person.Human() {
			continue
		}
		owed, err := c.Owed(p.Name)
		if err != nil {
			return err
		}
		if len(owed) > 0 {
			first := owed[0]
			return access.Refuse(access.ReasonReviewOwed,
				fmt.Sprintf("the break-glass access of %s to %s at %s UTC has not been reviewed yet", first.Person, first.Target,
					first.DecidedAt.UTC().Format("2006-01-02 15:04")),
				fmt.Sprintf("Ask one of these for ssh bastion review ID --note TEXT, or ask for approval: %s", asList(c.reviewers(r.policy, first)))).
				About(string(first.ID))
		}
	}
	return nil
}

// asList names people, or says that there are none.
func asList(people []access.PersonName) string {
	if len(people) == 0 {
		return "nobody"
	}
	return access.Plain(strings.Join(asWords(people), ", "), 200)
}
