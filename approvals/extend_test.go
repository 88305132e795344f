package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
)

// more asks for more time.
func (w *world) more(key, id string, length time.Duration) access.Request {
	w.t.Helper()
	r, err := w.Extend(w.t.Context(), w.by(key), id, length, "not done yet")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// An approved extension moves the end: the session goes on, under the same
// grant, and is warned anew.
func TestAnExtensionGoesOn(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1") // 1h; the rule gives 2h
	w.pass(56 * time.Minute)
	<-p.Warnings
	r := w.more("alice", string(p.Grant), 30*time.Minute)
	if r.State != access.RequestPending || r.Extends != p.Grant || r.For != 30*time.Minute || !r.WaitUntil.Equal(p.NotAfter) {
		t.Errorf("asked: %+v", r)
	}
	if again := w.more("alice", string(p.Request), 10*time.Minute); again.ID != r.ID {
		t.Error("a second extension is pending")
	}
	w.approve("bob", r.ID)
	if _, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: r.ID, Verdict: access.VerdictApprove}); access.AsError(err).Reason != access.ReasonDecided {
		t.Errorf("approved twice: %v", err)
	}
	end := p.NotAfter.Add(30 * time.Minute)
	if got := <-p.Warnings; !got.Moved || got.Left != 34*time.Minute || !got.NotAfter.Equal(end) {
		t.Errorf("told %+v", got)
	}
	if g := w.request(r.ID).Grant; g == nil || g.ID != p.Grant || !g.NotAfter.Equal(end) || g.State != access.GrantActive {
		t.Fatalf("its grant is %+v", g)
	}
	w.pass(29 * time.Minute) // 25 minutes beyond the first end
	w.alive(p)
	if got := <-p.Warnings; got.Moved || got.Left != 5*time.Minute || !got.NotAfter.Equal(end) {
		t.Errorf("warned %+v", got)
	}
	// A session that opens now is under it too.
	if other := w.open("alice", "root@db1", access.KindExec).admitted(); other.Grant != p.Grant || !other.NotAfter.Equal(end) {
		t.Errorf("another is under %s until %v", other.Grant, other.NotAfter)
	}
	w.pass(5*time.Minute - time.Microsecond)
	w.alive(p)
	w.pass(time.Microsecond)
	if e := w.ended(p, access.ReasonExpired); !strings.Contains(e.Line(), "1h30m on root@db1") {
		t.Error(e.Line())
	}
	e := w.events(audit.GrantExtended)
	if len(e) != 1 || e[0].Grant != string(p.Grant) || e[0].Request != string(r.ID) || e[0].Detail["for"] != "30m" {
		t.Errorf("events %+v", e)
	}
	if n := len(w.events(audit.GrantReady)); n != 1 {
		t.Errorf("%d grants were made", n)
	}
}

// Denied, cancelled or unanswered, the grant ends when it would have.
func TestAnExtensionThatIsNotGiven(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(w *world, id access.RequestID) error
		state access.RequestState
	}{
		"denied": {func(w *world, id access.RequestID) error {
			_, err := w.Decide(w.t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictDeny, Reason: "enough"})
			return err
		}, access.RequestDenied},
		"cancelled":  {func(w *world, id access.RequestID) error { return w.Cancel(w.t.Context(), w.by("alice"), id) }, access.RequestCancelled},
		"unanswered": {func(w *world, id access.RequestID) error { return nil }, access.RequestLapsed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.session("alice", "root@db1")
			w.pass(50 * time.Minute)
			r := w.more("alice", string(p.Grant), 0)
			if err := c.do(w, r.ID); err != nil {
				t.Fatal(err)
			}
			w.pass(10*time.Minute - time.Microsecond)
			w.alive(p)
			w.pass(time.Microsecond)
			w.ended(p, access.ReasonExpired)
			w.state(r.ID, c.state)
			_, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: r.ID, Verdict: access.VerdictApprove})
			w.refusal(err, access.ReasonDecided)
		})
	}
}

