package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// noon is a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func question(t *testing.T, p *policy.Policy) policy.Question {
	return policy.Question{
		Person: person(t, p, "alice"), Host: host(t, p, "db1"), Login: "root", Capability: access.MayShell, Now: noon,
		Identity: access.Identity{Person: "alice", KeyType: "sk-ssh-ed25519@openssh.com", Source: netip.MustParseAddrPort("[::ffff:10.1.2.3]:9")},
	}
}

func TestConditions(t *testing.T) {
	for when, want := range map[string]policy.Outcome{
		"true":  policy.Standing,
		"false": policy.NotNow,
		"now.getHours('Europe/Berlin') == 13 && now.getDayOfWeek() == 3": policy.Standing,
		"now.getHours('+05:30') == 17":                                   policy.Standing,
		"now < timestamp('2026-01-01T00:00:00Z')":                        policy.NotNow,
		"inNet(source, '10.0.0.0/8')":                                    policy.Standing,
		"inNet(source, '192.0.2.0/24')":                                  policy.NotNow,
		"source == '10.1.2.3'":                                           policy.Standing,
		"key.kind == 'sk-ed25519' && !key.certificate":                   policy.Standing,
		"key.kind.startsWith('sk-')":                                     policy.Standing,
		"'sre' in person.groups && person.name == 'alice'":               policy.Standing,
		"person.groups.exists(g, g.startsWith('lead'))":                  policy.NotNow,
		"host.labels.env == 'prod' && host.labels['role'] == 'db'":       policy.Standing,
		"has(host.labels.zone) && host.labels.zone == 'eu'":              policy.NotNow,
		"host.labels.zone == 'eu'":                                       policy.NotNow, // an error: no such key
		"host.name.matches('^db[0-9]$') && login == 'root'":              policy.Standing,
		"person.email == ''":                                             policy.Standing,
	} {
		rule := "  - {name: s, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], when: \"" + when + "\"}\n"
		p, _ := parse(t, world+rule)
		if !p.Conditional() {
			t.Error("the file has a condition")
		}
		if got := p.Decide(question(t, p)); got.Outcome != want || got.Rule != p.Rules[0] {
			t.Errorf("%s: %+v, want %s", when, got, want)
		}
	}
}

// What cannot be evaluated lets nobody in, and keeps out whom it is there to
// keep out.
func TestConditionsFailClosed(t *testing.T) {
	const (
		allow    = "  - {name: s, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell]}\n"
		approval = "  - {name: a, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {by: {groups: [leads]}}}\n"
		office   = "  - {name: o, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], when: \"inNet(source, '10.0.0.0/8')\"}\n"
		outside  = "  - {name: d, who: {groups: [sre]}, hosts: {names: [db1]}, deny: true, when: \"!inNet(source, '10.0.0.0/8')\"}\n"
	)
	for _, c := range []struct {
		name, rules, source string
		want                policy.Outcome
		rule                string
	}{
		{"at the office", approval + office, "10.1.1.1:1", policy.Standing, "o"},
		{"not at the office", approval + office, "192.0.2.1:1", policy.NeedsApproval, "a"},
		{"nowhere", approval + office, "", policy.NeedsApproval, "a"},
		{"nowhere, and no other rule", office, "", policy.NotNow, "o"},
		{"denied outside", allow + outside, "192.0.2.1:1", policy.Denied, "d"},
		{"not denied inside", allow + outside, "10.1.1.1:1", policy.Standing, "s"},
		{"denied nowhere", allow + outside, "", policy.Denied, "d"},
	} {
		p, _ := parse(t, world+c.rules)
		q := question(t, p)
		q.Identity.Source = netip.AddrPort{}
		if c.source != "" {
			q.Identity.Source = netip.MustParseAddrPort(c.source)
		}
		if got := p.Decide(q); got.Outcome != c.want || got.Rule.Name != c.rule {
			t.Errorf("%s: %s by %s, want %s by %s", c.name, got.Outcome, got.Rule.Name, c.want, c.rule)
		}
	}
}

// What is held under a rule is held while its condition does not hold; a
// condition elsewhere takes nothing away meanwhile.
func TestConditionsAreAssumed(t *testing.T) {
	p, _ := parse(t, world+
		"  - {name: o, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], when: \"false\"}\n"+
		"  - {name: n, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], when: \"false\", approval: {by: {groups: [leads]}}}\n"+
		"  - {name: a, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {by: {groups: [leads]}}}\n"+
		"  - {name: d, who: {groups: [sre]}, hosts: {names: [db1]}, deny: true, when: \"true\"}\n")
	q := question(t, p)
	for held, want := range map[string]policy.Outcome{"a": policy.NeedsApproval, "n": policy.NeedsApproval, "o": policy.Standing} {
		q.Assume = policy.Held(held)
		if got := p.Decide(q); got.Outcome != want || got.Rule.Name != held {
			t.Errorf("held under %s: %+v", held, got)
		}
	}
	if rights := p.Rights(q.Person); len(rights) != 1 || rights[0].Rule.Name != "o" {
		t.Errorf("rights: %+v", rights)
	}
}

// An expression costs what it costs for long: beyond the bound it is an error.
func TestConditionsAreBounded(t *testing.T) {
	list := make([]string, 120)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	all := "[" + strings.Join(list, ",") + "]"
	p, _ := parse(t, world+"  - {name: s, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], when: \""+
		all+".all(a, "+all+".all(b, a + b >= 0))\"}\n")
	began := time.Now()
	if got := p.Decide(question(t, p)); got.Outcome != policy.NotNow {
		t.Errorf("%+v after %s", got, time.Since(began))
	}
}

// A click that must be confirmed counts for nothing of who has no such key.
func TestConfirmNarrowsWhoMayApprove(t *testing.T) {
	sk := wireLine("sk-ssh-ed25519@openssh.com", struct {
		Name string
		Key  []byte
		App  string
	}{"sk-ssh-ed25519@openssh.com", make([]byte, 32), "ssh:"})
	file := func(confirm string) string {
		return `people:
  - {name: alice, groups: [sre], keys: ["KEY(alice)"]}
  - {name: bob, slack: U0BOB, groups: [leads], keys: ["KEY(bob)"]}
  - {name: carol, slack: U0CAROL, groups: [leads], keys: [{key: "KEY(carol)", use: [login]}]}
  - {name: dave, groups: [leads], keys: ["` + sk + `"]}
hosts:
  - {name: db1, address: 10.0.0.1, logins: [root], host_keys: ["KEY(db1)"]}
rules:
  - {name: a, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {by: {groups: [leads]}` + confirm + `}}
`
	}
	for confirm, want := range map[string]string{"": "bob carol dave", ", confirm: key": "bob dave", ", confirm: security-key": "dave"} {
		p, _ := parse(t, file(confirm))
		var got []string
		for _, a := range p.Approvers(p.Rules[0], person(t, p, "alice")) {
			got = append(got, string(a.Name))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", confirm, got, want)
		}
	}
}
