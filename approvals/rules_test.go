package approvals_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

const prodApproval = "approval: {by: {groups: [leads]}, wait: 30m}"

// under publishes the access file with parts replaced.
func (w *world) under(oldnew ...string) { w.reload(w.edited(oldnew...)) }

func from(addr string) func(*access.Application) {
	return func(a *access.Application) { a.Identity.Source = netip.MustParseAddrPort(addr) }
}

func glass(a *access.Application) { a.BreakGlass = true }

// onSlack is a person in Slack.
func (w *world) onSlack(user string) access.Actor {
	w.t.Helper()
	a, err := w.SlackActor(context.Background(), user, "ask", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// A rule's condition decides at the door, and again while the session runs.
func TestConditionEndsSessions(t *testing.T) {
	w := newWorld(t)
	w.under("name: test\n    who: {groups: [sre]}", "name: test\n    when: \"now.getHours() < 12 && inNet(source, '192.0.2.0/24')\"\n    who: {groups: [sre]}")
	p := w.open("alice", "root@web1", access.KindShell).admitted()
	e := w.open("alice", "root@web1", access.KindShell, from("198.51.100.1:1")).refused(access.ReasonCondition)
	if !strings.Contains(e.Line(), "the rule test gives you a shell as root@web1 only when now.getHours() < 12") {
		t.Error(e.Line())
	}
	w.pass(119 * time.Minute)
	w.Recheck()
	w.alive(p)
	w.pass(time.Minute)
	w.Recheck()
	w.ended(p, access.ReasonCondition)
	w.open("alice", "root@web1", access.KindShell).refused(access.ReasonCondition)
}

// [Desk.Run] looks at conditions by itself.
func TestRunRechecksConditions(t *testing.T) {
	w := newWorld(t)
	w.under("name: test\n    who: {groups: [sre]}", "name: test\n    when: now.getHours() < 12\n    who: {groups: [sre]}")
	p := w.open("alice", "root@web1", access.KindShell).admitted()
	w.mu.Lock()
	w.now = w.now.Add(3 * time.Hour)
	w.mu.Unlock()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	w.ended(p, access.ReasonCondition)
	stop()
	<-done
}

// A grant outlives the hours in which its rule opens sessions, and its sessions
// do not; a reload in between takes nothing away.
func TestConditionAndGrant(t *testing.T) {
	w := newWorld(t)
	edit := []string{"name: prod\n", "name: prod\n    when: now.getHours() != 11\n"}
	w.under(edit...)
	v := w.open("alice", "root@db1", access.KindShell)
	w.approve("bob", v.waits().Request)
	p := v.admitted()
	w.pass(59 * time.Minute)
	r, err := w.Extend(t.Context(), w.by("alice"), string(p.Grant), time.Hour, "more")
	if err != nil {
		t.Fatal(err)
	}
	w.approve("bob", r.ID)
	w.pass(2 * time.Minute) // 11:01
	w.Recheck()
	w.ended(p, access.ReasonCondition)
	w.under(edit...)
	if g, err := w.store.Grant(t.Context(), p.Grant); err != nil || g.State != access.GrantActive {
		t.Fatalf("%+v, %v", g, err)
	}
	w.open("alice", "root@db1", access.KindShell).refused(access.ReasonCondition)
}

// Who is on call is let in, for less, and everybody can see why.
func TestOnCall(t *testing.T) {
	w := newWorld(t)
	var on []string
	var fails error
	w.Desk.OnCall = func(_ context.Context, h policy.OnCall) ([]string, error) {
		if h.Command[0] != "/usr/bin/oncall" || h.Timeout != 5*time.Second {
			t.Errorf("hook: %+v", h)
		}
		return on, fails
	}
	w.under(prodApproval, `approval: {by: {groups: [leads]}, wait: 30m, auto: {max: 15m, on_call: {command: [/usr/bin/oncall]}}}`,
		"{name: alice, groups", "{name: alice, email: alice@example.com, groups")
	for what, set := range map[string]func(){
		"nobody":    func() { on, fails = nil, nil },
		"another":   func() { on, fails = []string{"bob", "Alice"}, nil },
		"a failure": func() { on, fails = []string{"alice"}, errors.New("pager down") },
	} {
		set()
		v := w.open("alice", "root@db1", access.KindShell)
		id := v.waits().Request
		v.end(access.Refuse(access.ReasonCancelled, "withdrawn", ""))
		v.over()
		if w.state(id, access.RequestCancelled); t.Failed() {
			t.Fatal(what)
		}
	}
	on, fails = []string{"ALICE@example.com"}, nil
	p := w.open("alice", "root@db1", access.KindShell).admitted()
	r := w.state(p.Request, access.RequestApproved)
	if r.Auto != "on-call" || !p.NotAfter.Equal(start.Add(15*time.Minute)) || !slices.Equal(p.Approvers, []access.PersonName{"auto:on-call"}) {
		t.Errorf("%+v until %s by %v", r, p.NotAfter, p.Approvers)
	}
	// More time is for people to give.
	more, err := w.Extend(t.Context(), w.by("alice"), string(p.Grant), 0, "more")
	if err != nil || more.State != access.RequestPending {
		t.Errorf("extension: %+v, %v", more, err)
	}
	// Nobody else is let in by it, and asking ahead is asking.
	ahead, err := w.Ask(t.Context(), w.by("alice2"), access.Ask{Target: target("root@db1"), For: time.Hour})
	if err != nil || ahead.State != access.RequestApproved || ahead.Grant.For != 15*time.Minute {
		t.Errorf("ahead: %+v, %v", ahead, err)
	}
	w.open("robot", "root@db1", access.KindShell).waits()
}

// A condition may stand in place of a click.
func TestAutoWhen(t *testing.T) {
	w := newWorld(t)
	w.under(prodApproval, `approval: {by: {groups: [leads]}, wait: 30m, auto: {when: "inNet(source, '192.0.2.0/24')"}}`)
	v := w.open("alice", "root@db1", access.KindShell, from("198.51.100.1:9"))
	id := v.waits().Request
	// Where it holds, it approves what waits already.
	w.open("alice", "root@db1", access.KindShell).admitted()
	v.admitted()
	if r := w.state(id, access.RequestApproved); r.Auto != "condition" {
		t.Errorf("%+v", r)
	}
}

// Break-glass opens at once, loudly, and once: a review is owed before the same
// human may do it again.
func TestLetMeIn(t *testing.T) {
	w := newWorld(t)
	w.open("alice", "root@db1", access.KindShell, glass).refused(access.ReasonNotAllowed)
	w.under(prodApproval, "approval: {by: {groups: [leads]}, wait: 30m, break_glass: true, reason: {pattern: \"OPS-[0-9]+\"}}")
	w.open("alice", "root@db1", access.KindShell, glass, func(a *access.Application) { a.Reason = " \t" }).refused(access.ReasonNoReason)

	// One who waits already is let in with it.
	waiting := w.open("alice", "root@db1", access.KindShell, func(a *access.Application) { a.Reason = "OPS-1" })
	waiting.waits()
	p := w.open("alice", "root@db1", access.KindShell, glass, func(a *access.Application) { a.Reason = "the site burns" }).admitted()
	waiting.admitted()
	r := w.state(p.Request, access.RequestApproved)
	if !r.BreakGlass || !r.Owed() || !r.Grant.BreakGlass || p.Approvers[0] != "break-glass:alice" || r.Decisions[0].Reason != "the site burns" {
		t.Errorf("%+v", r)
	}
	if e := w.events(audit.RequestBreakGlass); len(e) != 1 || e[0].Detail["reason"] != "the site burns" || e[0].Actor != "alice" {
		t.Errorf("%+v", e)
	}

	// The grant opens more; another key needs another, and that is owed for.
	w.open("alice", "root@db1", access.KindExec).admitted()
	e := w.open("alice2", "root@db1", access.KindShell, glass).refused(access.ReasonReviewOwed)
	if !strings.Contains(e.Line(), "bob, carol, dave, erin") || e.ID != string(r.ID) {
		t.Error(e.Line())
	}
	review := func(a access.Actor, id access.RequestID, note string) error {
		_, err := w.Desk.Review(t.Context(), a, id, note)
		return err
	}
	w.refusal(review(w.by("alice"), r.ID, "fine"), access.ReasonNotAllowed)
	w.refusal(review(w.by("robot"), r.ID, "fine"), access.ReasonNotAllowed)
	w.refusal(review(local, r.ID, "fine"), access.ReasonNotAllowed)
	w.refusal(review(w.by("bob"), r.ID, ""), access.ReasonNoReason)
	w.refusal(review(w.by("bob"), "01J00000000000000000000000", "fine"), access.ReasonNotFound)
	w.restart()
	w.open("alice2", "root@db1", access.KindShell, glass).refused(access.ReasonReviewOwed)
	owed := func(want ...access.RequestID) {
		t.Helper()
		list, err := w.store.Requests(t.Context(), access.RequestQuery{Owed: true})
		var got []access.RequestID
		for _, r := range list {
			got = append(got, r.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("owed: %v, %v; want %v", got, err, want)
		}
	}
	owed(r.ID)
	if err := review(w.by("erin"), r.ID, "it did burn"); err != nil {
		t.Fatal(err)
	}
	owed()
	w.refusal(review(w.by("bob"), r.ID, "again"), access.ReasonDecided)
	if r := w.request(r.ID); r.Owed() || r.Review.By != "erin" || r.Review.Note != "it did burn" {
		t.Errorf("%+v", r.Review)
	}
	again, err := w.Ask(t.Context(), w.by("alice2"), access.Ask{Target: target("root@db1"), Reason: "again", BreakGlass: true})
	if err != nil || again.State != access.RequestApproved || !again.BreakGlass {
		t.Errorf("%+v, %v", again, err)
	}
	w.refusal(review(w.by("carol"), again.ID, "fine"), access.ReasonNotAllowed) // by a key that may not decide
}

// Break-glass is no way past a lock, nor out of Slack, nor past a denial.
func TestBreakGlassIsNoSkeletonKey(t *testing.T) {
	w := newWorld(t)
	w.under(prodApproval, "approval: {by: {groups: [leads]}, break_glass: true}", "{name: robot, owner: bob, groups", "{name: robot, slack: U0ROBOT, owner: bob, groups")
	_, err := w.Ask(t.Context(), w.onSlack("U0BOB"), access.Ask{Target: target("root@db1"), Reason: "x", BreakGlass: true})
	w.refusal(err, access.ReasonNotAllowed)
	if err := w.Lock(t.Context(), w.by("erin"), access.Subject{Kind: access.SubjectHost, Name: "db1"}, "broken into"); err != nil {
		t.Fatal(err)
	}
	w.open("alice", "root@db1", access.KindShell, glass).refused(access.ReasonLocked)
	// A service and its owner are one human, who owes once for both.
	w.Unlock(t.Context(), w.by("erin"), access.Subject{Kind: access.SubjectHost, Name: "db1"}, "")
	w.open("robot", "root@db1", access.KindShell, glass).admitted()
	w.open("bob", "root@db1", access.KindShell, glass).refused(access.ReasonReviewOwed)
}

// A rule may want a click confirmed by a key.
func TestConfirm(t *testing.T) {
	w := newWorld(t)
	w.under(prodApproval, "approval: {by: {groups: [leads]}, count: 1, wait: 30m, confirm: key}")
	v := w.open("alice", "root@db1", access.KindShell)
	told := v.waits()
	id := told.Request
	if !slices.Equal(told.Asked, []access.PersonName{"bob", "dave"}) {
		t.Errorf("asked: %v; carol has no key to confirm with", told.Asked)
	}
	click := func(user string) error {
		_, err := w.DecideSlack(t.Context(), user, access.Word{Request: id, Verdict: access.VerdictApprove})
		return err
	}
	w.refusal(click("U0CAROL"), access.ReasonNotAllowed)
	if err := click("U0BOB"); err != nil {
		t.Fatal(err)
	}
	if told = v.waits(); told.Missing != 1 || !slices.Equal(told.Unconfirmed, []access.PersonName{"bob"}) || len(told.Approved) > 0 {
		t.Errorf("%+v", told)
	}
	e := w.refusal(click("U0BOB"), access.ReasonDecided)
	if !strings.Contains(e.Line(), "ssh bastion approve "+string(id)) {
		t.Error(e.Line())
	}
	w.state(id, access.RequestPending)
	w.restart()
	if got := w.approve("bob", id); got.State != access.RequestApproved || got.Decisions[0].Via != access.ViaConsole ||
		got.Decisions[0].Fingerprint != w.identity("bob").Fingerprint || got.Decisions[0].Unconfirmed {
		t.Errorf("%+v", got)
	}
	// A denial needs no key.
	other := w.open("alice2", "root@db1", access.KindShell).waits().Request
	if r, err := w.DecideSlack(t.Context(), "U0BOB", access.Word{Request: other, Verdict: access.VerdictDeny}); err != nil || r.State != access.RequestDenied {
		t.Errorf("%+v, %v", r, err)
	}
}

// What was clicked before the rule wanted more does not count for it; what was
// only clicked counts when it no longer does, once it is said again.
func TestConfirmComesAndGoes(t *testing.T) {
	w := newWorld(t)
	two := strings.Replace(prodApproval, "wait", "count: 2, wait", 1)
	w.under(prodApproval, two)
	id := w.open("alice", "root@db1", access.KindShell).waits().Request
	if _, err := w.DecideSlack(t.Context(), "U0BOB", access.Word{Request: id, Verdict: access.VerdictApprove}); err != nil {
		t.Fatal(err)
	}
	w.under(prodApproval, strings.Replace(two, "count", "confirm: security-key, count", 1), `keys: ["$dave"]`, `slack: U0DAVE, keys: ["$dave"]`)
	w.state(id, access.RequestPending)
	w.refusal(decide(w, "dave", id), access.ReasonNotAllowed) // has no security key at all
	w.under(prodApproval, strings.Replace(two, "count", "confirm: key, count", 1))
	if r := w.approve("dave", id); r.State != access.RequestPending {
		t.Fatalf("bob's click counted: %+v", r)
	}
	if r := w.approve("bob", id); r.State != access.RequestApproved || len(r.Decisions) != 2 {
		t.Fatalf("%+v", r)
	}
}

// A security key is one whose signature was touched for, not one that is named so.
func TestConfirmBySecurityKey(t *testing.T) {
	w := newWorld(t)
	w.under(prodApproval, "approval: {by: {groups: [leads]}, confirm: security-key}", `keys: ["$dave"]`, `keys: []`)
	id := w.open("alice", "root@db1", access.KindShell)
	request := id.waits().Request
	dave := access.Actor{Person: "dave", Via: access.ViaConsole, Identity: &access.Identity{
		Person: "dave", Fingerprint: "SHA256:x", Uses: []access.KeyUse{access.UseDecide}, Certificate: &access.UserCertificate{}, Source: netip.MustParseAddrPort("192.0.2.1:1")}}
	_, err := w.Decide(t.Context(), dave, access.Word{Request: request, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonNotAllowed)
	dave.Identity.SecurityKey = true
	if r, err := w.Decide(t.Context(), dave, access.Word{Request: request, Verdict: access.VerdictApprove}); err != nil || r.State != access.RequestApproved {
		t.Errorf("%+v, %v", r, err)
	}
}

func decide(w *world, key string, id access.RequestID) error {
	_, err := w.Decide(context.Background(), w.by(key), access.Word{Request: id, Verdict: access.VerdictApprove})
	return err
}

// An approval may be for less than was asked, never for more.
func TestApproveForLess(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@db1")
	for _, word := range []access.Word{
		{Request: id, Verdict: access.VerdictApprove, For: -1}, {Request: id, Verdict: access.VerdictDeny, For: time.Minute},
	} {
		_, err := w.Decide(t.Context(), w.by("bob"), word)
		w.refusal(err, access.ReasonMalformed)
	}
	_, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictApprove, For: time.Hour + 1})
	w.refusal(err, access.ReasonLimit)
	r, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictApprove, For: 10 * time.Minute})
	if err != nil || r.Grant.For != 10*time.Minute {
		t.Fatalf("%+v, %v", r.Grant, err)
	}
	p := w.open("alice", "root@db1", access.KindShell).admitted()
	if !p.NotAfter.Equal(start.Add(10 * time.Minute)) {
		t.Error(p.NotAfter)
	}
	// The same of more time; of several approvals the least.
	more, err := w.Extend(t.Context(), w.by("alice"), string(p.Grant), time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: more.ID, Verdict: access.VerdictApprove, For: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if g, err := w.store.Grant(t.Context(), p.Grant); err != nil || !g.NotAfter.Equal(start.Add(15*time.Minute)) {
		t.Errorf("%+v, %v", g, err)
	}
	vault := w.asked("alice", "root@vault1")
	for who, length := range map[string]time.Duration{"bob": 20 * time.Minute, "dave": 0} {
		if r, err = w.Decide(t.Context(), w.by(who), access.Word{Request: vault, Verdict: access.VerdictApprove, For: length}); err != nil {
			t.Fatal(err)
		}
	}
	if r.Grant == nil || r.Grant.For != 20*time.Minute {
		t.Errorf("%+v", r.Grant)
	}
}

// A grant may give so many sessions, and be bound to the address that asked.
func TestBindAndSessions(t *testing.T) {
	w := newWorld(t)
	w.under("use_within: 20m}", "use_within: 20m, sessions: 2, bind: [key, address]}")
	v := w.open("alice", "root@db1", access.KindShell)
	w.approve("bob", v.waits().Request)
	p := v.admitted()
	w.open("alice", "root@db1", access.KindShell, from("198.51.100.1:1")).waits() // another address asks again
	w.open("alice", "root@db1", access.KindExec).admitted()
	third := w.open("alice", "root@db1", access.KindShell)
	if third.waits().Request == p.Request {
		t.Error("a third session")
	}
	g, err := w.store.Grant(t.Context(), p.Grant)
	if err != nil || g.Opened != 2 || g.Sessions != 2 || g.Address != "192.0.2.7" || g.State != access.GrantActive {
		t.Errorf("%+v, %v", g, err)
	}
	w.alive(p)
}

// Bound to the address alone, any key of the person's will do.
func TestBindAddressOnly(t *testing.T) {
	w := newWorld(t)
	w.under("use_within: 20m}", "use_within: 20m, bind: [address]}")
	v := w.open("alice", "root@db1", access.KindShell)
	w.approve("bob", v.waits().Request)
	p := v.admitted()
	if other := w.open("alice2", "root@db1", access.KindShell).admitted(); other.Grant != p.Grant {
		t.Error("another grant")
	}
	w.open("alice2", "root@db1", access.KindShell, from("198.51.100.1:1")).waits()
}

// In Slack nobody proves a key: what was asked there binds the one of its first
// session, and only the account that is a person's own asks for them.
func TestAskInSlack(t *testing.T) {
	w := newWorld(t)
	bob := w.onSlack("U0BOB")
	forged := bob
	forged.Slack = "U0CAROL"
	for _, a := range []access.Actor{forged, {Person: "bob", Via: access.ViaSlack}} {
		_, err := w.Ask(t.Context(), a, access.Ask{Target: target("root@db1")})
		w.refusal(err, access.ReasonNotAllowed)
	}
	if _, err := w.SlackActor(t.Context(), "U0NOBODY", "ask", ""); access.AsError(err).Reason != access.ReasonNotAllowed {
		t.Error(err)
	}
	r, err := w.Ask(t.Context(), bob, access.Ask{Target: target("root@db1"), Reason: "x"})
	if err != nil || r.Fingerprint != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	v := w.open("bob", "root@db1", access.KindShell) // joins it
	if v.waits().Request != r.ID {
		t.Error("a second request")
	}
	w.approve("dave", r.ID)
	p := v.admitted()
	if g, err := w.store.Grant(t.Context(), p.Grant); err != nil || g.Fingerprint != w.identity("bob").Fingerprint {
		t.Errorf("%+v, %v", g, err)
	}
	w.reload(w.first) // what no key is known of is not taken for a key that is gone
	w.alive(p)
}
