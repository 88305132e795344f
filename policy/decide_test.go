package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// world has people, hosts and no rules: a test appends its own.
const world = `people:
  - {name: alice, groups: [sre]}
  - {name: bob, groups: [sre, contractors]}
  - {name: carol, groups: [leads]}
hosts:
  - {name: db1, aliases: [db1.example.com], address: 10.0.0.1, labels: {env: prod, role: db}, logins: [root, postgres], host_keys: ["KEY(db1)"]}
  - {name: db2, address: 10.0.0.2, labels: {env: stage, role: db}, logins: [root], host_keys: ["KEY(db2)"]}
  - {name: web1, address: 10.0.0.3, labels: {env: prod}, logins: [root], host_keys: ["KEY(web1)"]}
rules:
`

func TestDecide(t *testing.T) {
	const (
		standing = "  - {name: s, who: {groups: [sre]}, hosts: {labels: {role: db}}, logins: [root], allow: [shell, exec]}\n"
		approval = "  - {name: a, who: {groups: [sre]}, hosts: {names: [\"*\"]}, logins: [root, postgres], allow: [shell, sftp], approval: {by: {groups: [leads]}}}\n"
		second   = "  - {name: a2, who: {people: [alice]}, hosts: {names: [db1]}, logins: [root], allow: [shell, x11], approval: {by: {groups: [leads]}}}\n"
		proven   = "  - {name: p, inner_auth: key, who: {groups: [sre]}, hosts: {names: [\"db*\"]}, logins: [root], allow: [shell]}\n"
		denyAll  = "  - {name: d, who: {groups: [contractors]}, hosts: {labels: {env: prod}}, deny: true}\n"
		denyRoot = "  - {name: dr, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], deny: true}\n"
		denySFTP = "  - {name: df, who: {groups: [sre]}, hosts: {names: [db1.example.com]}, allow: [sftp, exec], deny: true}\n"
	)
	lent := access.Identity{InnerUnproven: true}
	for _, c := range []struct {
		name, rules string
		who         access.PersonName
		login, host string
		kind        access.Capability
		id          access.Identity
		want        policy.Outcome
		rule        string
	}{
		{"no rules", "  []", "alice", "root", "db1", access.MayShell, access.Identity{}, policy.NoRule, ""},
		{"standing", standing, "alice", "root", "db2", access.MayShell, access.Identity{}, policy.Standing, "s"},
		{"another kind", standing, "alice", "root", "db2", access.MaySFTP, access.Identity{}, policy.NoRule, ""},
		{"no kind", standing, "alice", "root", "db2", "", access.Identity{}, policy.NoRule, ""},
		{"another login", standing, "alice", "postgres", "db1", access.MayShell, access.Identity{}, policy.NoRule, ""},
		{"unknown login", standing, "alice", "oracle", "db1", access.MayShell, access.Identity{}, policy.UnknownLogin, ""},
		{"login of another host", approval, "alice", "postgres", "db2", access.MayShell, access.Identity{}, policy.UnknownLogin, ""},
		{"another host", standing, "alice", "root", "web1", access.MayShell, access.Identity{}, policy.NoRule, ""},
		{"another person", standing, "carol", "root", "db1", access.MayShell, access.Identity{}, policy.NoRule, ""},
		{"approval", approval, "alice", "postgres", "db1", access.MayShell, access.Identity{}, policy.NeedsApproval, "a"},
		{"standing wins", approval + standing, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.Standing, "s"},
		{"standing for its kinds only", approval + standing, "alice", "root", "db1", access.MaySFTP, access.Identity{}, policy.NeedsApproval, "a"},
		{"first approval", approval + second, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.NeedsApproval, "a"},
		{"first approval, the other way", second + approval, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.NeedsApproval, "a2"},
		{"deny last", standing + approval + denyAll, "bob", "root", "db1", access.MayShell, access.Identity{}, policy.Denied, "d"},
		{"deny first", denyAll + standing, "bob", "root", "db1", access.MayShell, access.Identity{}, policy.Denied, "d"},
		{"deny of another", standing + denyAll, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.Standing, "s"},
		{"deny elsewhere", standing + denyAll, "bob", "root", "db2", access.MayShell, access.Identity{}, policy.Standing, "s"},
		{"deny of every kind", denyAll, "bob", "root", "web1", access.MayX11, access.Identity{}, policy.Denied, "d"},
		{"deny of a login", approval + denyRoot, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.Denied, "dr"},
		{"deny of another login", approval + denyRoot, "alice", "postgres", "db1", access.MayShell, access.Identity{}, policy.NeedsApproval, "a"},
		{"deny of a kind, by alias", approval + denySFTP, "alice", "root", "db1", access.MaySFTP, access.Identity{}, policy.Denied, "df"},
		{"deny of another kind", approval + denySFTP, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.NeedsApproval, "a"},
		{"unproven", proven, "alice", "root", "db1", access.MayShell, lent, policy.NeedsProof, "p"},
		{"proven", proven, "alice", "root", "db1", access.MayShell, access.Identity{}, policy.Standing, "p"},
		{"unproven, but another rule", proven + approval, "alice", "root", "db1", access.MayShell, lent, policy.NeedsApproval, "a"},
		{"unproven and denied", proven + denyRoot, "alice", "root", "db1", access.MayShell, lent, policy.Denied, "dr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := parse(t, world+c.rules)
			a := p.Decide(policy.Question{Person: person(t, p, c.who), Identity: c.id, Host: host(t, p, c.host), Login: c.login, Capability: c.kind})
			name := ""
			if a.Rule != nil {
				name = a.Rule.Name
			}
			if a.Outcome != c.want || name != c.rule {
				t.Errorf("%s by %q, want %s by %q", a.Outcome, name, c.want, c.rule)
			}
		})
	}
	p, _ := parse(t, world+proven)
	if !p.NeedsProof(person(t, p, "alice"), host(t, p, "db1"), "root") || p.NeedsProof(person(t, p, "carol"), host(t, p, "db1"), "root") {
		t.Error("the front door must know beforehand for whom a proof is needed")
	}
}

