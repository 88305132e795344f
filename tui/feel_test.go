package tui_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// What a person sees depends on who they are, and so do the keys.
func TestTabsOfEachRole(t *testing.T) {
	all := []string{"Sessions", "Approvals", "Hosts", "Mine"}
	tests := []struct {
		roles  tui.Roles
		person access.PersonName
		rights bool
		want   string
	}{
		{tui.Roles{Auditor: true, Approver: true}, "carol", true, "Sessions Approvals Hosts Mine"},
		{tui.Roles{Auditor: true}, "carol", true, "Sessions Hosts Mine"},
		{tui.Roles{Approver: true}, "carol", true, "Approvals Hosts Mine"},
		{tui.Roles{}, "carol", true, "Hosts Mine"},
		{tui.Roles{Auditor: true}, "", false, "Sessions"},
		{tui.Roles{}, "", false, ""},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.want, " ", "-"), func(t *testing.T) {
			cfg := testWorld(t).config()
			cfg.Roles, cfg.Actor.Person = tt.roles, tt.person
			if !tt.rights {
				cfg.Rights = nil
			}
			p := sit(t, cfg, 80, 24)
			p.sees("? help")
			got := strings.Fields(strings.SplitN(p.text(), "\n", 2)[0])
			var tabs []string
			for _, f := range got {
				for _, name := range all {
					if f == name {
						tabs = append(tabs, f)
					}
				}
			}
			if s := strings.Join(tabs, " "); s != tt.want {
				t.Errorf("tabs %q, want %q", s, tt.want)
			}
		})
	}
}

// The end of a session is only offered to who may end it.
func TestKillIsOfferedToWhoMay(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.MayKill = func(access.Session) bool { return false }
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("X", "?")
	p.sees("any key closes")
	if s := p.text(); strings.Contains(s, "end a live session") || strings.Contains(s, "End dave") {
		t.Errorf("it is offered:\n%s", s)
	}
	p.press("x", "\r")
	p.sees("● LIVE")
	p.press("k", "X", "?")
	p.sees("any key closes")
	if s := p.text(); strings.Contains(s, "end the session") {
		t.Errorf("it is offered:\n%s", s)
	}
	if got := w.done(); len(got) > 0 {
		t.Errorf("the desk was told %q", got)
	}
}

// A click on a header sorts by it, a second one the other way; one on a row
// chooses it, and one on the chosen row opens it.
func TestMouse(t *testing.T) {
	p := sit(t, testWorld(t).config(), 80, 24)
	p.sees("postgres@db2")
	click := func(x, y int) { p.press(fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", x+1, y+1, x+1, y+1)) }
	click(3, 3)
	p.waits("sorted by person", func(s string) bool {
		l := strings.Split(s, "\n")
		return strings.Contains(l[3], "person ▲") && strings.Contains(l[4], "dave") && strings.Contains(l[5], "alice")
	})
	click(3, 3)
	p.waits("sorted the other way", func(s string) bool {
		l := strings.Split(s, "\n")
		return strings.Contains(l[3], "person ▼") && strings.Contains(l[4], "● live") && strings.Contains(l[5], "mallory")
	})
	click(10, 5)
	p.sees("▌ mallory")
	click(10, 5)
	p.sees("▶  mallory → root@db1", "killed")
	p.press("q")
	p.sees("▌ mallory")
	click(30, 0) // a tab
	p.sees("alice wants root@db1")
	click(20, 4)
	p.sees("erin wants deploy@web3")
}

// Whatever is wrong in a filter line is pointed at.
func TestFilterPointsAtWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ typed, marks, says string }{
		{"user:alice colour:red", "             ^^^^^^^^^^", "keys: user host kind"},
		{"kind:shells", "  ^^^^^^^^^^^", "one of shell, exec, sftp or forward"},
		{"x since:soon y", "    ^^^^^^^^^^", "a time ago or a day"},
		{"flag:x", "  ^^^^^^", "one of break-glass or auto"},
		{"host:[", "  ^^^^^^", "no pattern"},
		{"colour:", "  ^^^^^^^", "keys: user"},
		{"\"a b\" state:dead", "        ^^^^^^^^^^", "one of live, sealed or recovered"},
	} {
		t.Run(tt.typed, func(t *testing.T) {
			p := sit(t, testWorld(t).config(), 80, 24)
			p.sees("postgres@db2", "Approvals 2")
			p.press("/", tt.typed)
			p.waits(tt.marks, func(s string) bool {
				l := strings.Split(s, "\n")
				return strings.TrimRight(l[3], " ") == tt.marks && strings.Contains(l[4], tt.says)
			})
			p.press("\r") // it stays to be mended
			p.press("\x15", "user:erin", "\r")
			p.waits("only erin's", func(s string) bool {
				return strings.Contains(s, "/ user:erin") && strings.Contains(s, "erin") && !strings.Contains(s, "mallory")
			})
		})
	}
}

