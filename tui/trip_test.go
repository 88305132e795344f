package tui_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// far is what is at the other end of trips: a host that shows what is typed,
// byte by byte, until that ends in exit and a number.
type far struct {
	went  []access.Trip // read when back
	sizes chan tui.Size
	back  access.Return // of a trip that is refused
}

func (f *far) connect(_ context.Context, to access.Trip, on tui.Lent) access.Return {
	f.went = append(f.went, to)
	if f.back.Err != nil {
		fmt.Fprintf(on.Out, "%s\r\n", f.back.Err.Line())
		return f.back
	}
	fmt.Fprintf(on.Out, "welcome to %s, %dx%d\r\n\x1b[?1049h\x1b[?1003h\x1b[?1h\x1b[31m\x1b[5;10r", to.Target, on.Size.Cols, on.Size.Rows)
	typed, b := "", []byte{0}
	for {
		select {
		case z := <-on.Resizes:
			f.sizes <- z
			continue
		default:
		}
		if strings.HasSuffix(typed, "resize\r") {
			f.sizes <- <-on.Resizes
			typed += "d"
			continue
		}
		if _, err := io.ReadFull(on.In, b); err != nil {
			return access.Return{Status: 255}
		}
		typed += string(b)
		fmt.Fprintf(on.Out, "%q", b)
		var status int
		if n, _ := fmt.Sscanf(typed[max(strings.LastIndex(typed, "exit"), 0):], "exit %d\r", &status); n == 1 && b[0] == '\r' {
			fmt.Fprintf(on.Out, "\x1b]0;half a title") // it is cut off, too
			return access.Return{Session: "S1", Status: status}
		}
	}
}

// travels sits somebody before the hosts.
func travels(t *testing.T) (*person, *far, *world) {
	t.Helper()
	w, f := testWorld(t), &far{sizes: make(chan tui.Size, 4)}
	cfg := w.config()
	cfg.Roles, cfg.Connect = tui.Roles{}, f.connect
	p := sit(t, cfg, 80, 24)
	p.sees("Hosts", "Mine 2", "pending")
	return p, f, w
}

// Enter connects at once where nobody has to be asked. All that is typed behind
// it is the host's, and all that is typed behind the host's end is the
// interface's, though it came in one go.
func TestConnect(t *testing.T) {
	p, f, _ := travels(t)
	p.press("/", "deploy", "\r")
	p.sees("/ deploy", "enter connect")
	p.press("\rj\x1b[A\x1b[200~pas\rted\x1b[201~exit 0\r?")
	p.sees("any key closes the help")
	p.press("x", "\rexit 0\r")
	p.sees("✓ deploy@web3: exit 0 · session S1")
	p.press("r")
	for _, typed := range []string{`"j""\x1b""[""A"`, `"t""e""d"`, `"0""\r"`} {
		if !strings.Contains(p.sent(), typed) {
			t.Errorf("the host did not get %s", typed)
		}
	}
	if strings.Contains(p.sent(), `"?"`) {
		t.Error("the host got what was typed for the interface")
	}
	// The terminal is as it was: the interface drew it again, in its colours.
	p.sees("● deploy", "● standing access, at once", "? help")
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
	p.sees("welcome to deploy@web3, 80x24") // on the first screen, where it stays
	if len(f.went) != 2 || f.went[1] != (access.Trip{Target: access.Target{Login: "deploy", Host: "web3"}}) {
		t.Errorf("%+v", f.went)
	}
}

// A new size is the session's, and the interface has it when it is back.
func TestResizeOnTheWay(t *testing.T) {
	p, f, _ := travels(t)
	p.press("/", "deploy", "\r", "\r")
	p.press("resize\r")
	p.sees(`"z""e"`)
	p.mu.Lock()
	p.screen.Resize(100, 30)
	p.mu.Unlock()
	p.resize <- tui.Size{Cols: 90, Rows: 20}
	p.resize <- tui.Size{Cols: 100, Rows: 30}
	for z := (tui.Size{}); z != (tui.Size{Cols: 100, Rows: 30}); z = <-f.sizes {
		p.press("x")
	}
	p.press("exit 3\r")
	p.sees("✗ deploy@web3: exit 3 · session S1")
	p.waits("the whole width", func(screen string) bool {
		return strings.Count(screen, "\n") >= 29 && strings.Contains(screen, strings.Repeat("─", 100))
	})
}

