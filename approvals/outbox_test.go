package approvals_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
)

// board is where requests are shown: a Slack that can be broken.
type board struct {
	fail     error
	posts    int
	calls    int
	tellings []approvals.Telling
	shown    map[approvals.MessageRef]approvals.Notice
	then     func() // once, in the middle of a call
}

func (b *board) Post(_ context.Context, n approvals.Notice) (approvals.MessageRef, error) {
	b.posts++
	return b.Update(context.Background(), approvals.MessageRef{Channel: "C1", TS: fmt.Sprint(b.posts)}, n)
}

func (b *board) Update(_ context.Context, at approvals.MessageRef, n approvals.Notice) (approvals.MessageRef, error) {
	b.calls++
	if b.then != nil {
		b.then()
		b.then = nil
	}
	if b.fail != nil {
		return approvals.MessageRef{}, b.fail
	}
	b.shown[at] = n
	return at, nil
}

func (b *board) Tell(_ context.Context, t approvals.Telling) (int, error) {
	b.calls++
	if b.fail != nil {
		return 0, b.fail
	}
	b.tellings = append(b.tellings, t)
	return len(t.Effects), nil
}

type limited struct{ after time.Duration }

func (l limited) Error() string             { return "slow down" }
func (l limited) RetryAfter() time.Duration { return l.after }

// deliver delivers until nothing is due, and gives what the last call said.
func (w *world) deliver(b *board) (wait time.Duration, firm bool) {
	w.t.Helper()
	for range 1000 {
		calls := b.calls
		var err error
		wait, firm, err = w.DeliverNext(w.t.Context(), b)
		if err != nil {
			w.t.Fatal(err)
		}
		if b.calls == calls || firm {
			return wait, firm
		}
	}
	w.t.Fatal("it never ends")
	return 0, false
}

func TestRequestsAreShownAsTheyStand(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	at := approvals.MessageRef{Channel: "C1", TS: "1"}
	shows := func(state access.RequestState, cause, ended string) approvals.Notice {
		t.Helper()
		w.deliver(b)
		n := b.shown[at]
		if n.Request.State != state || n.Cause != cause || n.EndedWhy != ended || b.posts != 1 {
			t.Fatalf("shown: %s, %q, %q, posted %d times", n.Request.State, n.Cause, n.EndedWhy, b.posts)
		}
		return n
	}
	id := w.asked("alice", "root@vault1")
	if n := shows(access.RequestPending, "", ""); n.Missing != 2 || len(n.Asked) != 3 || n.Request.ID != id {
		t.Errorf("notice %+v", n)
	}
	w.approve("bob", id)
	if n := shows(access.RequestPending, "", ""); n.Missing != 1 {
		t.Errorf("notice %+v", n)
	}
	w.approve("dave", id)
	shows(access.RequestApproved, "approved by dave", "")
	p := w.open("alice", "root@vault1", access.KindShell).admitted()
	if n := shows(access.RequestApproved, "approved by dave", ""); n.Request.Grant.State != access.GrantActive {
		t.Errorf("notice %+v", n)
	}
	w.restart()
	if err := w.Revoke(t.Context(), w.by("bob"), string(p.Grant), "why not"); err != nil {
		t.Fatal(err)
	}
	shows(access.RequestApproved, "approved by dave", "revoked by bob: why not")
	if wait, firm := w.deliver(b); firm || wait <= 0 {
		t.Errorf("an empty outbox is asked again in %v", wait)
	}
}

// What happens while a request is being shown is shown after it.
func TestChangesDuringDelivery(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	b.then = func() { w.approve("bob", id) }
	w.deliver(b)
	if n := b.shown[approvals.MessageRef{Channel: "C1", TS: "1"}]; n.Request.State != access.RequestApproved || b.posts != 1 {
		t.Errorf("shown: %s, posted %d times", n.Request.State, b.posts)
	}
}

