package approvals_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// asked posts a request of alice and gives its ID.
func (w *world) asked(key, to string) access.RequestID {
	w.t.Helper()
	r, err := w.Ask(context.Background(), w.by(key), access.Ask{Target: target(to), Reason: "INC-1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

func TestWhoMayNotDecide(t *testing.T) {
	w := newWorld(t)
	mine, robots := w.asked("alice", "root@db1"), w.asked("robot", "root@db1")
	bob := func(edit func(*access.Actor)) access.Actor {
		a := w.by("bob")
		edit(&a)
		return a
	}
	for name, c := range map[string]struct {
		actor access.Actor
		id    access.RequestID
		want  access.Reason
	}{
		"oneself":                    {w.by("alice"), mine, access.ReasonSelf},
		"oneself with another key":   {w.by("alice2"), mine, access.ReasonSelf},
		"the owner of a service":     {w.by("bob"), robots, access.ReasonSelf},
		"who is not asked":           {w.by("erin"), mine, access.ReasonNotAllowed},
		"a key for login only":       {w.by("carol"), mine, access.ReasonNotAllowed},
		"a person without a key":     {bob(func(a *access.Actor) { a.Identity = nil }), mine, access.ReasonNotAllowed},
		"an unproven inner login":    {bob(func(a *access.Actor) { a.Identity.InnerUnproven = true }), mine, access.ReasonNotAllowed},
		"another's identity":         {bob(func(a *access.Actor) { a.Identity.Person = "dave" }), mine, access.ReasonNotAllowed},
		"a key that says it decides": {bob(func(a *access.Actor) { a.Identity.Fingerprint = w.identity("carol").Fingerprint }), mine, access.ReasonNotAllowed},
		"a host of the inventory": {bob(func(a *access.Actor) { a.Identity.Source = netip.MustParseAddrPort("10.0.0.12:4711") }),
			mine, access.ReasonNotAllowed},
		"the same, mapped into IPv6": {bob(func(a *access.Actor) { a.Identity.Source = netip.MustParseAddrPort("[::ffff:10.0.0.12]:4711") }),
			mine, access.ReasonNotAllowed},
		"nobody in the file":        {access.Actor{Person: "mallory", Via: access.ViaSlack}, mine, access.ReasonNotAllowed},
		"no way at all":             {access.Actor{Person: "bob"}, mine, access.ReasonNotAllowed},
		"the socket without reason": {local, mine, access.ReasonNoReason},
		"a request there is not":    {w.by("bob"), "01J00000000000000000000000", access.ReasonNotFound},
	} {
		before := len(w.events(audit.DecisionRefused))
		_, err := w.Decide(t.Context(), c.actor, access.Word{Request: c.id, Verdict: access.VerdictApprove})
		e := w.refusal(err, c.want)
		if e.ID != string(c.id) {
			t.Errorf("%s: quotes %q", name, e.ID)
		}
		if got := w.events(audit.DecisionRefused); len(got) != before+1 || got[before].Detail["cause"] != string(c.want) {
			t.Errorf("%s: no event tells of it", name)
		}
	}
	for _, slack := range []string{"", "U0STRANGER", "<!channel>"} {
		_, err := w.DecideSlack(t.Context(), slack, access.Word{Request: mine, Verdict: access.VerdictApprove})
		w.refusal(err, access.ReasonNotAllowed)
	}
	if _, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: mine, Verdict: "maybe"}); access.AsError(err).Reason != access.ReasonMalformed {
		t.Errorf("a third verdict: %v", err)
	}
	w.state(mine, access.RequestPending)
	w.state(robots, access.RequestPending)
	if len(w.request(mine).Decisions) != 0 {
		t.Error("a refused decision was kept")
	}
	// Loopback is no host of the inventory.
	if _, err := w.Decide(t.Context(), bob(func(a *access.Actor) { a.Identity.Source = netip.MustParseAddrPort("127.0.0.1:1") }), access.Word{Request: mine, Verdict: access.VerdictApprove}); err != nil {
		t.Error(err)
	}
}

func TestFirstDecisionWins(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@db1")
	w.pass(3 * time.Minute)
	w.approve("bob", id)
	for _, v := range []access.Verdict{access.VerdictApprove, access.VerdictDeny} {
		_, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: id, Verdict: v})
		e := w.refusal(err, access.ReasonDecided)
		if !strings.Contains(e.Line(), "bob approved it already, at 10:03:00 UTC") {
			t.Errorf("line %q", e.Line())
		}
	}
	if r := w.request(id); len(r.Decisions) != 1 || r.State != access.RequestApproved {
		t.Errorf("%+v", r)
	}
}