// Where several logins may be had, one is chosen; where somebody has to be
// asked, the box asks what for; what waits already is filled in.
func TestConnectAsks(t *testing.T) {
	p, f, _ := travels(t)
	p.press("\r")
	p.sees("Which login on db1?", "postgres", "○ must ask")
	p.press("j", "\r")
	p.sees("Ask for postgres@db1, and connect", "bob, erin", "reason:")
	p.press("2h INC-42", "\rexit 0\r")
	p.sees("✓ postgres@db1: exit 0")
	p.press("j", "\r")
	p.sees("Ask for root@db2, and connect", "1h quarterly check", "joins it")
	p.press("\rexit 0\r")
	p.sees("✓ root@db2: exit 0")
	want := []access.Trip{
		{Target: access.Target{Login: "postgres", Host: "db1"}, For: 2 * 60 * 60 * 1e9, Reason: "INC-42"},
		{Target: access.Target{Login: "root", Host: "db2"}, For: 60 * 60 * 1e9, Reason: "quarterly check"},
	}
	if fmt.Sprint(f.went) != fmt.Sprint(want) {
		t.Errorf("%+v", f.went)
	}
	p.press("G", "\r") // not by this way
	p.sees("✗ refused: root@vault1 wants your key proven again. Use ssh -J bastion root@v")
	p.press("k", "\r")
	p.sees("✗ refused: no rule gives you a shell on backup")
	// A grant of Mine leads there as well.
	p.press("2")
	p.sees("audit of the su")
	p.press("j", "\rexit 0\r")
	p.sees("✓ root@web3: exit 0")
	p.press("j", "j", "\r") // and one that is over nowhere
	if len(f.went) != 3 {
		t.Errorf("%+v", f.went)
	}
}

// Why there was no session stands on the status line, with its ID.
func TestConnectRefused(t *testing.T) {
	p, f, _ := travels(t)
	f.back = access.Return{Session: "S2", Status: 254, Err: access.Refuse(access.ReasonDenied, "bob denied it: not today", "Talk to bob").About("R7")}
	p.press("/", "deploy", "\r", "\r")
	p.sees("✗ refused: bob denied it: not today. Talk to bob (R7)")
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
}

// Nothing that a session has left to write comes after its end.
func TestNothingFollowsATrip(t *testing.T) {
	late := make(chan error, 1)
	back, cfg := make(chan struct{}), testWorld(t).config()
	cfg.Roles = tui.Roles{}
	cfg.Connect = func(_ context.Context, _ access.Trip, on tui.Lent) access.Return {
		go func() {
			<-back
			_, err := io.WriteString(on.Out, "LATE")
			late <- err
		}()
		return access.Return{Session: "S1"}
	}
	p := sit(t, cfg, 80, 24)
	p.sees("pending")
	p.press("/", "deploy", "\r", "\r")
	p.sees("✓ deploy@web3: exit 0")
	close(back)
	if err := <-late; err == nil || strings.Contains(p.sent(), "LATE") {
		t.Errorf("it was written: %v", err)
	}
}

// The end of the program ends a trip, and the end of what is typed is the
// session's first.
func TestEndsOnTheWay(t *testing.T) {
	p, _, _ := travels(t)
	p.press("/", "deploy", "\r", "\rnothing more")
	p.sees(`"r""e"`)
	_ = p.keys.Close()
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
}

// Twenty trips hold no more than one.
func TestTripsLeaveNothing(t *testing.T) {
	p, f, _ := travels(t)
	p.press("/", "deploy", "\r")
	p.sees("/ deploy", "enter connect")
	trip := func() {
		p.press("\rexit 0\r")
		p.sees("✓ deploy@web3: exit 0")
		p.press("r")
		p.gone("✓")
	}
	trip()
	before := runtime.NumGoroutine()
	for range 20 {
		trip()
	}
	for late := time.Now().Add(2 * patience); runtime.NumGoroutine() > before+4; <-time.After(20 * time.Millisecond) {
		if time.Now().After(late) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
	p.press("q")
	if err := p.ends(); err != nil || len(f.went) != 21 {
		t.Fatal(err, len(f.went))
	}
}
