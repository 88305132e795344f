package approvals_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// attend opens a console.
func (w *world) attend(key string) (context.Context, func()) {
	w.t.Helper()
	ctx, leave, err := w.Attend(w.t.Context(), w.identity(key))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(leave)
	return ctx, leave
}

// over checks that a console has ended and why; empty for not at all.
func (w *world) over(ctx context.Context, want access.Reason) {
	w.t.Helper()
	if want == "" {
		if ctx.Err() != nil {
			w.t.Errorf("ended: %v", context.Cause(ctx))
		}
		return
	}
	select {
	case <-ctx.Done():
		w.refusal(context.Cause(ctx), want)
	case <-time.After(patience):
		w.t.Errorf("the console is open still; want %s", want)
	}
}

func TestConsolesEndWithTheirPerson(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.attend("alice")
	second, _ := w.attend("alice2")
	bob, _ := w.attend("bob")
	erin, _ := w.attend("erin")
	w.reload(w.edited("wait: 30m", "wait: 20m"))
	for _, ctx := range []context.Context{alice, second, bob, erin} {
		w.over(ctx, "")
	}
	w.lock(t, "host:db1") // concerns nobody's console
	w.over(alice, "")
	w.reload(w.edited(`keys: ["$alice", "$alice2"]`, `keys: ["$alice"]`))
	w.over(second, access.ReasonRemoved)
	w.over(alice, "")
	w.lock(t, "person:alice")
	w.over(alice, access.ReasonLocked)
	w.over(bob, "")
	w.reload(w.edited("groups: [sre, leads]", "groups: [sre]", "admins: {groups: [platform]}", "admins: {groups: [nobody]}",
		"{name: erin, groups: [platform]", "{name: erin, groups: [platform, nobody]")) // bob approves no more, erin is an admin as before
	w.over(bob, access.ReasonRemoved)
	w.over(erin, "")

	// And none opens.
	_, _, err := w.Attend(t.Context(), w.identity("alice"))
	w.refusal(err, access.ReasonLocked)
	w.restart()
	_, _, err = w.Attend(t.Context(), w.identity("alice"))
	w.refusal(err, access.ReasonLocked)
	stranger := w.identity("alice")
	stranger.Fingerprint, stranger.Person = "SHA256:none", "bob"
	_, _, err = w.Attend(t.Context(), stranger)
	w.refusal(err, access.ReasonRemoved)
}

// A console that is left costs nothing, and one whose client is gone is over.
func TestLeavingAConsole(t *testing.T) {
	w := newWorld(t)
	ctx, gone := context.WithCancelCause(t.Context())
	life, leave, err := w.Attend(ctx, w.identity("alice"))
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("the connection was lost")
	gone(lost)
	if <-life.Done(); !errors.Is(context.Cause(life), lost) {
		t.Error(context.Cause(life))
	}
	leave()
	leave()
	w.lock(t, "person:alice")
}
