package approvals_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
)

func subject(t *testing.T, s string) access.Subject {
	t.Helper()
	subject, err := access.ParseSubject(s)
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

func (w *world) lock(t *testing.T, what string) {
	t.Helper()
	if err := w.Lock(t.Context(), w.by("erin"), subject(t, what), "laptop stolen"); err != nil {
		t.Fatal(err)
	}
}

func (w *world) unlock(t *testing.T, what string) {
	t.Helper()
	if err := w.Unlock(t.Context(), local, subject(t, what), "found again"); err != nil {
		t.Fatal(err)
	}
}

// Invariant 8: a lock ends all that its subject has, and nothing else.
func TestALockEndsEverything(t *testing.T) {
	for what, hits := range map[string]struct{ alice, robot, alicesTest bool }{
		"person:alice": {alice: true, alicesTest: true},
		"host:db1":     {alice: true, robot: true},
		"host:db":      {alice: true, robot: true}, // by its alias
		"host:web1":    {alicesTest: true},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			granted, other := w.session("alice", "root@db1"), w.session("robot", "root@db1")
			forward := w.open("alice", "root@db1", access.KindForward).admitted()
			standing := w.open("alice", "root@web1", access.KindShell).admitted()
			ready := w.asked("alice", "root@db1") // would take over
			w.approve("dave", ready)
			waiter := w.open("alice2", "root@db1", access.KindShell)
			pending := waiter.waits().Request
			w.lock(t, what)
			check := func(p *access.Pass, hit bool) {
				t.Helper()
				if !hit {
					w.alive(p)
				} else if e := w.ended(p, access.ReasonLocked); strings.HasPrefix(what, "person") && strings.Contains(e.Line(), "stolen") {
					t.Errorf("told why: %s", e.Line())
				}
			}
			check(granted, hits.alice)
			check(forward, hits.alice)
			check(other, hits.robot)
			check(standing, hits.alicesTest)
			if !hits.alice {
				w.state(pending, access.RequestPending)
				return
			}
			waiter.refused(access.ReasonLocked)
			w.state(pending, access.RequestCancelled)
			if g := w.request(ready).Grant; g.State != access.GrantRevoked {
				t.Errorf("the ready grant is %s", g.State)
			}
			live, err := w.store.Grants(t.Context(), access.GrantQuery{Live: true})
			if want := map[bool]int{true: 0, false: 1}[hits.robot]; err != nil || len(live) != want {
				t.Errorf("%d grants live, %v; want %d", len(live), err, want)
			}
			e := w.events(audit.LockSet)
			if len(e) != 1 || e[0].Actor != "erin" || e[0].Detail["reason"] != "laptop stolen" ||
				(e[0].Person == "alice") != (what == "person:alice") || (e[0].Host == "db1") != strings.HasPrefix(what, "host:") {
				t.Errorf("events %+v", e)
			}
		})
	}
}

// What is locked stays out, over a restart too, until it is unlocked; and
// nothing comes back by itself.
func TestLockedStaysOut(t *testing.T) {
	for _, what := range []string{"person:alice", "host:db1"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			before := w.session("alice", "root@db1")
			w.lock(t, what)
			for range 2 {
				w.open("alice", "root@db1", access.KindShell).refused(access.ReasonLocked)
				w.open("alice", "root@db", access.KindForward).refused(access.ReasonLocked)
				_, err := w.Ask(t.Context(), w.by("alice"), access.Ask{Target: target("root@db1")})
				w.refusal(err, access.ReasonLocked)
				if what == "person:alice" {
					w.open("alice", "root@web1", access.KindShell).refused(access.ReasonLocked) // standing
				} else {
					w.open("alice", "root@web1", access.KindShell).admitted().Done()
				}
				w.open("robot", "root@vault1", access.KindShell).waits() // another's, elsewhere
				before.Done()
				w.restart()
			}
			if n := len(w.events(audit.AccessRefused)); n < 6 {
				t.Errorf("%d refusals in the audit chain", n)
			}
			w.unlock(t, what)
			w.open("alice", "root@db1", access.KindShell).waits()
			if e := w.events(audit.LockLifted); len(e) != 1 || e[0].Actor != "local:0" || e[0].Detail["set_by"] != "erin" {
				t.Errorf("events %+v", e)
			}
		})
	}
}

// A host that is renamed in the inventory and keeps its old name as an alias
// stays locked.
func TestARenamedHostStaysLocked(t *testing.T) {
	w := newWorld(t)
	w.lock(t, "host:db1")
	w.reload(w.edited("name: db1, address: \"10.0.0.11:22\", aliases: [db]", "name: db01, address: \"10.0.0.11:22\", aliases: [db, db1]"))
	w.open("alice", "root@db01", access.KindShell).refused(access.ReasonLocked)
	w.unlock(t, "host:db1")
	w.open("alice", "root@db01", access.KindShell).waits()
}

