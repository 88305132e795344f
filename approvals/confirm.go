package approvals

import (
	"fmt"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// A rule may want more than a click, which a stolen Slack account can give as
// well: an approval then counts only when its approver has signed in with a key
// of theirs that is marked for deciding, and for some rules with one that lives
// in hardware and wants a touch. A click is kept meanwhile, and shown. A denial
// needs no such thing: it lets nobody in.

// unproven refuses an approval over SSH by a key that the rule does not take.
func unproven(rule *policy.Rule, who decider) *access.Error {
	if rule.Approval.Confirm != access.ConfirmSecurityKey || who.actor.Via != access.ViaConsole {
		return nil
	}
	if id := who.actor.Identity; id != nil && id.SecurityKey {
		return nil
	}
	return wantsSecurityKey(rule)
}

func wantsSecurityKey(rule *policy.Rule) *access.Error {
	return access.Refuse(access.ReasonNotAllowed, fmt.Sprintf("the rule %s takes approvals by a security key only", rule.Name),
		"Connect with a key of yours whose type begins with sk-, marked for deciding: ssh -i KEY bastion approve ID")
}

// click keeps an approval that its approver has still to confirm.
func (c *change) click(r access.Request, who decider, said access.Decision) error {
	if slices.ContainsFunc(r.Decisions, func(d access.Decision) bool { return d.Person == said.Person }) {
		return access.Refuse(access.ReasonDecided, "your click waits for your key", "Confirm it: ssh bastion approve "+string(r.ID))
	}
	said.Unconfirmed = true
	if err := c.AddDecision(r.ID, said); err != nil {
		return err
	}
	if err := c.auditDecision(audit.RequestClicked, r, who, said.Reason); err != nil {
		return err
	}
	err := c.tell(access.Effect{Request: r.ID, Kind: access.EffectConfirm, Person: said.Person,
		Text: fmt.Sprintf("ssh bastion approve %s (what you confirm has the digest %s)", r.ID, r.Digest())})
	if err != nil {
		return err
	}
	return c.show(r.ID)
}

// say adds a word, or puts it in the place of the same person's click. It
// reports whether they had said it already.
func (c *change) say(r *access.Request, rule *policy.Rule, said access.Decision) (repeated bool, err error) {
	i := slices.IndexFunc(r.Decisions, func(d access.Decision) bool { return d.Person == said.Person })
	r.Decisions = slices.Clone(r.Decisions)
	switch {
	case i < 0:
		r.Decisions = append(r.Decisions, said)
		return false, c.AddDecision(r.ID, said)
	case r.Decisions[i].Unconfirmed, said.Verdict == access.VerdictApprove && !rule.Approval.Counts(r.Decisions[i]):
		r.Decisions[i] = said
		return false, c.Confirm(r.ID, said)
	}
	return true, nil
}
