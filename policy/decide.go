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
	Now        time.Time // for rules with hours, which there are none of yet
}

// Outcome is what the rules say. The zero Outcome lets nobody in.
type Outcome string

const (
	NoRule        Outcome = "no_rule"        // nothing allows it
	UnknownLogin  Outcome = "unknown_login"  // not a login of that host
	Denied        Outcome = "denied"         // a rule denies it
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
// inner login of a jump proven counts for nothing while it is not.
func (p *Policy) Decide(q Question) Answer {
	if !slices.Contains(q.Host.Logins, q.Login) {
		return Answer{Outcome: UnknownLogin}
	}
	var standing, approval, unproven *Rule
	for _, r := range p.Rules {
		switch {
		case !r.covers(q):
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
