package approvals_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
)

// chasing is the world's file with a rule that reminds and escalates to erin.
func chasing(t *testing.T) *world {
	w := newWorld(t)
	w.reload(w.edited("approval: {by: {groups: [leads]}, wait: 30m}",
		"approval: {by: {people: [bob, carol]}, wait: 30m, remind: 5m, escalate: {after: 12m, by: {groups: [platform]}}}"))
	return w
}

// told lists the kinds of effects that a board was told, oldest first.
func (w *world) toldTo(b *board) []access.EffectKind {
	w.t.Helper()
	for range 100 {
		n := len(b.tellings)
		if _, _, err := w.TellNext(w.t.Context(), b); err != nil {
			w.t.Fatal(err)
		}
		if len(b.tellings) == n {
			break
		}
	}
	var kinds []access.EffectKind
	for _, t := range b.tellings {
		for _, e := range t.Effects {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func words(list []access.EffectKind) string {
	var out []string
	for _, k := range list {
		out = append(out, string(k))
	}
	return strings.Join(out, " ")
}

// TestRemindAndEscalate: deadlines that are rows; those who are asked later may
// decide, and not before.
func TestRemindAndEscalate(t *testing.T) {
	w, b := chasing(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	w.deliver(b)
	_, err := w.Decide(t.Context(), w.by("erin"), access.Word{Request: id, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonNotAllowed)
	w.pass(4 * time.Minute)
	if got := words(w.toldTo(b)); got != "" {
		t.Errorf("after 4 minutes: %s", got)
	}
	w.pass(time.Minute)
	w.restart()
	w.pass(5 * time.Minute)
	if got := words(w.toldTo(b)); got != "reminded reminded" {
		t.Errorf("after 10 minutes: %s", got)
	}
	w.pass(2 * time.Minute)
	w.deliver(b)
	if got := words(w.toldTo(b)); got != "reminded reminded escalated" {
		t.Errorf("after 12 minutes: %s", got)
	}
	at := approvals.MessageRef{Channel: "C1", TS: "1"}
	if n := b.shown[at]; len(n.Asked) != 3 || n.Asked[2].Name != "erin" {
		t.Errorf("asked now: %+v", n.Asked)
	}
	if e := w.events(audit.RequestEscalated); len(e) != 1 || e[0].Request != string(id) || e[0].Detail["asked"] != "bob carol erin" {
		t.Errorf("events %+v", e)
	}
	w.restart()
	w.pass(5 * time.Minute)
	if got := words(w.toldTo(b)); got != "reminded reminded escalated reminded" {
		t.Errorf("after 17 minutes: %s", got)
	}
	w.approve("erin", id)
	w.state(id, access.RequestApproved)
	w.pass(5 * time.Minute)
	if got := words(w.toldTo(b)); got != "reminded reminded escalated reminded" { // alice has no Slack account
		t.Errorf("once it is decided: %s", got)
	}
}

// TestAChaseThatIsCalledOff: what the rule does not say any more is not done.
func TestAChaseThatIsCalledOff(t *testing.T) {
	w, b := chasing(t), &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	id := w.asked("alice", "root@db1")
	w.deliver(b)
	w.reload(w.first)
	w.pass(20 * time.Minute)
	if got := words(w.toldTo(b)); got != "" {
		t.Errorf("told %s", got)
	}
	_, err := w.Decide(t.Context(), w.by("erin"), access.Word{Request: id, Verdict: access.VerdictApprove})
	w.refusal(err, access.ReasonNotAllowed)
	if _, ok, err := w.store.NextDeadline(t.Context()); err != nil || !ok {
		t.Error("its own deadline is left", err)
	}
}