// The whole line of the filter, as it is documented, finds what it says.
func TestFilterLine(t *testing.T) {
	w := testWorld(t)
	w.sessions[3].Approvers = []access.PersonName{"break-glass:mallory", "bob"}
	w.sessions[3].Kind = access.KindSFTP
	p := sit(t, w.config(), 100, 30)
	p.sees("postgres@db2")
	p.press("/", "user:mallory host:d?1 since:7d until:2026-03-14 approver:bob kind:sftp flag:break-glass state:sealed cause:kill 10.1.2.3", "\r")
	p.waits("mallory alone", func(s string) bool { return strings.Contains(s, "1 session\n") && strings.Contains(s, "▌ mallory") })
}

// trouble is a log that remembers errors.
type trouble struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *trouble) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *trouble) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Any keys, clicks, pastes and resizes in the middle of anything: nothing
// panics, and it still answers. The same ones every time.
func TestAnythingGoes(t *testing.T) {
	keys := strings.Split("j k h l g G / : n N d D i s S r v X a c m e f z y . , [ ] { } < > 0 5 9 ? t u w p \t \r \x1b \x1b[A \x1b[B \x1b[C \x1b[D \x1b[5~ \x1b[6~ \x1b[H \x1b[F \x15 \x17 \x7f kind:x user:a 1:30 40% \x1b[200~paste\x1b[201~ 日本 ʼ 1 2 3 4", " ")
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w, log := testWorld(t), &trouble{}
			w.log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
			p := sit(t, w.config(), 80, 24)
			p.sees("postgres@db2")
			rnd := rand.New(rand.NewPCG(seed, 1))
			for range 300 {
				switch rnd.IntN(12) {
				case 0:
					p.resize <- tui.Size{Cols: 1 + rnd.IntN(160), Rows: 1 + rnd.IntN(50)}
				case 1:
					p.press(fmt.Sprintf("\x1b[<%d;%d;%dM", []int{0, 64, 65}[rnd.IntN(3)], 1+rnd.IntN(120), 1+rnd.IntN(40)))
				default:
					p.press(keys[rnd.IntN(len(keys))])
				}
			}
			p.resize <- tui.Size{Cols: 39, Rows: 9}
			p.sees("too small")
			p.resize <- tui.Size{Cols: 80, Rows: 24}
			p.gone("too small")
			if s := log.text() + p.sent(); strings.Contains(s, "panic") || strings.Contains(s, "this page failed") || strings.Contains(s, "goroutine ") {
				t.Errorf("it panicked: %s", log.text())
			}
			p.press("\x03")
			if err := p.ends(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A terminal that can hold its picture until a frame is whole is asked to, over
// ssh as well: nothing flickers.
func TestFramesComeWhole(t *testing.T) {
	p := sit(t, testWorld(t).config(), 80, 24)
	p.sees("postgres@db2")
	if !strings.Contains(p.sent(), "\x1b[?2026$p") {
		t.Fatal("the terminal was not asked for synchronized output (mode 2026)")
	}
	p.press("\x1b[?2026;2$y") // as a terminal answers that has it
	p.press("j")
	p.sees("▌ alice")
	p.waits("frame in one piece", func(string) bool { return strings.Contains(p.sent(), "\x1b[?2026h") })
}
