package policy

import (
	"path"
	"regexp"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

var (
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{2,30}$`)
	globForm     = regexp.MustCompile(`^[a-z0-9._*?\[\]^-]{1,253}$`)
)

func (r *reader) readRules(forms []ruleForm) {
	for i, f := range forms {
		key := at("rules", i)
		rule := &Rule{Name: f.Name, Logins: f.Logins, Deny: f.Deny, InnerAuth: f.InnerAuth}
		if r.name(key+".name", f.Name) {
			r.unique("rule", f.Name, key+".name")
		}
		if f.Who == nil {
			r.doc.Faultf(key+".who", "is required: {groups: […]} and/or {people: […]}")
		}
		rule.Who = r.readWho(key+".who", f.Who)
		rule.Hosts = r.readHostsOf(key+".hosts", f.Hosts)
		r.readLogins(key+".logins", f.Logins)
		rule.Allow = r.readAllow(key+".allow", f.Allow, f.Deny)
		rule.When = r.readCondition(key+".when", f.When)
		r.policy.conditional = r.policy.conditional || rule.When != nil
		if f.Deny {
			r.checkDeny(key, f)
		} else {
			r.readAllowing(key, f, rule)
		}
		r.policy.Rules = append(r.policy.Rules, rule)
	}
}

// readCondition compiles an expression; nil if there is none.
func (r *reader) readCondition(key, text string) *Condition {
	if text == "" {
		if r.doc.Has(key) {
			r.doc.Faultf(key, "is empty; leave it out")
		}
		return nil
	}
	c, err := compile(text)
	if err != nil {
		r.doc.Faultf(key, "%v", err)
		return nil
	}
	return c
}

// checkDeny refuses what a deny rule would silently ignore.
func (r *reader) checkDeny(key string, f ruleForm) {
	for _, k := range []string{"approval", "grant", "inner_auth", "record", "watch"} {
		if r.doc.Has(key + "." + k) {
			r.doc.Faultf(key+"."+k, "has no place in a deny rule")
		}
	}
	// Empty is not the same as left out: it looks like "none", and would mean "all".
	if r.doc.Has(key+".logins") && len(f.Logins) == 0 {
		r.doc.Faultf(key+".logins", "is empty; leave it out to deny all logins")
	}
	if r.doc.Has(key+".allow") && len(f.Allow) == 0 {
		r.doc.Faultf(key+".allow", "is empty; leave it out to deny everything")
	}
}

// readAllowing reads what only a rule that lets in can have.
func (r *reader) readAllowing(key string, f ruleForm, rule *Rule) {
	if len(f.Logins) == 0 {
		r.doc.Faultf(key+".logins", "is required")
	}
	if len(f.Allow) == 0 {
		r.doc.Faultf(key+".allow", "is required: what is let through, such as [shell, exec, sftp]")
	}
	switch f.InnerAuth {
	case "", "key":
	case "auto": // the server's own setting may still be stricter
		rule.InnerAuth = ""
	default:
		r.doc.Faultf(key+".inner_auth", "%s is neither auto nor key", strictyaml.Quote(f.InnerAuth))
	}
	if f.Record != nil {
		r.positive(key+".record.keep", f.Record.Keep)
		rule.Record.Keep = f.Record.Keep
		bulk, err := access.ParseBulk(f.Record.Bulk)
		if err != nil {
			r.doc.Faultf(key+".record.bulk", "%v", err)
		}
		rule.Record.Bulk, rule.Record.Input = bulk, f.Record.Input
	}
	r.readWatch(key, f, rule)
	if f.Approval == nil {
		if f.Grant != nil {
			r.doc.Faultf(key+".grant", "belongs to an approval; standing access has no grant")
		}
		return
	}
	rule.Approval = r.readApproval(key+".approval", f.Approval)
	rule.Grant = r.readGrant(key+".grant", f.Grant)
	if a := rule.Approval.Auto; a != nil {
		if a.Max == 0 {
			a.Max = rule.Grant.Default
		} else if a.Max > rule.Grant.Max {
			r.doc.Faultf(key+".approval.auto.max", "%s is longer than the grant's max, %s", strictyaml.FormatDuration(a.Max), strictyaml.FormatDuration(rule.Grant.Max))
		}
	}
}

// readWho takes groups and people; a missing one is fine and names nobody.
func (r *reader) readWho(key string, f *whoForm) Who {
	var w Who
	if f == nil {
		return w
	}
	if len(f.Groups)+len(f.People) == 0 {
		r.doc.Faultf(key, "names nobody: give groups and/or people")
	}
	r.distinct(key+".groups", f.Groups)
	r.distinct(key+".people", f.People)
	for i, g := range f.Groups {
		if !r.groups[g] {
			r.doc.Faultf(at(key+".groups", i), "nobody is in a group %s; if it may be empty, list it under groups", strictyaml.Quote(g))
		}
	}
	w.Groups = f.Groups
	for i, name := range f.People {
		if _, ok := r.policy.people[access.PersonName(name)]; !ok {
			r.doc.Faultf(at(key+".people", i), "there is no person %s", strictyaml.Quote(name))
		}
		w.People = append(w.People, access.PersonName(name))
	}
	return w
}

// readHostsOf takes a rule's selection of hosts.
func (r *reader) readHostsOf(key string, f *hostsForm) Hosts {
	if f == nil || len(f.Names)+len(f.Labels) == 0 {
		r.doc.Faultf(key, `is required: {names: ["*"]} for all, or names and/or labels`)
		return Hosts{}
	}
	// An empty half looks like "none" and would mean "any".
	if r.doc.Has(key+".names") && len(f.Names) == 0 {
		r.doc.Faultf(key+".names", "is empty; leave it out")
	}
	if r.doc.Has(key+".labels") && len(f.Labels) == 0 {
		r.doc.Faultf(key+".labels", "is empty; leave it out")
	}
	r.readLabels(key+".labels", f.Labels)
	r.distinct(key+".names", f.Names)
	for i, glob := range f.Names {
		switch _, err := path.Match(glob, ""); {
		case err != nil || !globForm.MatchString(glob):
			r.doc.Faultf(at(key+".names", i), "%s is no name of a host, nor a glob such as db*", strictyaml.Quote(glob))
		case strings.ContainsAny(glob, `*?[`):
		case !r.isHost(glob):
			r.doc.Faultf(at(key+".names", i), "there is no host %s", strictyaml.Quote(glob))
		}
	}
	return Hosts{Names: f.Names, Labels: f.Labels}
}

func (r *reader) isHost(name string) bool {
	_, ok := r.policy.hosts[name]
	return ok
}

func (r *reader) readAllow(key string, forms []allowForm, deny bool) access.AllowList {
	var list access.AllowList
	for i, f := range forms {
		entry := at(key, i)
		c, err := access.ParseCapability(f.capability)
		if err != nil {
			r.doc.Faultf(entry, "%v", err)
			continue
		}
		if list.Has(c) {
			r.doc.Faultf(entry, "%s is given twice", c)
		}
		forward := c == access.MayLocalForward || c == access.MayRemoteForward
		switch {
		case f.mapped && !forward:
			r.doc.Faultf(entry, "%s takes no destinations", c)
		case f.mapped && deny:
			r.doc.Faultf(entry, "a deny rule denies %s as a whole; leave the destinations out", c)
		case !deny && forward && len(f.destinations) == 0 && !r.doc.Faulty(entry+"."+string(c)):
			r.doc.Faultf(entry, "%s needs its destinations, such as {%s: [\"127.0.0.1:5432\"]}", c, c)
		}
		a := access.Allow{Capability: c}
		for j, d := range f.destinations {
			a.Destinations = append(a.Destinations, r.readDestination(at(entry+"."+string(c), j), d, c))
		}
		r.distinct(entry+"."+string(c), a.Destinations)
		list = append(list, a)
	}
	return list
}

// readDestination gives the one canonical form of a forward's destination.
func (r *reader) readDestination(key, s string, c access.Capability) string {
	d, err := r.policy.parseDestination(s, c)
	if err != nil {
		r.doc.Faultf(key, "%v", err)
		return strictyaml.Short(s)
	}
	return d
}
