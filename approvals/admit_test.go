package approvals_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

var withdrawn = access.Refuse(access.ReasonCancelled, "withdrawn", "")

func TestWhatTheRulesRefuseGetsItsOwnLine(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		key, to string
		kind    access.Kind
		want    access.Reason
		line    string
	}{
		{"alice", "root@nowhere", access.KindShell, access.ReasonUnknownHost, "no host nowhere"},
		{"alice", "oracle@db1", access.KindShell, access.ReasonUnknownLogin, "db1 has no login oracle"},
		{"alice", "postgres@db1", access.KindShell, access.ReasonNoRule, "no rule gives you a shell as postgres@db1"},
		{"alice", "root@db1", access.KindSFTP, access.ReasonNoRule, "file transfer"},
		{"robot", "root@web1", access.KindShell, access.ReasonDenyRule, "no-robots-on-test"},
		{"alice", "root@web1", access.KindForward, access.ReasonNoRule, "forwards"},
	} {
		before := len(w.events(audit.AccessRefused))
		e := w.open(c.key, c.to, c.kind).refused(c.want)
		if !strings.Contains(e.Line(), c.line) {
			t.Errorf("%s: %s", c.to, e.Line())
		}
		if got := w.events(audit.AccessRefused); len(got) != before+1 || got[before].Detail["reason"] != string(c.want) {
			t.Errorf("%s: no event tells of the refusal", c.to)
		}
	}
}

// A deny of one capability leaves the rest, and the gate gets only the rest.
func TestPassAllowsWhatNoRuleDenies(t *testing.T) {
	w := newWorld(t)
	w.reload(w.edited("who: {people: [robot]}\n    hosts: {labels: {env: test}}\n    deny: true",
		"who: {people: [alice]}\n    hosts: {names: [db1]}\n    allow: [local-forward]\n    deny: true"))
	v := w.open("alice", "root@db1", access.KindShell)
	r := w.approve("bob", v.waits().Request)
	p := v.admitted()
	if p.Allow.Has(access.MayLocalForward) || !p.Allow.Has(access.MayShell) || slices.Contains(r.Kinds, access.KindForward) {
		t.Errorf("allows %v, asked for %v", p.Allow, r.Kinds)
	}
	w.open("alice", "root@db1", access.KindForward).refused(access.ReasonDenyRule)
}

func TestStandingAccessAsksNobody(t *testing.T) {
	w := newWorld(t)
	p := w.open("alice", "root@web1", access.KindExec).admitted()
	if p.Request != "" || p.Grant != "" || !p.NotAfter.IsZero() || p.Rule != "test" || p.Host.Name != "web1" || !p.Allow.Has(access.MayExec) {
		t.Errorf("pass: %+v", p)
	}
	w.alive(p)
	p.Done()
	if p.Context.Err() == nil {
		t.Error("the pass lives after Done")
	}
}

func TestWaitingUntilSomebodyApproves(t *testing.T) {
	w := newWorld(t)
	v := w.open("alice", "root@db", access.KindShell) // by its alias
	s := v.waits()
	if s.Target != target("root@db1") || !slices.Equal(s.Asked, []access.PersonName{"bob", "carol", "dave"}) || s.Missing != 1 ||
		!s.Until.Equal(start.Add(30*time.Minute)) || s.Joined {
		t.Errorf("told %+v", s)
	}
	r := w.request(s.Request)
	if r.Person != "alice" || r.Reason != "INC-1" || r.Kind != access.KindShell || r.For != time.Hour || r.Source != "192.0.2.7:50000" ||
		!slices.Equal(r.Kinds, []access.Kind{access.KindExec, access.KindForward, access.KindShell}) {
		t.Errorf("request %+v", r)
	}
	w.pass(10 * time.Minute) // the clock of the grant does not run while people wait
	w.approve("bob", s.Request)
	if s := v.waits(); s.Missing != 0 || !slices.Equal(s.Approved, []access.PersonName{"bob"}) {
		t.Errorf("told %+v", s)
	}
	p := v.admitted()
	if p.Request != s.Request || !slices.Equal(p.Approvers, []access.PersonName{"bob"}) || !p.NotAfter.Equal(start.Add(70*time.Minute)) ||
		p.Login != "root" || p.Host.Name != "db1" || p.PolicyDigest != w.first.Digest {
		t.Errorf("pass %+v", p)
	}
	for _, kind := range []audit.Kind{audit.RequestCreated, audit.RequestApproved, audit.GrantReady, audit.GrantActivated} {
		if n := len(w.events(kind)); n != 1 {
			t.Errorf("%d events %s", n, kind)
		}
	}
	// A further session goes in at once, as does a forward; another key asks.
	w.pass(time.Minute)
	again := w.open("alice", "root@db1", access.KindForward).admitted()
	if again.Grant != p.Grant || !again.NotAfter.Equal(p.NotAfter) {
		t.Errorf("second pass %+v", again)
	}
	if s := w.open("alice2", "root@db1", access.KindShell).waits(); s.Joined {
		t.Error("another key joined")
	}
}

