package approvals

import (
	"fmt"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// ruling is what the policy says of one person, target and kind.
type ruling struct {
	policy   *policy.Policy
	person   access.Person
	host     access.Host
	target   access.Target // host by its inventory name
	standing bool          // else it needs approval
	rule     *policy.Rule
	kinds    []access.Kind    // what the rule asks about, if approval is needed
	allow    access.AllowList // what of the rule's list no other rule denies
}

// kinds lists all kinds of sessions.
var kinds = []access.Kind{access.KindShell, access.KindExec, access.KindSFTP, access.KindForward}

// capabilities are those of which a session of kind k needs at least one.
func capabilities(k access.Kind) []access.Capability {
	if k == access.KindForward {
		return []access.Capability{access.MayLocalForward, access.MayRemoteForward}
	}
	return []access.Capability{k.Needs()}
}

// judge asks the policy p about a session. The error is fit for the person.
func judge(p *policy.Policy, id access.Identity, t access.Target, k access.Kind, now time.Time) (ruling, *access.Error) {
	if !p.Knows(id) {
		return ruling{}, stranger()
	}
	return weigh(p, id, t, k, now, nil)
}

// stranger is what somebody hears whom the policy knows no more.
func stranger() *access.Error {
	return access.Refuse(access.ReasonRemoved, "you, or the key that you came with, may not log in any more", "Ask an admin of the bastion")
}

// weigh is judge about somebody who need not be on a connection now: nobody
// has checked that the policy knows their key. Without a connection conditions
// may have to be assumed: see [policy.Question].
func weigh(p *policy.Policy, id access.Identity, t access.Target, k access.Kind, now time.Time, assume func(*policy.Rule) bool) (ruling, *access.Error) {
	person, host, refused := parties(p, id, t)
	if refused != nil {
		return ruling{}, refused
	}
	ask := func(c access.Capability) policy.Answer {
		return p.Decide(policy.Question{Person: person, Identity: id, Host: host, Login: t.Login, Capability: c, Now: now, Assume: assume})
	}
	answer := askAny(ask, k)
	r := ruling{policy: p, person: person, host: host, target: access.Target{Login: t.Login, Host: host.Name}, rule: answer.Rule}
	switch answer.Outcome {
	case policy.Standing:
		r.standing = true
	case policy.NeedsApproval:
	default:
		return ruling{}, refusal(answer, t, k)
	}
	through := func(c access.Capability) bool {
		a := ask(c)
		return a.Outcome == policy.Standing || a.Outcome == policy.NeedsApproval && a.Rule == r.rule
	}
	for _, a := range r.rule.Allow {
		if through(a.Capability) {
			r.allow = append(r.allow, a)
		}
	}
	for _, k := range kinds {
		if a := askAny(ask, k); a.Outcome == policy.NeedsApproval && a.Rule == r.rule {
			r.kinds = append(r.kinds, k)
		}
	}
	return r, nil
}

// parties finds who and where in the policy.
func parties(p *policy.Policy, id access.Identity, t access.Target) (access.Person, access.Host, *access.Error) {
	person, ok := p.Person(id.Person)
	if !ok {
		return access.Person{}, access.Host{}, stranger()
	}
	host, ok := p.Host(t.Host)
	if !ok {
		return access.Person{}, access.Host{}, access.Refuse(access.ReasonUnknownHost,
			fmt.Sprintf("there is no host %s", access.Plain(t.Host, 64)), "ssh bastion hosts lists what there is")
	}
	return person, host, nil
}

// askAny gives the best answer among the capabilities that k may do with.
func askAny(ask func(access.Capability) policy.Answer, k access.Kind) policy.Answer {
	order := []policy.Outcome{policy.Standing, policy.NeedsApproval, policy.Denied, policy.NeedsProof, policy.NotNow, policy.UnknownLogin, policy.NoRule}
	best := policy.Answer{Outcome: policy.NoRule}
	for _, c := range capabilities(k) {
		if a := ask(c); slices.Index(order, a.Outcome) < slices.Index(order, best.Outcome) {
			best = a
		}
	}
	return best
}

// refusal says why the policy does not let a session in.
func refusal(a policy.Answer, t access.Target, k access.Kind) *access.Error {
	const look = "ssh bastion hosts lists what you may do"
	switch a.Outcome {
	case policy.UnknownLogin:
		return access.Refuse(access.ReasonUnknownLogin, fmt.Sprintf("%s has no login %s", t.Host, t.Login), look)
	case policy.Denied:
		return access.Refuse(access.ReasonDenyRule, fmt.Sprintf("the rule %s denies you %s as %s", a.Rule.Name, what(k), t), "Ask an admin of the bastion")
	case policy.NeedsProof:
		return access.Refuse(access.ReasonNoRule, fmt.Sprintf("the rule %s wants your key proven to the inner login too", a.Rule.Name),
			"Connect with ssh LOGIN@HOST@bastion, or offer your key to the inner login")
	case policy.NotNow:
		return access.Refuse(access.ReasonCondition, fmt.Sprintf("the rule %s gives you %s as %s only when %s",
			a.Rule.Name, what(k), t, access.Plain(a.Rule.When.Text, 200)), "Come back when that holds, or ask an admin of the bastion")
	default:
		return access.Refuse(access.ReasonNoRule, fmt.Sprintf("no rule gives you %s as %s", what(k), t), look)
	}
}

// what names what a kind of session is to a person.
func what(k access.Kind) string {
	switch k {
	case access.KindShell:
		return "a shell"
	case access.KindExec:
		return "commands"
	case access.KindSFTP:
		return "file transfer"
	default:
		return "forwards"
	}
}

func names(people []access.Person) []access.PersonName {
	list := make([]access.PersonName, len(people))
	for i, p := range people {
		list[i] = p.Name
	}
	return list
}

// within reports whether all that old lets through, now does too.
func within(old, now access.AllowList) bool {
	for _, a := range old {
		if !slices.ContainsFunc(now, func(b access.Allow) bool {
			return a.Capability == b.Capability && !slices.ContainsFunc(a.Destinations, func(to string) bool {
				return !slices.Contains(b.Destinations, to)
			})
		}) {
			return false
		}
	}
	return true
}
