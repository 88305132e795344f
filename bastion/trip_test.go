package bastion_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/internal/handover"
)

func (l *lab) db1() access.Target { return access.Target{Login: l.host.Login, Host: "db1"} }

// console is a client of a console that reads lines: "go HOST" is a trip, and
// anything else is said back.
type console struct {
	*ssh.Session
	client *ssh.Client
	stdin  io.WriteCloser
	out    syncBuffer
	back   chan access.Return
}

func (l *lab) console() *console {
	l.t.Helper()
	c := &console{client: l.dialDoor("x"), back: make(chan access.Return, 4)}
	l.serveBy(func(ctx context.Context, t bastion.Terminal) int {
		in := handover.New(t.Stdin)
		defer in.Close()
		p := make([]byte, 200)
		for {
			n, err := in.Lend().ReadLine(p)
			if err != nil {
				return 7
			}
			host, trip := strings.CutPrefix(strings.TrimSpace(string(p[:n])), "go ")
			if !trip {
				fmt.Fprintf(t.Stdout, "console read %q\r\n", p[:n])
				continue
			}
			to := access.Trip{Target: access.Target{Login: l.host.Login, Host: host}, Reason: "why not", For: time.Hour}
			back := t.Connect(ctx, to, bastion.Lent{In: in.Lend(), Out: t.Stdout, Err: t.Stderr, PTY: t.PTY})
			fmt.Fprintf(t.Stdout, "back with %d\r\n", back.Status)
			c.back <- back
		}
	})
	c.Session = must(c.client.NewSession())(l.t)
	c.stdin = must(c.StdinPipe())(l.t)
	c.Stdout, c.Stderr = &c.out, &c.out
	if err := c.Setenv("LC_TEST", "of the console"); err != nil {
		l.t.Fatal(err)
	}
	if err := errors.Join(c.RequestPty("xterm", 30, 100, ssh.TerminalModes{ssh.ECHO: 0}), c.Shell()); err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (c *console) types(l *lab, text string) {
	l.t.Helper()
	if _, err := io.WriteString(c.stdin, text); err != nil {
		l.t.Fatal(err)
	}
}

func (c *console) sees(l *lab, text string) {
	l.t.Helper()
	l.await(fmt.Sprintf("%q on the terminal", text), func() bool { return strings.Contains(c.out.String(), text) })
}

func (c *console) returns(l *lab) access.Return {
	l.t.Helper()
	select {
	case back := <-c.back:
		return back
	case <-time.After(20 * time.Second):
		l.t.Fatalf("no return from the trip\n%s", goroutines())
		return access.Return{}
	}
}

// A trip is a session like any other: asked for, recorded, sealed, with a
// connection of its own; then the console goes on, with what was typed for it.
func TestTrip(t *testing.T) {
	l := newLab(t)
	asked := make(chan access.Application, 8)
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		asked <- a
		return l.standing(ctx, a)
	})
	c := l.console()
	// Typed in one go: what follows the line is the host's.
	c.types(l, "go db1\recho size $(stty size) $TERM $LC_TEST\n")
	c.sees(l, "size 30 100 xterm of the console")
	if err := c.WindowChange(40, 120); err != nil {
		t.Fatal(err)
	}
	c.types(l, "until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo re''sized\n")
	c.sees(l, "resized")
	c.types(l, "exit 3\n")
	back := c.returns(l)
	c.types(l, "hello\r")
	c.sees(l, `console read "hello\r"`)
	a := <-asked
	if a.Session != back.Session || a.Kind != access.KindShell || a.Reason != "why not" || a.For != time.Hour || !a.Identity.InnerUnproven || a.Identity.Person != "alice" {
		t.Errorf("%+v", a)
	}
	s := l.lastSession()
	if back.Status != 3 || back.Err != nil || s.ID != back.Session || s.ConnectionID != a.Connection || s.ExitStatus == nil || *s.ExitStatus != 3 || !s.Terminal {
		t.Errorf("%+v\n%+v", back, s)
	}
	if shown, _ := l.shown(s); !strings.Contains(shown, "size 30 100") || strings.Contains(shown, "console read") {
		t.Errorf("recorded %q", shown)
	}

	// Another one, and one that fails.
	c.types(l, "go db1\r")
	c.types(l, "kill -9 $$\n")
	if back := c.returns(l); back.Status != 255 || back.Signal != "KILL" || back.Session == s.ID {
		t.Errorf("%+v", back)
	}
	c.types(l, "go down\r")
	if back := c.returns(l); back.Status != 255 || back.Err == nil || back.Err.Reason != access.ReasonUnreachable {
		t.Errorf("%+v", back)
	}
	c.types(l, "go nowhere\r")
	if back := c.returns(l); back.Status != 254 || back.Err == nil || back.Err.ID != string(back.Session) {
		t.Errorf("%+v", back)
	}
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Error(err)
	}
}