// Invariant 7: exactly one decision counts, whatever arrives at once.
func TestConcurrentDecisions(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@db1")
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		actor, v := w.by([]string{"bob", "dave"}[i%2]), access.VerdictApprove
		if i%5 == 0 {
			v = access.VerdictDeny
		}
		wg.Go(func() {
			var err error
			if i%3 == 0 {
				_, err = w.DecideSlack(t.Context(), "U0CAROL", access.Word{Request: id, Verdict: v})
			} else {
				_, err = w.Decide(t.Context(), actor, access.Word{Request: id, Verdict: v})
			}
			switch {
			case err == nil:
				won.Add(1)
			case access.AsError(err).Reason == access.ReasonDecided:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r := w.request(id)
	grants, err := w.store.Grants(t.Context(), access.GrantQuery{})
	if err != nil {
		t.Fatal(err)
	}
	ends := len(w.events(audit.RequestApproved)) + len(w.events(audit.RequestDenied))
	if won.Load() != 1 || lost.Load() != 49 || len(r.Decisions) != 1 || ends != 1 || len(grants) != len(w.events(audit.GrantReady)) ||
		(r.State == access.RequestApproved) != (len(grants) == 1) {
		t.Errorf("%d won, %d lost, %d decisions, %d ends, %s with %d grants", won.Load(), lost.Load(), len(r.Decisions), ends, r.State, len(grants))
	}
}

func TestLateDecision(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@db1")
	w.mu.Lock()
	w.now = w.now.Add(30 * time.Minute) // and nothing has noticed yet
	w.mu.Unlock()
	_, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonDecided)
	w.state(id, access.RequestLapsed)
}

func TestBreakGlass(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@vault1") // wants two approvals
	r, err := w.Decide(t.Context(), local, access.Word{Request: id, Verdict: access.VerdictApprove, Reason: "bob is on a plane"})
	if err != nil || r.State != access.RequestApproved || r.Decisions[0].Person != "local:0" || r.Decisions[0].Via != access.ViaSocket {
		t.Fatalf("%+v, %v", r, err)
	}
	if e := w.events(audit.DecisionBreakGlass); len(e) != 1 || e[0].Actor != "local:0" || e[0].Detail["reason"] != "bob is on a plane" {
		t.Errorf("not announced: %+v", e)
	}
	other := w.asked("alice", "root@db1")
	if r, err := w.Decide(t.Context(), local, access.Word{Request: other, Verdict: access.VerdictDeny}); err != nil || r.State != access.RequestDenied {
		t.Errorf("the socket denies: %s, %v", r.State, err)
	}
	if n := len(w.events(audit.DecisionBreakGlass)); n != 1 {
		t.Errorf("a denial was announced as break-glass")
	}
}

// The epoch rule: what was judged under an old policy does not count under a
// new one.
func TestDecisionUnderAnOldPolicyIsJudgedAgain(t *testing.T) {
	w := newWorld(t)
	id := w.asked("alice", "root@db1")
	narrowed := w.edited("groups: [leads], keys: [\"$dave\"]", "keys: [\"$dave\"]")
	// The request is read inside the transaction; publish right then.
	w.onWrite(func() { w.live.Publish(narrowed) })
	_, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: id, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonNotAllowed)
	if r := w.state(id, access.RequestPending); len(r.Decisions) != 0 {
		t.Error("the decision was kept")
	}
}

func TestAdmissionUnderAnOldPolicyIsJudgedAgain(t *testing.T) {
	w := newWorld(t)
	w.approve("bob", w.asked("alice", "root@db1"))
	gone := w.edited("- {name: alice, groups: [sre],", "- {name: alice, groups: [],")
	w.onWrite(func() { w.live.Publish(gone) })
	w.open("alice", "root@db1", access.KindShell).refused(access.ReasonNoRule)
	if n := len(w.events(audit.GrantActivated)); n != 0 {
		t.Error("its clock started")
	}
}

func TestDecisionsRaceWithReloads(t *testing.T) {
	w := newWorld(t)
	without := w.edited("groups: [leads], keys: [\"$dave\"]", "keys: [\"$dave\"]")
	for i := range 20 {
		r, err := w.Ask(t.Context(), w.by([]string{"alice", "alice2"}[i%2]), access.Ask{Target: target("root@db1"), For: time.Duration(i+1) * time.Minute, Reason: "x"})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { w.live.Publish(without) })
		wg.Go(func() {
			if _, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: r.ID, Verdict: access.VerdictApprove, Reason: fmt.Sprint(i)}); err != nil {
				w.refusal(err, access.ReasonNotAllowed)
			}
		})
		wg.Wait()
		if got := w.request(r.ID); (got.State == access.RequestApproved) != (len(got.Decisions) == 1) {
			t.Errorf("%s with %d decisions", got.State, len(got.Decisions))
		}
		w.reload(w.first)
		if got := w.request(r.ID); got.State == access.RequestPending {
			w.approve("bob", r.ID)
		}
	}
}