func TestDeliveryBacksOffAndGivesUp(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	b.fail = limited{7 * time.Second}
	if wait, firm := w.deliver(b); !firm || wait != 7*time.Second {
		t.Errorf("wait %v, firmly %v", wait, firm)
	}
	if w.deliver(b); b.calls != 1 {
		t.Error("tried again before its time")
	}
	w.pass(7 * time.Second)
	b.fail = errors.New("internal_error")
	last := time.Duration(0)
	for n := 2; b.calls < 40; n++ {
		w.deliver(b)
		if b.calls != n {
			t.Fatalf("%d calls, want %d", b.calls, n)
		}
		if n == 40 {
			break
		}
		at, ok, err := w.store.NextNoticeAt(t.Context())
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		wait := at.Sub(w.clock())
		if wait < last || wait > 5*time.Minute {
			t.Fatalf("attempt %d: again in %v after %v", n, wait, last)
		}
		last = wait
		w.pass(wait)
	}
	if e := w.events(audit.NotificationFailed); len(e) != 1 || e[0].Request != string(id) {
		t.Errorf("events %+v", e)
	}
	// What comes later is shown all the same.
	b.fail = nil
	w.asked("alice", "root@db1")
	w.deliver(b)
	if len(b.shown) != 1 {
		t.Errorf("%d requests are shown, want the later one", len(b.shown))
	}
}

// Run and Deliver on the real clock: what is asked is shown, and a click lets
// the one who waits in.
func TestRunAndDeliver(t *testing.T) {
	w := newWorld(t)
	shown := make(chan approvals.Notice, 10)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); w.Run(ctx) }()
	delivered := make(chan struct{})
	go func() { defer close(delivered); w.Deliver(ctx, notifying(shown)) }()
	v := w.open("alice", "root@db1", access.KindShell)
	n := <-shown
	if _, err := w.DecideSlack(ctx, "U0BOB", access.Word{Request: n.Request.ID, Verdict: access.VerdictApprove}); err != nil {
		t.Fatal(err)
	}
	p := v.admitted()
	// Publishing is enough: Run sweeps.
	w.live.Publish(w.edited("- {name: alice, groups: [sre],", "- {name: alice, groups: [],"))
	w.ended(p, access.ReasonRemoved)
	stop()
	<-over
	<-delivered
}

type notifying chan approvals.Notice

func (c notifying) Post(_ context.Context, n approvals.Notice) (approvals.MessageRef, error) {
	c <- n
	return approvals.MessageRef{Channel: "C1", TS: "1"}, nil
}

func (c notifying) Update(_ context.Context, at approvals.MessageRef, n approvals.Notice) (approvals.MessageRef, error) {
	c <- n
	return at, nil
}

func (c notifying) Tell(_ context.Context, t approvals.Telling) (int, error) {
	return len(t.Effects), nil
}

type refused struct{}

func (refused) Error() string   { return "channel_not_found" }
func (refused) Permanent() bool { return true }

// An error that says that it stays is believed.
func TestAPermanentErrorIsGivenUpAtOnce(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	b.fail = fmt.Errorf("post: %w", refused{})
	w.deliver(b)
	w.pass(10 * time.Minute)
	w.deliver(b)
	if e := w.events(audit.NotificationFailed); b.calls != 1 || len(e) != 1 || e[0].Request != string(id) {
		t.Errorf("%d calls, events %+v", b.calls, e)
	}
	// What changes later is tried again: the channel may be there by then.
	b.fail = nil
	w.pass(20 * time.Minute)
	w.state(id, access.RequestLapsed)
	w.deliver(b)
	if len(b.shown) != 1 {
		t.Errorf("%d shown", len(b.shown))
	}
}

// What was shown goes from the outbox after a week; where it is shown stays.
func TestOldNoticesGo(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	w.deliver(b)
	prune := func(pass time.Duration, left int64) {
		t.Helper()
		w.pass(pass)
		if err := w.PruneNotices(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := w.store.PruneOutbox(t.Context(), w.clock().Add(time.Hour), 100)
		if err != nil || n != left {
			t.Errorf("%d were left, %v; want %d", n, err, left)
		}
	}
	prune(7*24*time.Hour, 1) // and its lapse waits, to be shown in the same place
	w.deliver(b)
	if b.posts != 1 || len(b.shown) != 1 {
		t.Errorf("posted %d times", b.posts)
	}
	w.deliver(b)
	prune(7*24*time.Hour+time.Second, 0)
	w.state(id, access.RequestLapsed)
}