// model is a rule as the test made it up, independent of how policy keeps it.
type model struct {
	people, hosts, logins, kinds []string
	deny, approval               bool
}

// some picks a part of all; not empty.
func some(r *rand.Rand, all []string) []string {
	for {
		var out []string
		for _, s := range all {
			if r.IntN(2) == 0 {
				out = append(out, s)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
}

func (m model) yaml(name string) string {
	s := fmt.Sprintf("  - {name: %s, who: {people: [%s]}, hosts: {names: [%s]}", name, strings.Join(m.people, ", "), strings.Join(m.hosts, ", "))
	if m.logins != nil {
		s += ", logins: [" + strings.Join(m.logins, ", ") + "]"
	}
	if m.kinds != nil {
		s += ", allow: [" + strings.Join(m.kinds, ", ") + "]"
	}
	if m.deny {
		s += ", deny: true"
	}
	if m.approval {
		s += ", approval: {by: {groups: [leads]}}"
	}
	return s + "}\n"
}

func (m model) about(person, host, login, kind string) bool {
	return slices.Contains(m.people, person) && slices.Contains(m.hosts, host) &&
		(m.deny && m.logins == nil || slices.Contains(m.logins, login)) &&
		(m.deny && m.kinds == nil || slices.Contains(m.kinds, kind))
}

// expected is the sentence of the contract: any deny wins, else standing
// access, else the first approval rule, else nothing.
func expected(rules []model, person, host, login, kind string) (policy.Outcome, int) {
	outcome, by := policy.NoRule, -1
	for _, want := range []struct {
		outcome        policy.Outcome
		deny, approval bool
	}{{policy.NeedsApproval, false, true}, {policy.Standing, false, false}, {policy.Denied, true, false}} {
		for i, m := range rules {
			if m.deny == want.deny && m.approval == want.approval && m.about(person, host, login, kind) {
				outcome, by = want.outcome, i
				break
			}
		}
	}
	return outcome, by
}

func TestDecideIsTheContractsSentence(t *testing.T) {
	people, hosts, logins := []string{"alice", "bob", "carol"}, []string{"db1", "db2", "web1"}, []string{"root", "postgres"}
	kinds := []string{"shell", "exec", "sftp"}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var rules []model
		text := world
		for i := range 1 + r.IntN(7) {
			m := model{people: some(r, people), hosts: some(r, hosts), logins: some(r, logins), kinds: some(r, kinds)}
			switch r.IntN(4) {
			case 0:
				m.deny = true
				if r.IntN(2) == 0 {
					m.logins = nil
				}
				if r.IntN(2) == 0 {
					m.kinds = nil
				}
			case 1, 2:
				m.approval = true
			}
			rules = append(rules, m)
			text += m.yaml(fmt.Sprintf("r%d", i))
		}
		p, _ := parse(t, text)
		for _, who := range p.People {
			for _, h := range p.Hosts {
				for _, login := range h.Logins {
					for _, kind := range append(kinds, "x11") {
						a := p.Decide(policy.Question{Person: who, Host: h, Login: login, Capability: access.Capability(kind)})
						want, by := expected(rules, string(who.Name), h.Name, login, kind)
						if a.Outcome != want || by >= 0 && a.Rule != p.Rules[by] || by < 0 && a.Rule != nil {
							t.Fatalf("seed %d: %s of %s as %s on %s: %s, want %s by rule %d in\n%s", seed, kind, who.Name, login, h.Name, a.Outcome, want, by, text)
						}
					}
				}
			}
		}
	}
}
