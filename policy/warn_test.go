package policy_test

import (
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	const leads = ", approval: {by: {groups: [leads]}}}\n"
	const sre = "  - {name: a, who: {groups: [sre]}, hosts: {names: [\"db*\"]}, logins: [root], allow: [shell, exec]"
	for _, c := range []struct{ name, rules, want string }{
		{"nothing to say", sre + leads, ""},
		{"no rules", "  []", "9: rules: there is none"},
		{"two approvals", sre + leads + "  - {name: b, who: {people: [bob]}, hosts: {labels: {env: prod}}, logins: [postgres, root], allow: [sftp, exec]" + leads,
			"11: rules[1]: overlaps rule a on line 10, for one: exec of bob as root on db1; the first in the file decides"},
		{"standing over approval", sre + leads + "  - {name: b, who: {people: [alice]}, hosts: {names: [db2]}, logins: [root], allow: [shell]}\n",
			"shell of alice as root on db2; b is standing access and wins: nobody is asked"},
		{"apart by person", sre + leads + "  - {name: b, who: {people: [carol]}, hosts: {names: [db2]}, logins: [root], allow: [shell]}\n", ""},
		{"apart by login", sre + leads + "  - {name: b, who: {people: [bob]}, hosts: {names: [db1]}, logins: [postgres], allow: [shell]}\n", ""},
		{"apart by host", sre + leads + "  - {name: b, who: {people: [bob]}, hosts: {names: [web1]}, logins: [root], allow: [shell]}\n", ""},
		{"apart by kind", sre + leads + "  - {name: b, who: {people: [bob]}, hosts: {names: [db1]}, logins: [root], allow: [sftp]}\n", ""},
		{"a deny is no overlap", sre + leads + "  - {name: b, who: {people: [bob]}, hosts: {names: [db1]}, deny: true}\n", ""},
		{"no host", strings.Replace(sre, "db*", "dc*", 1) + leads, "10: rules[0].hosts: selects no host"},
		{"login of no host", strings.Replace(sre, "[root]", "[root, oracle]", 1) + leads, "10: rules[0].logins[1]: none of the hosts it selects has a login oracle"},
		{"half a deny", "  - {name: d, who: {people: [bob]}, hosts: {names: [db1]}, allow: [shell], deny: true}\n", "rules[0].allow: denies less than it seems"},
		{"nobody could", sre + ", approval: {by: {people: [carol], count: 2}}}\n", "10: rules[0].approval.by: nobody could approve this: too few"},
		{"nobody could for some", "  - {name: a, who: {people: [alice, carol]}, hosts: {names: [db1]}, logins: [root], allow: [shell]" + leads,
			"rules[0].approval.by: nobody could approve this for carol: too few"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, warnings := parse(t, world+c.rules)
			switch {
			case c.want == "" && len(warnings) > 0:
				t.Errorf("unasked for: %v", warnings)
			case c.want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0].String(), c.want)):
				t.Errorf("got  %v\nwant %s", warnings, c.want)
			}
		})
	}
}

func TestWarnsOfSharedAddress(t *testing.T) {
	_, warnings := parse(t, strings.Replace(world, "address: 10.0.0.2", `address: "[::ffff:10.0.0.1]:22"`, 1)+"  []")
	if len(warnings) != 2 || !strings.Contains(warnings[0].String(), "7: hosts[1].address: is also that of db1") {
		t.Error(warnings)
	}
}
