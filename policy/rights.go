package policy

import "github.com/sallyport/sallyport/access"

// Right is something a person may do: by standing access, or by asking.
type Right struct {
	Host    access.Host
	Login   string
	Rule    *Rule
	Outcome Outcome // Standing or NeedsApproval
	May     []access.Capability
}

// capabilities are all there are, in the order of the documentation.
var capabilities = [...]access.Capability{access.MayShell, access.MayExec, access.MaySFTP,
	access.MayLocalForward, access.MayRemoteForward, access.MayAgentForward, access.MayX11}

// Rights lists what a person may do, in the order of the inventory and its
// logins: one entry per rule that decides. It takes the inner login of a jump
// as proven, and conditions as met.
func (p *Policy) Rights(person access.Person) []Right {
	mine := Policy{} // a policy of the rules that name the person: the rest is skipped once
	for _, r := range p.Rules {
		if r.Who.Includes(person) {
			mine.Rules = append(mine.Rules, r)
		}
	}
	var out []Right
	for _, host := range p.Hosts {
		for _, login := range host.Logins {
			out = append(out, mine.rightsOn(person, host, login)...)
		}
	}
	return out
}

func (p *Policy) rightsOn(person access.Person, host access.Host, login string) []Right {
	var out []Right
next:
	for _, c := range capabilities {
		a := p.Decide(Question{Person: person, Host: host, Login: login, Capability: c, Assume: Possible})
		if a.Outcome != Standing && a.Outcome != NeedsApproval {
			continue
		}
		for i := range out {
			if out[i].Rule == a.Rule {
				out[i].May = append(out[i].May, c)
				continue next
			}
		}
		out = append(out, Right{host, login, a.Rule, a.Outcome, []access.Capability{c}})
	}
	return out
}
