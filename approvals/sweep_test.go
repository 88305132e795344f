package approvals_test

import (
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

func TestReloadEndsWhatItNoLongerCovers(t *testing.T) {
	const alice, rule = `- {name: alice, groups: [sre], keys: ["$alice", "$alice2"]}`, "allow: [shell, exec, {local-forward: [\"127.0.0.1:5432\"]}]"
	for name, c := range map[string]struct {
		edit                      []string
		granted, standing, second bool // what lives on: alice's two sessions and that of her other key
	}{
		"nothing that matters":    {[]string{"wait: 30m", "wait: 20m"}, true, true, true},
		"the approvers change":    {[]string{"by: {groups: [leads]}, wait", "by: {people: [erin]}, wait"}, true, true, true},
		"the rule allows more":    {[]string{rule, "allow: [shell, exec, sftp, {local-forward: [\"127.0.0.1:5432\"]}]"}, true, true, true},
		"the person leaves":       {[]string{alice, ""}, false, false, false},
		"the person's group goes": {[]string{alice, `- {name: alice, keys: ["$alice", "$alice2"]}`}, false, false, false},
		"one key is removed":      {[]string{alice, `- {name: alice, groups: [sre], keys: ["$alice"]}`}, true, true, false},
		"one key is only to decide": {[]string{alice, `- {name: alice, groups: [sre], keys: ["$alice", {key: "$alice2", use: [decide]}]}`},
			true, true, false},
		"the host goes":           {[]string{"{name: db1, address: \"10.0.0.11:22\", aliases: [db], labels: {env: prod}", "{name: db9, address: \"10.0.0.11:22\", labels: {env: prod}"}, false, true, false},
		"the login goes":          {[]string{"logins: [root, postgres]", "logins: [postgres]"}, false, true, false},
		"the label changes":       {[]string{"aliases: [db], labels: {env: prod}", "aliases: [db], labels: {env: other}"}, false, true, false},
		"the rule is renamed":     {[]string{"name: prod", "name: production"}, false, true, false},
		"the rule allows less":    {[]string{rule, "allow: [exec]"}, false, true, false},
		"a destination goes":      {[]string{"127.0.0.1:5432", "127.0.0.1:5433"}, false, true, false},
		"a deny comes":            {[]string{"who: {people: [robot]}\n    hosts: {labels: {env: test}}", "who: {people: [alice]}\n    hosts: {labels: {env: test}}"}, true, false, true},
		"standing needs approval": {[]string{"name: test\n    who: {groups: [sre]}", "name: test\n    approval: {by: {people: [erin]}}\n    who: {groups: [sre]}"}, true, false, true},
		"approval becomes standing": {[]string{"    approval: {by: {groups: [leads]}, wait: 30m}\n    grant: {default: 1h, max: 2h, use_within: 20m}\n", ""},
			true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			granted := w.session("alice", "root@db1")
			standing := w.open("alice", "root@web1", access.KindShell).admitted()
			second := w.session("alice2", "root@db1")
			edited := w.edited(c.edit...)
			ended := 0
			check := func(p *access.Pass, lives bool) {
				t.Helper()
				if lives {
					w.alive(p)
					return
				}
				w.ended(p, access.ReasonRemoved)
			}
			if !c.granted || !c.standing || !c.second {
				ended = 1
			}
			if n, of := w.Ended(edited); n != ended || of != 1 {
				t.Errorf("said beforehand: %d of %d people, want %d of 1", n, of, ended)
			}
			w.alive(granted)
			w.reload(edited)
			check(granted, c.granted)
			check(standing, c.standing)
			check(second, c.second)
		})
	}
}

func TestReloadEndsPendingRequestsAndReadyGrants(t *testing.T) {
	w := newWorld(t)
	pending, ready := w.asked("alice", "root@db1"), w.asked("alice2", "root@db1")
	w.approve("dave", ready)
	w.reload(w.edited("name: prod", "name: production"))
	w.state(pending, access.RequestCancelled)
	if g := w.request(ready).Grant; g.State != access.GrantRevoked {
		t.Errorf("the ready grant is %s", g.State)
	}
	if e := w.events(audit.RequestCancelled); len(e) != 1 || e[0].Actor != audit.ActorPolicy {
		t.Errorf("events %+v", e)
	}
	if e := w.events(audit.GrantRevoked); len(e) != 1 || e[0].Detail["cause"] != string(access.ReasonRemoved) {
		t.Errorf("events %+v", e)
	}
}

// Who waits while the rules change is judged by the new ones.
func TestReloadWhileWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		edit  []string
		check func(w *world, v *visit, before access.Waiting)
	}{
		"no rule any more": {[]string{"name: prod\n    who: {groups: [sre]}", "name: prod\n    who: {groups: [leads]}"},
			func(w *world, v *visit, _ access.Waiting) { v.refused(access.ReasonNoRule) }},
		"removed": {[]string{`keys: ["$alice", "$alice2"]`, `keys: ["$alice2"]`},
			func(w *world, v *visit, _ access.Waiting) { v.refused(access.ReasonRemoved) }},
		"standing access": {[]string{"    approval: {by: {groups: [leads]}, wait: 30m}\n    grant: {default: 1h, max: 2h, use_within: 20m}\n", ""},
			func(w *world, v *visit, _ access.Waiting) {
				if p := v.admitted(); p.Grant != "" {
					w.t.Error("under a grant")
				}
			}},
		"another rule asks": {[]string{"name: prod", "name: production"},
			func(w *world, v *visit, before access.Waiting) {
				s := v.waits()
				if s.Request == before.Request {
					w.t.Fatal("the old request waits on")
				}
				w.approve("bob", s.Request)
				v.admitted()
			}},
		"others are asked": {[]string{"by: {groups: [leads]}, wait", "by: {people: [erin]}, wait"},
			func(w *world, v *visit, before access.Waiting) {
				s := v.waits()
				if s.Request != before.Request || len(s.Asked) != 1 || s.Asked[0] != "erin" {
					w.t.Fatalf("told %+v", s)
				}
				w.approve("erin", s.Request)
				v.admitted()
			}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.open("alice", "root@db1", access.KindShell)
			before := v.waits()
			w.reload(w.edited(c.edit...))
			c.check(w, v, before)
		})
	}
}

// Who comes with a certificate has no key in the file; a reload must not take
// that for a removed key.
func TestReloadLeavesPeopleWithCertificates(t *testing.T) {
	w := newWorld(t)
	certified := func(a *access.Application) {
		a.Identity.Fingerprint = "SHA256:of-the-certified-key"
		a.Identity.Certificate = &access.UserCertificate{KeyID: "alice@ca"}
	}
	v := w.open("alice", "root@db1", access.KindShell, certified)
	id := v.waits().Request
	w.reload(w.edited("wait: 30m", "wait: 20m"))
	w.approve("bob", id)
	p := v.admitted()
	w.reload(w.first)
	w.alive(p)
	w.reload(w.edited(`- {name: alice, groups: [sre], keys: ["$alice", "$alice2"]}`, ""))
	w.ended(p, access.ReasonRemoved)
}

func TestSessionsThatAreBeingEvaluatedAreNotMissed(t *testing.T) {
	w := newWorld(t)
	gone := w.edited("- {name: alice, groups: [sre],", "- {name: alice, groups: [],")
	for range 50 {
		v := w.open("alice", "root@web1", access.KindShell)
		w.reload(gone)
		<-v.done
		if v.err == nil {
			w.ended(v.pass, access.ReasonRemoved)
			v.pass.Done()
		}
		w.reload(w.first)
	}
}
