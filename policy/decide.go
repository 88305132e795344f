package policy

import (
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Question is what a decision is about: one person, login, host and kind.
type Question struct {
	Person     access.Person // as of this policy
	Identity   access.Identity
	Host       access.Host // as of this policy
	Login      string
	Capability access.Capability
	Now        time.Time
	// Assume says what to take for the condition of a rule that has one,
	// where there is no connection to evaluate it for: see [Held] and
	// [Possible]. Nil evaluates.
	Assume func(*Rule) bool
}

// Held is about what somebody holds under the rule of that name: its condition
// is left for the sessions, and so are other rules that have one.
func Held(rule string) func(*Rule) bool {
	return func(r *Rule) bool { return r.Name == rule }
}

// Possible is about what somebody may do at one time or another.
func Possible(r *Rule) bool { return !r.Deny }

// Outcome is what the rules say. The zero Outcome lets nobody in.
type Outcome string

const (
	NoRule        Outcome = "no_rule"        // nothing allows it
	UnknownLogin  Outcome = "unknown_login"  // not a login of that host
	Denied        Outcome = "denied"         // a rule denies it
	NotNow        Outcome = "not_now"        // allowed, did the rule's condition hold
	NeedsProof    Outcome = "needs_proof"    // allowed, were the inner login of the jump proven by a key
	NeedsApproval Outcome = "needs_approval" // under an approved request
	Standing      Outcome = "standing"       // at once
)

// Answer is the decision and the rule that made it.
type Answer struct {
	Outcome Outcome
	Rule    *Rule // nil with NoRule and UnknownLogin
}

// Decide says what the rules say: any deny wins, else standing access, else
// the first approval rule in the order of the file. A rule that wants the
// inner login of a jump proven counts for nothing while it is not, nor does one
// whose condition does not hold; a deny whose condition cannot be evaluated
// denies.
func (p *Policy) Decide(q Question) Answer {
	if !slices.Contains(q.Host.Logins, q.Login) {
		return Answer{Outcome: UnknownLogin}
	}
	var standing, approval, unproven, notNow *Rule
	for _, r := range p.Rules {
		switch {
		case !r.covers(q):
		case !r.applies(q):
			if !r.Deny {
				notNow = first(notNow, r)
			}
		case r.Deny:
			return Answer{Denied, r}
		case r.InnerAuth == "key" && q.Identity.InnerUnproven:
			unproven = first(unproven, r)
		case r.Approval == nil:
			standing = first(standing, r)
		default:
			approval = first(approval, r)
		}
	}
	switch {
	case standing != nil:
		return Answer{Standing, standing}
	case approval != nil:
		return Answer{NeedsApproval, approval}
	case unproven != nil:
		return Answer{NeedsProof, unproven}
	case notNow != nil:
		return Answer{NotNow, notNow}
	default:
		return Answer{Outcome: NoRule}
	}
}

// NeedsProof reports whether a rule that covers the person on this login and
// host, for any kind, wants the inner login of a jump proven. The front door
// asks before it lets the inner handshake pass without a signature.
func (p *Policy) NeedsProof(person access.Person, host access.Host, login string) bool {
	return slices.ContainsFunc(p.Rules, func(r *Rule) bool {
		return r.InnerAuth == "key" && r.reaches(person, host, login)
	})
}

// applies reports whether the rule's condition holds. Where that cannot be
// said, a rule that allows doesn't and one that denies does.
func (r *Rule) applies(q Question) bool {
	switch {
	case r.When == nil:
		return true
	case q.Assume != nil:
		return q.Assume(r)
	}
	holds, err := r.When.Holds(q)
	return holds && err == nil || err != nil && r.Deny
}

// covers reports whether the rule has a say in q.
func (r *Rule) covers(q Question) bool {
	return r.speaksOf(q.Capability) && r.reaches(q.Person, q.Host, q.Login)
}

// reaches reports whether the rule is about this person, host and login.
func (r *Rule) reaches(person access.Person, host access.Host, login string) bool {
	return r.speaksOfLogin(login) && r.Who.Includes(person) && r.Hosts.Include(host)
}

// speaksOf reports whether the rule is about c. Only a deny may leave it open.
func (r *Rule) speaksOf(c access.Capability) bool {
	return r.Deny && len(r.Allow) == 0 || r.Allow.Has(c)
}

// speaksOfLogin reports whether the rule is about the login. Only a deny may
// leave it open.
func (r *Rule) speaksOfLogin(login string) bool {
	return r.Deny && len(r.Logins) == 0 || slices.Contains(r.Logins, login)
}

func first(a, b *Rule) *Rule {
	if a != nil {
		return a
	}
	return b
}