// From the first session on, the total never exceeds the rule's longest.
func TestTheTotalIsBounded(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.pass(30 * time.Minute)
	_, err := w.Extend(t.Context(), w.by("alice"), string(p.Grant), time.Hour+time.Second, "")
	if e := w.refusal(err, access.ReasonLimit); !strings.Contains(e.Line(), "at most 2h") || !strings.Contains(e.Do, "1h ") {
		t.Error(e.Line())
	}
	_, err = w.Extend(t.Context(), w.by("alice"), string(p.Grant), -time.Hour, "")
	w.refusal(err, access.ReasonLimit)
	w.approve("bob", w.more("alice", string(p.Grant), 45*time.Minute).ID)
	r := w.more("alice", string(p.Grant), 0) // the rule's default is 1h; 15m are left
	if r.For != 15*time.Minute {
		t.Errorf("asked for %v", r.For)
	}
	w.approve("bob", r.ID)
	_, err = w.Extend(t.Context(), w.by("alice"), string(p.Grant), time.Minute, "")
	w.refusal(err, access.ReasonLimit)
	_, err = w.Extend(t.Context(), local, string(p.Grant), time.Minute, "fire")
	w.refusal(err, access.ReasonLimit)
	w.pass(90*time.Minute - time.Microsecond)
	w.alive(p)
	w.pass(time.Microsecond)
	w.ended(p, access.ReasonExpired)
}

// What the rule gives at the click counts, not what it gave when it was asked.
func TestTheRuleNarrowsMeanwhile(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.pass(10 * time.Minute)
	r := w.more("alice", string(p.Grant), time.Hour)
	w.reload(w.edited("max: 2h", "max: 90m"))
	w.approve("bob", r.ID)
	if g := w.request(r.ID).Grant; !g.NotAfter.Equal(start.Add(90 * time.Minute)) {
		t.Errorf("until %v", g.NotAfter)
	}
	r = access.Request{}
	w.reload(w.first)
	r = w.more("alice", string(p.Grant), 10*time.Minute)
	w.reload(w.edited("default: 1h, max: 2h", "default: 1h, max: 1h"))
	_, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: r.ID, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonLimit)
	w.state(r.ID, access.RequestPending)
	w.alive(p)
}

func TestWhoMayExtend(t *testing.T) {
	w := newWorld(t)
	ready := w.asked("alice", "root@db1")
	w.approve("dave", ready)
	pending := w.asked("robot", "root@db1")
	extend := func(by access.Actor, id string, want access.Reason) *access.Error {
		t.Helper()
		_, err := w.Extend(t.Context(), by, id, 10*time.Minute, "x")
		return w.refusal(err, want)
	}
	extend(w.by("alice"), string(ready), access.ReasonDecided) // its clock has not started
	extend(w.by("robot"), string(pending), access.ReasonNotFound)
	extend(w.by("alice"), "01J", access.ReasonNotFound)
	p := w.open("alice", "root@db1", access.KindShell).admitted()
	extend(w.by("bob"), string(p.Grant), access.ReasonNotAllowed)
	extend(access.Actor{Person: "alice", Via: access.ViaSlack}, string(p.Grant), access.ReasonNotAllowed)
	r := w.more("alice2", string(p.Grant), 10*time.Minute) // by another key of hers
	if r.Fingerprint != w.identity("alice").Fingerprint {
		t.Error("it binds the asking key, not the grant's")
	}
	_, err := w.Decide(t.Context(), w.by("alice"), access.Word{Request: r.ID, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonSelf)
	_, err = w.Extend(t.Context(), local, string(p.Grant), time.Minute, " ")
	w.refusal(err, access.ReasonNoReason)
	if err := w.Release(t.Context(), w.by("alice"), access.GrantID(r.ID)); err != nil && access.AsError(err).Reason != access.ReasonNotFound {
		t.Fatal(err)
	}
	// A request of her own is not taken for the extension, nor joined to it.
	if own := w.asked("alice", "root@db1"); own == r.ID {
		t.Error("joined the extension")
	}
	w.reload(w.edited("    approval: {by: {groups: [leads]}, wait: 30m}\n    grant: {default: 1h, max: 2h, use_within: 20m}\n", ""))
	w.alive(p)
	extend(w.by("alice"), string(p.Grant), access.ReasonDecided) // standing access now
}

// The grant's end, whatever ends it, ends what was asked under it.
func TestAnExtensionEndsWithItsGrant(t *testing.T) {
	for name, end := range map[string]func(w *world, p *access.Pass) error{
		"released": func(w *world, p *access.Pass) error { return w.Release(w.t.Context(), w.by("alice"), p.Grant) },
		"revoked":  func(w *world, p *access.Pass) error { return w.Revoke(w.t.Context(), local, string(p.Grant), "") },
		"locked": func(w *world, p *access.Pass) error {
			return w.Lock(w.t.Context(), local, access.Subject{Kind: access.SubjectPerson, Name: "alice"}, "x")
		},
		"reloaded": func(w *world, _ *access.Pass) error { w.reload(w.edited("name: prod", "name: production")); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.session("alice", "root@db1")
			r := w.more("alice", string(p.Grant), time.Minute)
			if err := end(w, p); err != nil {
				t.Fatal(err)
			}
			w.state(r.ID, access.RequestCancelled)
			if p.Context.Err() == nil {
				t.Error("the session lives on")
			}
			_, err := w.Decide(t.Context(), w.by("dave"), access.Word{Request: r.ID, Verdict: access.VerdictApprove})
			w.refusal(err, access.ReasonDecided)
		})
	}
}