func TestDenialIsTold(t *testing.T) {
	w := newWorld(t)
	v := w.open("alice", "root@db1", access.KindShell)
	id := v.waits().Request
	if _, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictDeny, Reason: "not\x1b[31m now"}); err != nil {
		t.Fatal(err)
	}
	e := v.refused(access.ReasonDenied)
	if !strings.Contains(e.Line(), "bob denied it: not [31m now") || e.ID != string(id) {
		t.Errorf("line %q", e.Line())
	}
	if n := len(w.events(audit.AccessRefused)); n != 0 {
		t.Errorf("the denial was told twice")
	}
}

func TestLapse(t *testing.T) {
	w := newWorld(t)
	v := w.open("alice", "root@db1", access.KindShell)
	id := v.waits().Request
	w.pass(30 * time.Minute)
	v.refused(access.ReasonLapsed)
	w.state(id, access.RequestLapsed)
}

func TestWithdrawal(t *testing.T) {
	t.Run("a lost connection leaves the request", func(t *testing.T) {
		w := newWorld(t)
		v := w.open("alice", "root@db1", access.KindShell)
		id := v.waits().Request
		v.end(errors.New("connection reset"))
		v.over()
		w.state(id, access.RequestPending)
		w.approve("bob", id)
		p := w.open("alice", "root@db1", access.KindShell).admitted()
		if p.Request != id {
			t.Error("the approval after the loss was not used")
		}
	})
	t.Run("a withdrawal cancels", func(t *testing.T) {
		w := newWorld(t)
		v := w.open("alice", "root@db1", access.KindShell)
		id := v.waits().Request
		v.end(withdrawn)
		v.refused(access.ReasonCancelled)
		w.state(id, access.RequestCancelled)
		if n := len(w.events(audit.RequestCancelled)); n != 1 {
			t.Errorf("%d events", n)
		}
	})
	t.Run("the last of those who joined cancels", func(t *testing.T) {
		w := newWorld(t)
		first := w.open("alice", "root@db1", access.KindShell)
		id := first.waits().Request
		second := w.open("alice", "root@db1", access.KindExec)
		if s := second.waits(); s.Request != id || !s.Joined {
			t.Fatalf("did not join: %+v", s)
		}
		first.end(withdrawn)
		first.refused(access.ReasonCancelled)
		w.state(id, access.RequestPending)
		second.end(withdrawn)
		second.refused(access.ReasonCancelled)
		w.state(id, access.RequestCancelled)
	})
	t.Run("a request asked ahead stays", func(t *testing.T) {
		w := newWorld(t)
		r, err := w.Ask(t.Context(), w.by("alice"), access.Ask{Target: target("root@db1"), Reason: "x"})
		if err != nil {
			t.Fatal(err)
		}
		v := w.open("alice", "root@db1", access.KindShell)
		if s := v.waits(); s.Request != r.ID || !s.Joined {
			t.Fatalf("did not join: %+v", s)
		}
		v.end(withdrawn)
		v.refused(access.ReasonCancelled)
		w.state(r.ID, access.RequestPending)
	})
	t.Run("the cancel command lets all waiters go", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.open("alice", "root@db1", access.KindShell), w.open("alice", "root@db1", access.KindExec)
		id := a.waits().Request
		b.waits()
		w.refusal(w.Cancel(t.Context(), w.by("bob"), id), access.ReasonNotAllowed)
		if err := w.Cancel(t.Context(), w.by("alice"), id); err != nil {
			t.Fatal(err)
		}
		a.refused(access.ReasonCancelled)
		b.refused(access.ReasonCancelled)
		w.refusal(w.Cancel(t.Context(), w.by("alice"), id), access.ReasonDecided)
	})
}

func TestForwardsDoNotWait(t *testing.T) {
	w := newWorld(t)
	e := w.open("alice", "root@db1", access.KindForward).refused(access.ReasonChannel)
	if !strings.Contains(e.Line(), "ssh bastion request root@db1 --for 1h") {
		t.Errorf("line %q", e.Line())
	}
	if list, _ := w.store.Requests(t.Context(), access.RequestQuery{}); len(list) != 0 {
		t.Error("it asked somebody")
	}
}

func TestReasonIsAskedForOnceAndHeldToThePattern(t *testing.T) {
	w := newWorld(t)
	times := 0
	asking := func(answer string, err error) func(*access.Application) {
		return func(a *access.Application) {
			a.Reason = ""
			a.AskReason = func(context.Context) (string, error) { times++; return answer, err }
		}
	}
	e := w.open("alice", "root@vault1", access.KindShell, asking("because", nil)).refused(access.ReasonNoReason)
	if times != 1 || !strings.Contains(e.Line(), "INC-[0-9]+") {
		t.Errorf("asked %d times: %s", times, e.Line())
	}
	v := w.open("alice", "root@vault1", access.KindShell, asking("INC-7 "+strings.Repeat("x", 100_000)+"\x1b", nil))
	r := w.request(v.waits().Request)
	if times != 2 || !strings.HasPrefix(r.Reason, "INC-7 x") || len(r.Reason) > 600 {
		t.Errorf("asked %d times, kept %d bytes", times, len(r.Reason))
	}
	// Whoever joins is not asked.
	if s := w.open("alice", "root@vault1", access.KindShell, asking("x", nil)).waits(); !s.Joined || times != 2 {
		t.Errorf("asked %d times, joined %v", times, s.Joined)
	}
	w.open("alice", "root@db1", access.KindShell, asking("", errors.New("hung up"))).refused(access.ReasonCancelled)
	w.open("alice", "root@vault1", access.KindShell, func(a *access.Application) { a.Reason, a.Identity = "", w.identity("alice2") }).
		refused(access.ReasonNoReason)
}

