package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// warn looks at the whole for what can be meant, but rarely is. The policy is
// sound when it runs.
func (r *reader) warn() {
	if len(r.policy.Rules) == 0 {
		r.doc.Warnf("rules", "there is none, so nobody may reach anything")
	}
	r.warnOfSharedAddresses()
	reaches := make([]reach, len(r.policy.Rules))
	for i, rule := range r.policy.Rules {
		reaches[i] = r.policy.reachOf(rule)
		r.warnOfNothingSelected(at("rules", i), rule, reaches[i])
		r.warnOfHalfDenials(at("rules", i), rule)
		if rule.Approval != nil {
			r.warnOfNoApprover(at("rules", i)+".approval.by", rule)
		}
		if rule.Watch == access.WatchRequired {
			r.warnOfNoWatcher(at("rules", i)+".watch", rule)
		}
	}
	r.warnOfOverlaps(reaches)
	r.warnOfUnwatched(reaches)
}

// warnOfSharedAddresses: a machine under two names obeys two sets of rules,
// and a deny for the one does not hold for the other.
func (r *reader) warnOfSharedAddresses() {
	first := map[string]int{}
	for i, h := range r.policy.Hosts {
		if j, shared := first[h.Address]; shared {
			r.doc.Warnf(at("hosts", i)+".address", "is also that of %s: rules take them for two hosts; if it is one machine, use aliases", r.policy.Hosts[j].Name)
			continue
		}
		first[h.Address] = i
	}
}

func (r *reader) warnOfNothingSelected(key string, rule *Rule, to reach) {
	if to.hosts.empty() {
		r.doc.Warnf(key+".hosts", "selects no host")
		return
	}
	for i, login := range rule.Logins {
		if !slices.ContainsFunc(to.hosts.members(), func(h int) bool { return slices.Contains(r.policy.Hosts[h].Logins, login) }) {
			r.doc.Warnf(at(key+".logins", i), "none of the hosts it selects has a login %s", login)
		}
	}
}

// warnOfHalfDenials: who may exec can start a shell or an sftp server by it.
func (r *reader) warnOfHalfDenials(key string, rule *Rule) {
	if rule.Deny && (rule.Allow.Has(access.MayShell) || rule.Allow.Has(access.MaySFTP)) && !rule.Allow.Has(access.MayExec) {
		r.doc.Warnf(key+".allow", "denies less than it seems: exec gives a shell and sftp, too; name exec as well")
	}
}

// warnOfNoApprover names those whose requests nobody could approve.
func (r *reader) warnOfNoApprover(key string, rule *Rule) {
	pool, human := r.policy.samplePool(rule.Approval)
	// Who is none of them asks all of them: the answer is the same for each.
	outsider := r.policy.Met(rule, access.Person{}, pool)
	var stuck []string
	requesters := 0
	for _, p := range r.policy.People {
		if !rule.Who.Includes(p) {
			continue
		}
		requesters++
		missing := outsider
		if human[p.Human()] {
			missing = r.policy.Met(rule, p, pool)
		}
		if missing > 0 {
			stuck = append(stuck, string(p.Name))
		}
	}
	switch {
	case len(stuck) == 0:
	case len(stuck) == requesters:
		r.doc.Warnf(key, "nobody could approve this: too few other people are named who could decide")
	default:
		r.doc.Warnf(key, "nobody could approve this for %s: too few other people are named who could decide", list(stuck))
	}
}

// samplePool gives enough approvers to tell whether a can be met, and their
// humans: of each entry one human more than all seats together. An entry that
// has so many can be filled whoever asks and whatever the others take, so the
// rest of a large group need not be tried.
func (p *Policy) samplePool(a *Approval) (pool []access.PersonName, human map[access.PersonName]bool) {
	human = map[access.PersonName]bool{}
	for _, by := range a.By {
		some := map[access.PersonName]bool{}
		for _, person := range p.People {
			if len(some) > a.needs() {
				break
			}
			if a.takes(person) && by.Includes(person) {
				some[person.Human()] = true
				human[person.Human()] = true
				pool = append(pool, person.Name)
			}
		}
	}
	return pool, human
}

// list joins names for a sentence and cuts a long row of them.
func list(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}
