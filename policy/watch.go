package policy

import (
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// MayWatch reports whether person counts as the second one who watches a
// session of requester's under a rule that wants one: another human, who audits
// or whose approval the rule takes, and who has a key that decides. It is not
// asked of other rules, whose sessions are for auditors alone.
func (p *Policy) MayWatch(rule *Rule, requester, person access.Person) bool {
	if person.Human() == requester.Human() || !mayDecide(person, access.ConfirmKey) {
		return false
	}
	return p.Auditors.Includes(person) || rule.Approval != nil && rule.Approval.takes(person)
}

// Watchers are those who may, in the order of the file.
func (p *Policy) Watchers(rule *Rule, requester access.Person) []access.Person {
	var out []access.Person
	for _, person := range p.People {
		if p.MayWatch(rule, requester, person) {
			out = append(out, person)
		}
	}
	return out
}

// readWatch takes what a rule says of those who watch. What cannot be seen on a
// screen has no place in a rule whose sessions somebody must see.
func (r *reader) readWatch(key string, f ruleForm, rule *Rule) {
	watch, err := access.ParseWatch(f.Watch)
	if err != nil {
		r.doc.Faultf(key+".watch", "%v", err)
	}
	rule.Watch = watch
	if watch != access.WatchRequired {
		return
	}
	for i, a := range rule.Allow {
		if a.Capability != access.MayShell && a.Capability != access.MayExec {
			r.doc.Faultf(at(key+".allow", i), "%s cannot be watched, and the rule says watch: required; give it a rule of its own", a.Capability)
		}
	}
	switch {
	case f.Record == nil || f.Record.Bulk == "":
		rule.Record.Bulk = access.BulkRefuse
	case rule.Record.Bulk == access.BulkHash:
		r.doc.Faultf(key+".record.bulk", "%s leaves out what would be watched, and the rule says watch: required", strictyaml.Quote(f.Record.Bulk))
	}
}

// warnOfNoWatcher names those whose sessions nobody could watch.
func (r *reader) warnOfNoWatcher(key string, rule *Rule) {
	watchers := r.policy.Watchers(rule, access.Person{})
	var stuck []string
	for _, p := range r.policy.People {
		if rule.Who.Includes(p) && !slices.ContainsFunc(watchers, func(w access.Person) bool { return w.Human() != p.Human() }) {
			stuck = append(stuck, string(p.Name))
		}
	}
	if len(stuck) > 0 {
		r.doc.Warnf(key, "nobody could watch the sessions of %s: no other auditor or approver with a key that decides", list(stuck))
	}
}

// warnOfUnwatched: who must be watched under one rule, and may do as much
// unwatched under another, need not be watched.
func (r *reader) warnOfUnwatched(reaches []reach) {
	found := 0
	for i, rule := range r.policy.Rules {
		if rule.Watch != access.WatchRequired {
			continue
		}
		for j, other := range r.policy.Rules {
			if other.Deny || other.Watch == access.WatchRequired {
				continue
			}
			host, login, ok := r.policy.meet(rule, other, reaches[i], reaches[j])
			if !ok {
				continue
			}
			if found++; found > maxOverlaps {
				return
			}
			person := r.policy.People[reaches[i].people.with(reaches[j].people).members()[0]]
			r.doc.Warnf(at("rules", i)+".watch", "rule %s on line %d lets %s in as %s on %s as well (%s), and nobody has to watch",
				other.Name, r.doc.Line(at("rules", j)), person.Name, login, host.Name, other.Allow[0].Capability)
		}
	}
}

// meet finds a login that both rules are about, for a person of both.
func (p *Policy) meet(a, b *Rule, toA, toB reach) (access.Host, string, bool) {
	if toA.people.with(toB.people).empty() || len(b.Allow) == 0 {
		return access.Host{}, "", false
	}
	for _, h := range toA.hosts.with(toB.hosts).members() {
		for _, login := range p.Hosts[h].Logins {
			if a.speaksOfLogin(login) && b.speaksOfLogin(login) {
				return p.Hosts[h], login, true
			}
		}
	}
	return access.Host{}, "", false
}
