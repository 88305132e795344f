package policy

import (
	"math/bits"
	"slices"

	"github.com/sallyport/sallyport/access"
)

// set is a set of small numbers: places in People or Hosts.
type set []uint64

func (s *set) add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

func (s set) empty() bool { return len(s) == 0 }

// with is what both sets hold.
func (s set) with(t set) set {
	var both set
	for i := range min(len(s), len(t)) {
		if w := s[i] & t[i]; w != 0 {
			both = append(both, make(set, i+1-len(both))...)
			both[i] = w
		}
	}
	return both
}

func (s set) members() []int {
	var out []int
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			out = append(out, i*64+bits.TrailingZeros64(w))
		}
	}
	return out
}

// reach is whom and what a rule is about, as this inventory stands.
type reach struct{ people, hosts set }

func (p *Policy) reachOf(rule *Rule) reach {
	var to reach
	for i, person := range p.People {
		if rule.Who.Includes(person) {
			to.people.add(i)
		}
	}
	for i, host := range p.Hosts {
		if rule.Hosts.Include(host) {
			to.hosts.add(i)
		}
	}
	return to
}

// maxOverlaps bounds what is said about overlaps: who has more has understood.
const maxOverlaps = 50

// warnOfOverlaps finds rules that let the same person do the same thing: only
// one of them decides then. Deny rules overlap by nature.
func (r *reader) warnOfOverlaps(reaches []reach) {
	found := 0
	for j, later := range r.policy.Rules {
		for i, earlier := range r.policy.Rules[:j] {
			if earlier.Deny || later.Deny || earlier.When != nil || later.When != nil {
				continue // by nature, and on purpose
			}
			where, ok := r.policy.overlap(earlier, later, reaches[i], reaches[j])
			if !ok {
				continue
			}
			if found++; found > maxOverlaps {
				r.doc.Warnf(at("rules", j), "overlaps more rules; the rest is not listed")
				return
			}
			r.doc.Warnf(at("rules", j), "overlaps rule %s on line %d, for one: %s of %s as %s on %s; %s",
				earlier.Name, r.doc.Line(at("rules", i)), where.Capability, where.Person.Name, where.Login, where.Host.Name, winner(earlier, later))
		}
	}
}

// overlap finds one question that both rules answer.
func (p *Policy) overlap(a, b *Rule, toA, toB reach) (Question, bool) {
	people := toA.people.with(toB.people)
	if people.empty() {
		return Question{}, false
	}
	for _, h := range toA.hosts.with(toB.hosts).members() {
		host := p.Hosts[h]
		for _, login := range host.Logins {
			if !a.speaksOfLogin(login) || !b.speaksOfLogin(login) {
				continue
			}
			i := slices.IndexFunc(capabilities[:], func(c access.Capability) bool { return a.speaksOf(c) && b.speaksOf(c) })
			if i < 0 {
				return Question{}, false
			}
			return Question{Person: p.People[people.members()[0]], Host: host, Login: login, Capability: capabilities[i]}, true
		}
	}
	return Question{}, false
}

// winner says which of two overlapping rules decides.
func winner(earlier, later *Rule) string {
	switch {
	case earlier.Approval == nil && later.Approval != nil:
		return earlier.Name + " is standing access and wins: nobody is asked"
	case earlier.Approval != nil && later.Approval == nil:
		return later.Name + " is standing access and wins: nobody is asked"
	default:
		return "the first in the file decides"
	}
}
