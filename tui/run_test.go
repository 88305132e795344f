package tui_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// The interface ends with whatever ends its terminal, and puts it back.
func TestEnds(t *testing.T) {
	tests := []struct {
		name string
		how  func(p *person)
	}{
		{"with q", func(p *person) { p.press("q") }},
		{"with ctrl+c in a filter", func(p *person) { p.press("/", "x"); p.sees("/ x"); p.press("\x03") }},
		{"with its context", func(p *person) { p.leave() }},
		{"with its input", func(p *person) { _ = p.keys.Close() }},
		{"within the player", func(p *person) { p.press("\r"); p.sees("● LIVE"); p.leave() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sit(t, testWorld(t).config(), 80, 24)
			p.sees("postgres@db2")
			tt.how(p)
			if err := p.ends(); err != nil {
				t.Fatal(err)
			}
			for _, back := range []string{"\x1b[?1049l", "\x1b[?25h"} {
				if !strings.Contains(p.sent(), back) {
					t.Errorf("the terminal was not put back: no %q", back)
				}
			}
		})
	}
}

// stuck is a terminal whose window is closed: it takes nothing.
type stuck struct{ until chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.until
	return len(p), nil
}

// Invariant 12: a client that stopped reading cannot hold the program.
func TestEndsThoughOutputIsStuck(t *testing.T) {
	until := make(chan struct{})
	defer close(until)
	ctx, cancel := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	defer keys.Close()
	cfg := testWorld(t).config()
	cfg.Terminal = tui.Terminal{In: in, Out: stuck{until}, Size: tui.Size{Cols: 80, Rows: 24}, Env: []string{"TERM=xterm"}}
	ended := make(chan error, 1)
	go func() { ended <- tui.Run(ctx, cfg) }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func TestResize(t *testing.T) {
	p := sit(t, testWorld(t).config(), 120, 40)
	p.sees("postgres@db2", "allowed") // beside the list
	p.resize <- tui.Size{Cols: 30, Rows: 5}
	p.sees("too small: 40×10 needed")
	p.resize <- tui.Size{Cols: 60, Rows: 8}
	p.sees("This window is too small: 60×8.", "It takes 40×10.")
	p.resize <- tui.Size{Cols: 40, Rows: 10}
	p.sees("postgres@db2", "? help")
	p.resize <- tui.Size{Cols: 80, Rows: 24}
	p.sees("postgres@db2")
}

// Each role has its views, and no more.
func TestTabsByRole(t *testing.T) {
	cfg := testWorld(t).config()
	cfg.Roles = tui.Roles{}
	p := sit(t, cfg, 80, 24)
	p.sees("Hosts", "Mine", "must ask")
	if s := p.text(); strings.Contains(s, "Sessions") || strings.Contains(s, "Approvals") {
		t.Fatalf("an engineer sees:\n%s", s)
	}
}

// A page that panics, or whose source does, is a line and not a trace.
func TestPanicIsALine(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.Open = func(context.Context, access.Session) (tui.Recording, error) { panic("SECRET") }
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees("✗ failed: this page failed")
	p.press("q")
	p.sees("/ to filter")
	if s := p.sent(); strings.Contains(s, "SECRET") || strings.Contains(s, "goroutine") {
		t.Fatal("the panic reached the terminal")
	}
}

func TestDecide(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("Approvals 2")
	p.press("\t", "d")
	p.sees("Deny? alice wants root@db1")
	p.press("\r") // a denial says why
	p.press("not now", "\r")
	p.sees("✓ alice on root@db1: denied", "Approvals 1")
	p.press("a")
	p.sees("Approve? ")
	p.press("\r")
	p.sees("erin on deploy@web3: approved", "Nothing waits for you")
	want := []string{"carol deny " + id(61) + ": not now", "carol approve " + id(60) + ": "}
	if got := w.done(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("the desk was told %q", got)
	}
}

func TestDeskRefuses(t *testing.T) {
	w := testWorld(t)
	w.fails = access.Refuse(access.ReasonDecided, "bob has approved this already", "").About(id(61))
	p := sit(t, w.config(), 80, 24)
	p.sees("Approvals 2")
	p.press("\t", "a")
	p.sees("Approve? ")
	p.press("\r")
	p.sees("✗ refused: bob has approved this already")
}

func TestMine(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("Mine 2")
	p.press("4", "c")
	p.sees("Cancel the request for root@db2?")
	p.press("\r")
	p.sees("request for root@db2 cancelled")
	p.press("j", "e")
	p.sees("Give root@web3 back?")
	p.press("\x1b")
	p.gone("Give root@web3 back?")
	if got := strings.Join(w.done(), "\n"); got != "carol cancel "+id(52) {
		t.Fatalf("the desk was told %q", got)
	}
}

// Access is asked for ahead from the list of hosts, with a time where one is
// wanted; where access is standing there is nothing to ask.
func TestAskAhead(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("Mine 2")
	p.press("3", "a")
	p.sees("Ask for which login on db1?")
	p.press("\r")
	p.sees("Ask for root@db1", "reason:")
	p.press("2h INC-42 deploy", "\r")
	p.sees("✓ asked for root@db1 (R9)")
	p.press("j", "j", "a")
	p.gone("Ask for")
	if got := strings.Join(w.done(), "\n"); got != "carol ask root@db1 2h0m0s: INC-42 deploy" {
		t.Fatalf("the desk was told %q", got)
	}
	p.press("4", "j", "m")
	p.sees("More time on root@web3")
	p.press("30m still building", "\r")
	p.sees("✓ asked for more time on root@web3 (R10)")
	if got := w.done(); !strings.HasSuffix(got[len(got)-1], " 30m0s: still building") {
		t.Fatalf("the desk was told %q", got)
	}
}

// What an approver decides on is what Slack shows: why, what is unusual, who is
// asked and how many are missing. Less time may be given.
func TestApproveForLess(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 120, 40)
	p.sees("Approvals 2")
	p.press("\t")
	p.sees("alice wants root@db1 for 1h", "unusual   first time on db1 · new address 10.1.2.3", "known     asked 3 times",
		"host      db1 · env=prod role=db", "approved  by nobody yet; 2 needed", "asked     dan, bob, carol")
	p.press("a", "2h")
	p.sees("more than was asked for: only up to 1h")
	p.press("\x15", "30m until the freeze")
	p.sees("for 30m, not 1h")
	p.press("\r")
	p.sees("✓ alice on root@db1: approved for 30m")
	if got, want := w.done(), []string{"carol approve " + id(61) + " for 30m0s: until the freeze"}; !slices.Equal(got, want) {
		t.Fatalf("the desk was told %q, want %q", got, want)
	}
}