// While somebody is asked, Ctrl-C withdraws the request and leads back to the
// console; a client that closes its channel withdraws it as well; and one that
// is lost does not.
func TestTripWaits(t *testing.T) {
	l := newLab(t)
	over := make(chan error, 1)
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		a.Tell(access.Waiting{Request: "R1", Target: a.Target, Missing: 1, Asked: []access.PersonName{"bob"}, Until: time.Now().Add(time.Minute)})
		<-ctx.Done()
		over <- context.Cause(ctx)
		return nil, access.AsError(context.Cause(ctx))
	})
	withdrawn := func(what string, want bool) {
		t.Helper()
		err := <-over
		if access.AsError(err).Reason == access.ReasonCancelled != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	c := l.console()
	c.types(l, "go db1\r")
	c.sees(l, "waiting for approval")
	c.types(l, "\x03")
	withdrawn("Ctrl-C", true)
	if back := c.returns(l); back.Status != 254 || back.Err == nil || back.Err.Reason != access.ReasonCancelled {
		t.Errorf("%+v", back)
	}
	c.types(l, "still here\r")
	c.sees(l, `console read "still here\r"`)
	c.types(l, "go db1\r")
	l.await("another wait", func() bool { return strings.Count(c.out.String(), "request    R1") > 1 })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	withdrawn("the channel closed", true)

	c = l.console()
	c.types(l, "go db1\r")
	c.sees(l, "waiting for approval")
	if err := c.client.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	withdrawn("the connection lost", false)
	if n := len(l.sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// Whoever ends the session ends no console; who leaves the console, or is put
// out of it, ends the session, which is recorded to its end.
func TestTripEnds(t *testing.T) {
	killed := access.Refuse(access.ReasonKilled, "bob ended this session: enough", "Talk to bob")
	l := newLab(t)
	ends := make(chan context.CancelCauseFunc, 1)
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
		ctx, end := context.WithCancelCause(context.Background())
		ends <- end
		return l.pass(ctx, a)
	})
	begin := func() (*console, context.CancelCauseFunc) {
		c := l.console()
		c.types(l, "go db1\recho i''n\n")
		c.sees(l, "in\r\n")
		return c, <-ends
	}
	wants := func(what, cause string) {
		t.Helper()
		if s := l.lastSession(); s.EndCause != cause || s.State != access.SessionSealed {
			t.Errorf("%s: %+v", what, s)
		}
	}
	c, kill := begin()
	kill(killed)
	if back := c.returns(l); back.Status != 254 || back.Err.Reason != access.ReasonKilled {
		t.Errorf("%+v", back)
	}
	c.sees(l, "sallyport: refused: bob ended this session: enough. Talk to bob")
	wants("killed", string(access.ReasonKilled))
	c.types(l, "on\r")
	c.sees(l, `console read "on\r"`)
	_ = c.Close()

	c, _ = begin()
	_ = c.Close()
	c.returns(l)
	wants("the channel closed", access.EndDisconnect)

	c, _ = begin()
	_ = c.client.Conn.Close()
	c.returns(l)
	wants("the connection lost", access.EndDisconnect)

	c, _ = begin()
	soon, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	l.door.Shutdown(soon)
	c.sees(l, "sallyport: refused: the bastion is shutting down")
	c.returns(l)
	wants("shut down", string(access.ReasonShutdown))
}

// It counts among a person's sessions.
func TestTripsAreLimited(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.SessionsPerPerson = 1 })
	c := l.console()
	c.types(l, "go db1\recho i''n\n")
	c.sees(l, "in\r\n")
	if got := l.run("ssh", "-n", l.target("db1"), "true"); got.code != 254 || !strings.Contains(got.err, "too many sessions") {
		t.Errorf("%+v", got)
	}
	_ = c.Close()
	c.returns(l)
}

// Where a key has to be proven at the inner login, the console leads nowhere:
// it proves none.
func TestTripProvesNothing(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.InnerAuth = "key" })
	l.admitBy(func(context.Context, access.Application) (*access.Pass, error) {
		t.Error("the desk was asked")
		return nil, errors.New("asked")
	})
	c := l.console()
	c.types(l, "go db1\r")
	if back := c.returns(l); back.Status != 254 || back.Err.Reason != access.ReasonNotAllowed || !strings.Contains(back.Err.Line(), "Use ssh -J bastion "+l.onHost()) {
		t.Errorf("%+v", back)
	}
	_ = c.Close()
}
