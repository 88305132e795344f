package policy

import (
	"slices"

	"github.com/sallyport/sallyport/access"
)

// Approvers are those who could approve a request of requester under rule, in
// the order of the file. It is empty for a rule without approval.
func (p *Policy) Approvers(rule *Rule, requester access.Person) []access.Person {
	var out []access.Person
	if rule.Approval == nil {
		return nil
	}
	for _, person := range p.People {
		if rule.Approval.takes(person) && person.Human() != requester.Human() {
			out = append(out, person)
		}
	}
	return out
}

// Counts reports whether a word is an approval that counts under the rule as it
// is now, confirmed as it wants; not whether its person still may give it.
func (a *Approval) Counts(d access.Decision) bool {
	if d.Verdict != access.VerdictApprove || d.Unconfirmed {
		return false
	}
	switch a.Confirm {
	case access.ConfirmNone:
		return true
	case access.ConfirmKey:
		return d.Fingerprint != ""
	default:
		return d.Touched
	}
}

// Counting are those whose approvals of a request count so.
func (a *Approval) Counting(r access.Request) []access.PersonName {
	var list []access.PersonName
	for _, d := range r.Decisions {
		if a.Counts(d) {
			list = append(list, d.Person)
		}
	}
	return list
}

// Met tells how many approvals are still missing; 0 means that the rule is
// satisfied. Only those count who are eligible now: still there, still named
// by the rule, still able to decide, and another human than the requester.
// Humans are counted, not rows: a person and their service are one. And each
// counts once: who is in two groups that must both approve stands for one of
// them. A rule without approval is never met by approvals: it is missing one.
func (p *Policy) Met(rule *Rule, requester access.Person, approvedBy []access.PersonName) (missing int) {
	if rule.Approval == nil {
		return 1
	}
	// Per human, the persons that approved.
	var humans [][]access.Person
	place := map[access.PersonName]int{}
	for _, name := range approvedBy {
		person, ok := p.Person(name)
		if !ok || !rule.Approval.takes(person) || person.Human() == requester.Human() {
			continue
		}
		i, seen := place[person.Human()]
		if !seen {
			i = len(humans)
			place[person.Human()] = i
			humans = append(humans, nil)
		}
		humans[i] = append(humans[i], person)
	}
	return rule.Approval.needs() - seat(rule.Approval.By, humans)
}

// seat counts the most humans that can be placed in the entries of by: a
// bipartite matching by augmenting paths. Placing them greedily would call a
// request unmet when bob, who is in both groups, took the only seat that
// carol could fill.
func seat(by []Approvers, humans [][]access.Person) int {
	seated := make([][]int, len(by))
	var place func(h int, tried []bool) bool
	place = func(h int, tried []bool) bool {
		for i, entry := range by {
			if tried[i] || !slices.ContainsFunc(humans[h], entry.Includes) {
				continue
			}
			tried[i] = true
			if len(seated[i]) < entry.Count {
				seated[i] = append(seated[i], h)
				return true
			}
			for j, other := range seated[i] {
				if place(other, tried) {
					seated[i][j] = h
					return true
				}
			}
		}
		return false
	}
	n := 0
	for h := range humans {
		if place(h, make([]bool, len(by))) {
			n++
		}
	}
	return n
}

// mayDecide reports whether a person has a way to decide that counts: Slack, or
// a key that is marked for it; where a click must be confirmed, such a key. Who
// has no key at all signs in by certificate, which may.
func mayDecide(p access.Person, confirm access.Confirm) bool {
	return p.Slack != "" && confirm == access.ConfirmNone || len(p.Keys) == 0 ||
		slices.ContainsFunc(p.Keys, func(k access.PersonKey) bool {
			return k.May(access.UseDecide) && (confirm != access.ConfirmSecurityKey || k.Hardware())
		})
}