// A locked person decides nothing, by no way, nor does their service; and what
// they approved before does not count.
func TestALockedApprover(t *testing.T) {
	w := newWorld(t)
	v := w.open("alice", "root@vault1", access.KindShell)
	id := v.waits().Request
	w.approve("bob", id)
	w.approve("dave", w.asked("alice", "root@db1"))
	revocable := w.request(w.asked("robot", "root@db1")).ID
	w.lock(t, "person:bob")
	_, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictDeny})
	w.refusal(err, access.ReasonLocked)
	_, err = w.DecideSlack(t.Context(), "U0BOB", access.Word{Request: id, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonLocked)
	w.refusal(w.Revoke(t.Context(), w.by("bob"), string(revocable), ""), access.ReasonLocked)
	if n := len(w.events(audit.DecisionRefused)); n != 3 {
		t.Errorf("%d refusals in the audit chain", n)
	}
	for { // he is asked no more, and his approval is gone
		if s := v.waits(); len(s.Asked) == 2 && s.Missing == 2 && len(s.Approved) == 0 {
			break
		}
	}
	b := &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	w.deliver(b)
	for _, n := range b.shown {
		if n.Request.ID == id && (len(n.Asked) != 2 || n.Missing != 2) {
			t.Errorf("shown: %d asked, %d missing", len(n.Asked), n.Missing)
		}
	}
	w.approve("dave", id)
	w.state(id, access.RequestPending)
	if _, err := w.DecideSlack(t.Context(), "U0CAROL", access.Word{Request: id, Verdict: access.VerdictApprove}); err != nil {
		t.Fatal(err)
	}
	v.admitted()

	// With two of three locked, two approvals cannot be had.
	w.lock(t, "person:dave")
	_, err = w.Ask(t.Context(), w.by("alice2"), access.Ask{Target: target("root@vault1"), Reason: "INC-1"})
	w.refusal(err, access.ReasonNoApprover)
	w.unlock(t, "person:dave")
	w.asked("alice2", "root@vault1")
}

func TestWhoMayLock(t *testing.T) {
	w := newWorld(t)
	alice, db1 := subject(t, "person:alice"), subject(t, "host:db1")
	fromHost := w.by("erin")
	fromHost.Identity.Source = netip.MustParseAddrPort("10.0.0.11:40000")
	for name, c := range map[string]struct {
		by     access.Actor
		s      access.Subject
		reason string
		want   access.Reason
	}{
		"an approver":        {w.by("dave"), alice, "x", access.ReasonNotAllowed},
		"oneself, no admin":  {w.by("alice"), alice, "x", access.ReasonNotAllowed},
		"no reason":          {w.by("erin"), alice, " \n", access.ReasonNoReason},
		"nobody":             {w.by("erin"), subject(t, "person:mallory"), "x", access.ReasonNotFound},
		"a host as a person": {w.by("erin"), subject(t, "person:db1"), "x", access.ReasonNotFound},
		"no host":            {local, subject(t, "host:db2"), "x", access.ReasonNotFound},
		"from a host":        {fromHost, alice, "x", access.ReasonNotAllowed},
		"by Slack":           {access.Actor{Person: "dave", Via: access.ViaSlack}, alice, "x", access.ReasonNotAllowed},
	} {
		if e := w.refusal(w.Lock(t.Context(), c.by, c.s, c.reason), c.want); e == nil {
			t.Error(name)
		}
	}
	if n := len(w.events(audit.DecisionRefused)); n != 8 {
		t.Errorf("%d refusals in the audit chain, want 8", n)
	}
	if err := w.Lock(t.Context(), local, db1, "fire"); err != nil {
		t.Fatal(err)
	}
	if e := w.refusal(w.Lock(t.Context(), w.by("erin"), db1, "again"), access.ReasonDecided); !strings.Contains(e.Why, "local:0") {
		t.Errorf("who did it? %s", e.Line())
	}
	w.refusal(w.Unlock(t.Context(), w.by("dave"), db1, ""), access.ReasonNotAllowed)
	w.refusal(w.Unlock(t.Context(), local, alice, ""), access.ReasonNotFound)
	// An admin may lock themselves, and then can no longer unlock anything.
	w.lock(t, "person:erin")
	w.refusal(w.Unlock(t.Context(), w.by("erin"), subject(t, "person:erin"), ""), access.ReasonLocked)
	w.refusal(w.Unlock(t.Context(), w.by("erin"), db1, ""), access.ReasonLocked)
	w.refusal(w.Lock(t.Context(), w.by("erin"), alice, "x"), access.ReasonLocked)
	w.unlock(t, "person:erin")
	if err := w.Unlock(t.Context(), w.by("erin"), subject(t, "host:db"), ""); err != nil { // by its alias
		t.Fatal(err)
	}
	// One who has left the access file can be unlocked.
	w.lock(t, "person:dave")
	w.reload(w.edited("  - {name: dave, groups: [leads], keys: [\"$dave\"]}\n", ""))
	w.unlock(t, "person:dave")
}

// Whichever commits first, a lock and an entry: nobody is in after both.
func TestALockRacesWithAnEntry(t *testing.T) {
	w := newWorld(t)
	w.approve("dave", w.asked("alice", "root@db1"))
	for _, to := range []string{"root@web1", "root@db1"} {
		for range 20 {
			v := w.open("alice", to, access.KindShell)
			w.lock(t, "person:alice")
			v.over()
			if v.err == nil {
				w.ended(v.pass, access.ReasonLocked)
				v.pass.Done()
			}
			w.unlock(t, "person:alice")
			if to == "root@db1" {
				w.approve("dave", w.asked("alice", to))
			}
		}
	}
}

// A lock that cannot be written ends nothing.
func TestALockOnAFullDisk(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.full.Store(true)
	if err := w.Lock(t.Context(), local, subject(t, "person:alice"), "x"); err == nil {
		t.Fatal("it was locked")
	}
	w.alive(p)
	w.full.Store(false)
	w.lock(t, "person:alice")
	w.ended(p, access.ReasonLocked)
}
