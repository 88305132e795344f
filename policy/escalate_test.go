package policy_test

import (
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// TestEscalation: who is asked later counts in any place, and only for a rule
// as it stands once it was escalated.
func TestEscalation(t *testing.T) {
	p, _ := parse(t, `
people:
  - {name: alice, groups: [sre], keys: ["KEY(alice)"]}
  - {name: bob, groups: [leads], keys: ["KEY(bob)"]}
  - {name: erin, groups: [duty], keys: ["KEY(erin)"]}
hosts:
  - {name: db1, address: "10.0.0.11:22", logins: [root], host_keys: ["KEY(db1)"]}
rules:
  - name: prod
    who: {groups: [sre]}
    hosts: {names: [db1]}
    logins: [root]
    allow: [shell]
    approval: {by: {groups: [leads]}, wait: 30m, remind: 5m, escalate: {after: 10m, by: {groups: [duty]}}}
`)
	rule, _ := p.Rule("prod")
	alice, _ := p.Person("alice")
	erin := []access.PersonName{"erin"}
	if n := len(p.Approvers(rule, alice)); n != 1 {
		t.Errorf("%d are asked first", n)
	}
	wider := rule.Escalated()
	if list := p.Approvers(wider, alice); len(list) != 2 || list[1].Name != "erin" {
		t.Errorf("asked then: %+v", list)
	}
	if p.Met(wider, alice, nil) != 1 || p.Met(wider, alice, erin) != 0 || p.Met(rule, alice, erin) != 1 {
		t.Error("how many are missing")
	}
}

func TestEscalationFaults(t *testing.T) {
	for keys, fault := range map[string]string{
		"remind: 5s":                                               "remind: must be a minute or more",
		"escalate: {by: {groups: [leads]}}":                        "escalate.after: must be longer than nothing",
		"escalate: {after: 30m, by: {groups: [leads]}}":            "escalate.after: must be longer than nothing and shorter than wait",
		"escalate: {after: 5m}":                                    "escalate.by: is required",
		"escalate: {after: 5m, by: {groups: [ghosts]}}":            "ghosts",
		"escalate: {after: 5m, by: {groups: [leads], count: 2}}":   "escalate.by.count: is not for escalation",
		"escalate: {after: 5m, by: {groups: [leads]}, channel: C}": "channel: unknown key",
	} {
		_, _, err := policy.Parse("access.yaml", []byte(fill(`
people:
  - {name: alice, groups: [sre, leads], keys: ["KEY(alice)"]}
hosts:
  - {name: db1, address: "10.0.0.11:22", logins: [root], host_keys: ["KEY(db1)"]}
rules:
  - {name: prod, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {by: {groups: [leads]}, wait: 30m, `+keys+`}}
`)))
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", keys, err)
		}
	}
}
