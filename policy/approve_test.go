package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// desk has requesters, approvers of two groups, and those who only seem to be.
const desk = `people:
  - {name: alice, slack: U0ALICE, groups: [sre, leads]}
  - {name: alice-robot, owner: alice, slack: U0AROBOT, groups: [sre, leads]}
  - {name: bob, slack: U0BOB, groups: [leads, security]}
  - {name: bob-robot, owner: bob, slack: U0BROBOT, groups: [leads, security]}
  - {name: carol, groups: [leads], keys: [{key: "KEY(carol)", use: [decide]}]}
  - {name: dan, groups: [security]}
  - {name: mute, groups: [leads, security], keys: [{key: "KEY(mute)", use: [login]}]}
  - {name: eve, slack: U0EVE, groups: [sre]}
hosts: [{name: db1, address: 10.0.0.1, logins: [root], host_keys: ["KEY(db1)"]}]
rules:
  - {name: r, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {BY}}
`

func TestMet(t *testing.T) {
	const (
		one  = "by: {groups: [leads]}"
		two  = "by: {groups: [leads], count: 2}"
		each = "by: [{groups: [leads]}, {groups: [security]}]"
	)
	for _, c := range []struct {
		by, requester, approvedBy string
		missing                   int
	}{
		{one, "eve", "", 1},
		{one, "eve", "bob", 0},
		{one, "eve", "eve", 1},             // not named, and the requester
		{one, "eve", "dan", 1},             // not named
		{one, "eve", "mute", 1},            // no way to decide
		{one, "eve", "nobody", 1},          // no longer there
		{one, "eve", "local:0", 1},         // the unix socket is nobody of the file
		{one, "alice", "alice", 1},         // their own
		{one, "alice", "alice-robot", 1},   // their own, by a robot
		{one, "alice-robot", "alice", 1},   // an owner for their service
		{one, "alice-robot", "bob", 0},     //
		{two, "eve", "bob", 1},             //
		{two, "eve", "bob bob", 1},         // one human twice
		{two, "eve", "bob bob-robot", 1},   // one human in two rows
		{two, "eve", "bob carol", 0},       //
		{two, "alice", "bob alice", 1},     //
		{two, "eve", "bob carol alice", 0}, // more than enough
		{each, "eve", "", 2},               //
		{each, "eve", "bob", 1},            // in both groups, but one human
		{each, "eve", "bob carol", 0},      // carol takes the lead's place, whatever the order
		{each, "eve", "carol bob", 0},      //
		{each, "eve", "bob dan", 0},        //
		{each, "eve", "carol alice", 1},    // two leads are no security
	} {
		p, _ := parse(t, strings.Replace(desk, "BY", c.by, 1))
		var names []access.PersonName
		for _, n := range strings.Fields(c.approvedBy) {
			names = append(names, access.PersonName(n))
		}
		if got := p.Met(p.Rules[0], person(t, p, access.PersonName(c.requester)), names); got != c.missing {
			t.Errorf("%s for %s by %q: %d missing, want %d", c.by, c.requester, c.approvedBy, got, c.missing)
		}
	}
}

func TestStandingIsNotMetByApprovals(t *testing.T) {
	p, _ := parse(t, strings.Replace(desk, ", approval: {BY}", "", 1))
	if got := p.Met(p.Rules[0], person(t, p, "eve"), []access.PersonName{"bob"}); got == 0 {
		t.Error("a grant must not come from a rule without approval")
	}
	if got := p.Approvers(p.Rules[0], person(t, p, "eve")); got != nil {
		t.Errorf("approvers: %v", got)
	}
}

func TestApprovers(t *testing.T) {
	p, _ := parse(t, strings.Replace(desk, "BY", "by: {groups: [leads], people: [dan]}", 1))
	for requester, want := range map[access.PersonName]string{
		"eve":         "[alice alice-robot bob bob-robot carol dan]",
		"alice":       "[bob bob-robot carol dan]",
		"alice-robot": "[bob bob-robot carol dan]",
	} {
		var names []access.PersonName
		for _, a := range p.Approvers(p.Rules[0], person(t, p, requester)) {
			names = append(names, a.Name)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("for %s: %s, want %s", requester, got, want)
		}
	}
}

// TestMetAgreesWithTrying compares the matching with trying every placement.
func TestMetAgreesWithTrying(t *testing.T) {
	p, _ := parse(t, strings.Replace(desk, "BY", "by: [{groups: [leads], count: 2}, {groups: [security]}, {people: [carol, dan]}]", 1))
	eve, rule := person(t, p, "eve"), p.Rules[0]
	names := []access.PersonName{"alice", "bob", "carol", "dan", "mute", "eve"}
	for mask := range 1 << len(names) {
		var chosen []access.PersonName
		var able []access.Person
		for i, n := range names {
			if mask&(1<<i) == 0 {
				continue
			}
			chosen = append(chosen, n)
			if n != "mute" && n != "eve" {
				able = append(able, person(t, p, n))
			}
		}
		if got, want := p.Met(rule, eve, chosen), 4-most(able, rule.Approval.By, []int{2, 1, 1}); got != want {
			t.Errorf("%v: %d missing, want %d", chosen, got, want)
		}
	}
}

// most tries every way to give the people their places.
func most(people []access.Person, by []policy.Approvers, left []int) int {
	if len(people) == 0 {
		return 0
	}
	best := most(people[1:], by, left)
	for i := range by {
		if left[i] > 0 && by[i].Includes(people[0]) {
			left[i]--
			best = max(best, 1+most(people[1:], by, left))
			left[i]++
		}
	}
	return best
}