// When somebody else decides while one still types, the box says who, and what
// is typed on decides nothing else.
func TestSomebodyElseIsFirst(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("Approvals 2")
	p.press("\t", "a", "loo")
	p.sees("Approve? alice wants", "note: loo")
	w.mu.Lock()
	w.requests[0].State = access.RequestDenied
	w.requests[0].Decisions = []access.Decision{{Person: "bob", Verdict: access.VerdictDeny, At: start.Add(9 * time.Second)}}
	w.mu.Unlock()
	p.sees("bob has denied it already, at 15:09:35 UTC.")
	p.press("ks good\r")
	p.gone("Approve?")
	p.sees("Approvals 1", "erin wants deploy@web3")
	if got := w.done(); len(got) > 0 {
		t.Fatalf("the desk was told %q", got)
	}
}

// slowToClose is a recording whose end takes until it may: a database that
// does not answer.
type slowToClose struct {
	tui.Recording
	closing, may chan struct{}
}

func (s slowToClose) Close() error {
	close(s.closing)
	<-s.may
	return s.Recording.Close()
}

// Closing a recording, which may be an audit event, never holds the screen;
// and what was begun is done before the program ends.
func TestClosingNeverHoldsTheScreen(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	closing, may := make(chan struct{}), make(chan struct{})
	cfg.Open = func(ctx context.Context, s access.Session) (tui.Recording, error) {
		r, err := w.open(ctx, s)
		return slowToClose{r, closing, may}, err
	}
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("\r")
	p.sees("● LIVE")
	p.press("q")
	<-closing
	p.sees("1 live · 20 sessions")
	p.press("?")
	p.sees("any key closes")
	p.press("x", "q")
	select {
	case err := <-p.ended:
		t.Fatalf("it ended with the recording still open: %v", err)
	case <-time.After(100 * time.Millisecond): // it may only be too early to tell
	}
	close(may)
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
}

// A break-glass access waits for its review, which says what was found.
func TestReview(t *testing.T) {
	w := testWorld(t)
	w.requests = append(w.requests, access.Request{ID: access.RequestID(id(5)), Person: "alice", Target: access.Target{Login: "root", Host: "db9"},
		Reason: "the site burns", For: time.Hour, State: access.RequestApproved, BreakGlass: true, RequestedAt: start.Add(-3 * time.Hour)})
	p := sit(t, w.config(), 80, 24)
	p.sees("Approvals 3")
	p.press("\t", "G")
	p.sees("BREAK-GLASS: alice let themselves in as root@db9", "! review owed", "v review")
	p.press("a", "d") // there is nothing to decide
	p.press("v", "\r", "nothing but the restart\r")
	p.sees("✓ alice on root@db9: reviewed", "Approvals 2")
	if got, want := w.done(), []string{"carol review " + id(5) + ": nothing but the restart"}; !slices.Equal(got, want) {
		t.Fatalf("the desk was told %q, want %q", got, want)
	}
}
