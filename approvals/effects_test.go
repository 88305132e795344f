package approvals_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
)

// TestWhatNobodyWasAskedForIsToldInADigest: no message, no private word; the
// next morning a line.
func TestWhatNobodyWasAskedForIsToldInADigest(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	w.reload(w.edited("approval: {by: {groups: [leads]}, wait: 30m}", `approval: {by: {groups: [leads]}, wait: 30m, auto: {when: "true", max: 30m}}`))
	w.open("alice", "root@db1", access.KindShell).admitted()
	w.deliver(b)
	if b.posts != 0 || words(w.toldTo(b)) != "" {
		t.Fatalf("%d posts, told %s", b.posts, words(w.toldTo(b)))
	}
	w.pass(21 * time.Hour) // from 10:00 to 07:00
	w.deliver(b)
	if got := words(w.toldTo(b)); got != "" {
		t.Errorf("at 07:00: %s", got)
	}
	w.restart()
	w.pass(time.Hour)
	if got := words(w.toldTo(b)); got != "auto_approved" || len(b.tellings[0].Requests) != 1 || b.tellings[0].Requests[0].Person != "alice" || b.posts != 0 {
		t.Errorf("at 08:00: %s, %+v, %d posts", got, b.tellings, b.posts)
	}
}

// TestABreakGlassCallsEverybody: who could have approved it, and admins; on the
// card and in its thread.
func TestABreakGlassCallsEverybody(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	w.reload(w.edited("approval: {by: {groups: [leads]}, wait: 30m}", "approval: {by: {groups: [leads]}, wait: 30m, break_glass: true}"))
	if _, err := w.Ask(t.Context(), w.by("alice"), access.Ask{Target: target("root@db1"), Reason: "the pager is dead", BreakGlass: true}); err != nil {
		t.Fatal(err)
	}
	w.deliver(b)
	called := func(people []access.Person) (list []access.PersonName) {
		for _, p := range people {
			list = append(list, p.Name)
		}
		return list
	}
	if n := b.shown[approvals.MessageRef{Channel: "C1", TS: "1"}]; len(called(n.Asked)) != 4 {
		t.Errorf("the card calls %v", called(n.Asked))
	}
	if got := words(w.toldTo(b)); got != "break_glass" || len(called(b.tellings[0].Asked)) != 4 {
		t.Errorf("told %s, calling %v", got, called(b.tellings[0].Asked))
	}
}

// TestEffectsBackOffAndAreGivenUp: as cards do.
func TestEffectsBackOffAndAreGivenUp(t *testing.T) {
	w, b := newWorld(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	w.approve("bob", id)
	p := w.open("alice", "root@db1", access.KindShell).admitted()
	if err := w.Release(t.Context(), w.by("alice"), p.Grant); err != nil {
		t.Fatal(err)
	}
	w.deliver(b)
	b.fail = limited{7 * time.Second}
	wait, firm, err := w.TellNext(t.Context(), b) // alice has no Slack account: told to nobody
	for err == nil && !firm && wait <= time.Second {
		wait, firm, err = w.TellNext(t.Context(), b)
	}
	if !firm || wait != 7*time.Second || err != nil {
		t.Fatalf("wait %v, firmly %v, %v", wait, firm, err)
	}
	w.pass(7 * time.Second)
	b.fail = nil
	if got := words(w.toldTo(b)); got != "grant_ended" || !b.tellings[0].Again || b.tellings[0].Card.TS != "1" {
		t.Errorf("told %s: %+v", got, b.tellings)
	}

	id = w.asked("alice", "root@vault1")
	w.deliver(b)
	w.pass(31 * time.Minute)
	w.deliver(b)
	w.state(id, access.RequestLapsed)
	if len(w.events(audit.NotificationFailed)) != 0 {
		t.Error("given up too early")
	}
	b.fail = errors.Join(refused{})
	w.approveAndRelease()
	for range 10 {
		if _, _, err := w.TellNext(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if e := w.events(audit.NotificationFailed); len(e) != 1 || e[0].Detail["place"] != "thread" {
		t.Errorf("events %+v", e)
	}
}

// approveAndRelease leaves a thread with something to tell, below a card.
func (w *world) approveAndRelease() {
	w.t.Helper()
	id := w.asked("alice", "root@db1")
	w.deliver(&board{shown: map[approvals.MessageRef]approvals.Notice{}})
	w.approve("bob", id)
	p := w.open("alice", "root@db1", access.KindShell).admitted()
	if err := w.Release(w.t.Context(), w.by("alice"), p.Grant); err != nil {
		w.t.Fatal(err)
	}
}
