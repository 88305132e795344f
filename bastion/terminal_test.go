package bastion_test

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

// attendance is a desk that ends the first console, and opens no other.
type attendance struct {
	bastion.Desk // nil: nobody asks for a host
	t            *testing.T
	n            atomic.Int32
	end          chan context.CancelCauseFunc
	left         chan struct{}
}

var errLocked = access.Refuse(access.ReasonLocked, "your access is locked", "Talk to an admin of the bastion")

func (a *attendance) Attend(ctx context.Context, id access.Identity) (context.Context, func(), error) {
	if id.Person != "alice" || a.n.Add(1) > 1 {
		return nil, nil, errLocked
	}
	ctx, end := context.WithCancelCause(ctx)
	a.end <- end
	return ctx, func() { close(a.left) }, nil
}

func (a *attendance) Serve(ctx context.Context, t bastion.Terminal) int {
	(<-a.end)(errLocked)
	_, _ = io.Copy(io.Discard, t.Stdin) // until it is over, one way or another
	if ctx.Err() == nil {
		a.t.Error("input ended before the attendance")
	}
	return 0
}

// A console ends when the desk says so, with the desk's line, though its
// client still types; and none opens for whom the desk lets in no more.
func TestConsoleEndsWithAttendance(t *testing.T) {
	a := &attendance{t: t, end: make(chan context.CancelCauseFunc, 1), left: make(chan struct{})}
	l := newLab(t, func(c *bastion.Config) { c.Desk, c.Console = a, a })
	r, w, err := os.Pipe() // input that goes on
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for range 2 {
		got := l.runAs("alice", r, "ssh", "bastion", "whoami")
		if got.code != 254 || !strings.HasPrefix(got.err, "sallyport: refused: your access is locked. Talk to an admin of the bastion (") {
			t.Errorf("%+v", got)
		}
		<-a.left
	}
}
