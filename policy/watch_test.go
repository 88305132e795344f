package policy_test

import (
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

const watchedRule = "  - {name: a, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell, exec], watch: required"

// What nobody can see on a screen has no place under `watch: required`.
func TestWatchRequired(t *testing.T) {
	p, _ := parse(t, world+watchedRule+", approval: {by: {groups: [leads]}}}\n")
	rule, _ := p.Rule("a")
	if rule.Watch != access.WatchRequired || rule.Record.Bulk != access.BulkRefuse {
		t.Errorf("%+v", rule)
	}
	for edit, want := range map[string]string{
		"allow: [shell, sftp]":                                    "rules[0].allow[1]: sftp cannot be watched",
		`allow: [shell, {local-forward: ["127.0.0.1:5432"]}]`:     "rules[0].allow[1]: local-forward cannot be watched",
		`allow: [shell, {remote-forward: ["127.0.0.1:5432"]}]`:    "rules[0].allow[1]: remote-forward cannot be watched",
		"allow: [shell, agent-forward]":                           "rules[0].allow[1]: agent-forward cannot be watched",
		"allow: [shell, x11]":                                     "rules[0].allow[1]: x11 cannot be watched",
		"allow: [shell, exec], record: {bulk: hash}":              `rules[0].record.bulk: "hash" leaves out what would be watched`,
		"allow: [shell, exec], record: {bulk: record, keep: 30d}": "",
	} {
		_, _, err := policy.Parse("access.yaml", []byte(fill(world+strings.Replace(watchedRule, "allow: [shell, exec]", edit, 1)+"}\n")))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", edit, err, want)
		}
	}
}

// Another human is wanted: not themselves, not for their own service.
func TestMayWatch(t *testing.T) {
	p, _ := parse(t, strings.Replace(world, "  - {name: carol", "  - {name: robot, owner: bob, groups: [sre]}\n  - {name: carol", 1)+
		watchedRule+", approval: {by: {groups: [leads, sre]}}}\nauditors: {groups: [contractors]}\n")
	rule, _ := p.Rule("a")
	for requester, want := range map[access.PersonName]string{"alice": "bob robot carol", "bob": "alice carol", "robot": "alice carol"} {
		person, _ := p.Person(requester)
		var got []string
		for _, w := range p.Watchers(rule, person) {
			got = append(got, string(w.Name))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %s: %v, want %s", requester, got, want)
		}
	}
}

// Two rules that loosen each other, and one that nobody can satisfy, are told.
func TestWatchWarnings(t *testing.T) {
	const leads = ", approval: {by: {groups: [leads]}}}\n"
	for _, c := range []struct{ name, rules, want string }{
		{"an approver may", watchedRule + leads, ""},
		{"nobody may", watchedRule + "}\n", "10: rules[0].watch: nobody could watch the sessions of alice, bob: no other auditor"},
		{"another rule goes around it", watchedRule + leads + "  - {name: b, who: {people: [bob]}, hosts: {names: [db1]}, logins: [root], allow: [sftp]}\n",
			"10: rules[0].watch: rule b on line 11 lets bob in as root on db1 as well (sftp), and nobody has to watch"},
		{"another that wants it, too", watchedRule + leads + strings.Replace(strings.Replace(watchedRule, "name: a", "name: b", 1), "[db1]", "[db2]", 1) + leads, ""},
		{"another for others", watchedRule + leads + "  - {name: b, who: {people: [carol]}, hosts: {names: [db1]}, logins: [root], allow: [sftp]}\n", ""},
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