// On the socket it is asked and approved in one, loudly.
func TestExtendByBreakGlass(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	r, err := w.Extend(t.Context(), local, string(p.Request), 30*time.Minute, "fire")
	if err != nil {
		t.Fatal(err)
	}
	if r.State != access.RequestApproved || r.Decisions[0].Person != "local:0" || !r.Grant.NotAfter.Equal(p.NotAfter.Add(30*time.Minute)) {
		t.Errorf("got %+v", r)
	}
	if e := w.events(audit.DecisionBreakGlass); len(e) != 1 || e[0].Request != string(r.ID) || e[0].Detail["reason"] != "fire" {
		t.Errorf("events %+v", e)
	}
	if e := w.events(audit.RequestCreated); len(e) != 2 || e[1].Actor != "local:0" || e[1].Detail["extends"] != string(p.Grant) {
		t.Errorf("events %+v", e)
	}
	// One that is pending is approved.
	asked := w.more("alice", string(p.Grant), 10*time.Minute)
	if r, err = w.Extend(t.Context(), local, string(p.Grant), 20*time.Minute, "fire"); err != nil || r.ID != asked.ID || r.State != access.RequestApproved {
		t.Errorf("got %+v, %v", r, err)
	}
	w.pass(100*time.Minute - time.Microsecond)
	w.alive(p)
	w.pass(time.Microsecond)
	w.ended(p, access.ReasonExpired)
}

// Each request shows what became of the grant, the extension too.
func TestExtensionsAreShown(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	p := w.session("alice", "root@db1")
	r := w.more("alice", string(p.Grant), 30*time.Minute)
	w.approve("bob", r.ID)
	ids := func(check func(approvals.Notice) bool) (n int) {
		t.Helper()
		w.deliver(b)
		for _, notice := range b.shown {
			if check(notice) {
				n++
			}
		}
		return n
	}
	if n := ids(func(n approvals.Notice) bool { return n.Request.Grant.NotAfter.Equal(p.NotAfter.Add(30 * time.Minute)) }); n != 2 {
		t.Errorf("%d show the new end", n)
	}
	if err := w.Revoke(t.Context(), w.by("bob"), string(r.ID), "enough"); err != nil {
		t.Fatal(err)
	}
	w.ended(p, access.ReasonRevoked)
	if n := ids(func(n approvals.Notice) bool {
		return n.Request.Grant.State == access.GrantRevoked && n.EndedWhy == "revoked by bob: enough"
	}); n != 2 {
		t.Errorf("%d show the end", n)
	}
}

// A commit that fails moves nothing in memory either.
func TestAnExtensionOnAFullDisk(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	r := w.more("alice", string(p.Grant), 30*time.Minute)
	w.full.Store(true)
	if _, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: r.ID, Verdict: access.VerdictApprove}); err == nil {
		t.Fatal("approved")
	}
	w.full.Store(false)
	if n := len(p.Warnings); n != 0 {
		t.Errorf("told of %d", n)
	}
	w.pass(55 * time.Minute)
	if got := <-p.Warnings; !got.NotAfter.Equal(p.NotAfter) {
		t.Errorf("warned %+v", got)
	}
}