func TestSeveralApprovals(t *testing.T) {
	w := newWorld(t)
	v := w.open("alice", "root@vault1", access.KindShell)
	id := v.waits().Request
	if r := w.approve("bob", id); r.State != access.RequestPending {
		t.Fatalf("one approval of two: %s", r.State)
	}
	if s := v.waits(); s.Missing != 1 || !slices.Equal(s.Approved, []access.PersonName{"bob"}) {
		t.Errorf("told %+v", s)
	}
	// The same person twice is one.
	if _, err := w.Decide(t.Context(), w.by("bob"), access.Word{Request: id, Verdict: access.VerdictApprove}); access.AsError(err).Reason != access.ReasonDecided {
		t.Errorf("bob counted twice: %v", err)
	}
	// bob is no lead any more: his approval stops counting.
	w.reload(w.edited("groups: [sre, leads]", "groups: [sre]"))
	if s := v.waits(); s.Missing != 2 || len(s.Approved) != 0 {
		t.Errorf("told %+v", s)
	}
	if r := w.approve("dave", id); r.State != access.RequestPending {
		t.Fatalf("dave's and a void approval: %s", r.State)
	}
	v.waits()
	if r, err := w.DecideSlack(t.Context(), "U0CAROL", access.Word{Request: id, Verdict: access.VerdictApprove}); err != nil || r.State != access.RequestApproved {
		t.Fatalf("dave's and carol's: %s, %v", r.State, err)
	}
	v.admitted()
	if n := len(w.events(audit.RequestApproval)); n != 2 {
		t.Errorf("%d events of approvals that were not the last, want 2", n)
	}
}

func TestNobodyCouldApprove(t *testing.T) {
	w := newWorld(t)
	w.reload(w.edited("count: 2", "count: 4"))
	w.open("alice", "root@vault1", access.KindShell).refused(access.ReasonNoApprover)
}

// Without the database nobody is let in on approval, and it is our failure.
func TestADatabaseThatFailsLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.approve("bob", w.asked("alice", "root@db1"))
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	v := w.open("alice", "root@db1", access.KindShell)
	v.over()
	if e := access.AsError(v.err); v.err == nil || e.Class != access.Failed || e.Reason != access.ReasonInternal || strings.Contains(e.Line(), "sql") {
		t.Errorf("got %v: %q", v.err, e.Line())
	}
}

func TestAsking(t *testing.T) {
	w := newWorld(t)
	ask := func(to string, kinds []access.Kind, length time.Duration) (access.Request, error) {
		return w.Ask(t.Context(), w.by("alice"), access.Ask{Target: target(to), Kinds: kinds, For: length, Reason: "ahead"})
	}
	r, err := ask("root@db1", nil, 90*time.Minute)
	if err != nil || r.For != 90*time.Minute || r.Kind != "" || len(r.Kinds) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if again, err := ask("root@db1", nil, 0); err != nil || again.ID != r.ID {
		t.Errorf("asked twice: %v, %v", again.ID, err)
	}
	only, err := ask("root@db1", []access.Kind{access.KindShell}, 0)
	if err != nil || only.ID == r.ID || len(only.Kinds) != 1 {
		t.Errorf("%+v, %v", only, err)
	}
	_, err = ask("root@db1", []access.Kind{access.KindShell, access.KindSFTP}, 0)
	w.refusal(err, access.ReasonNoRule)
	_, err = ask("root@db1", nil, 3*time.Hour)
	w.refusal(err, access.ReasonLimit)
	_, err = ask("root@web1", nil, 0)
	w.refusal(err, access.ReasonDecided)
	_, err = ask("root@nowhere", nil, 0)
	w.refusal(err, access.ReasonUnknownHost)
	_, err = w.Ask(t.Context(), local, access.Ask{Target: target("root@db1"), Reason: "x"})
	w.refusal(err, access.ReasonNotAllowed)

	// The clock starts at the first session; unused, it lapses.
	w.approve("bob", r.ID)
	w.approve("bob", only.ID)
	w.pass(10 * time.Minute)
	p := w.open("alice", "root@db1", access.KindExec).admitted()
	if !p.NotAfter.Equal(start.Add(100 * time.Minute)) {
		t.Errorf("ends at %v", p.NotAfter)
	}
	w.pass(10 * time.Minute)
	if g := w.request(only.ID).Grant; g.State != access.GrantLapsed {
		t.Errorf("unused, it is %s", g.State)
	}
}
