package bastion

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// screen is what a terminal of so many columns would show of a panel: it knows
// what a panel uses, and folds what is too long.
type screen struct {
	cols  int
	lines []string
	row   int
}

func (s *screen) write(t *testing.T, text string) {
	t.Helper()
	if rest, ok := strings.CutPrefix(text, "\r\x1b["); ok {
		up, after, _ := strings.Cut(rest, "A\x1b[J")
		s.row -= len(up) * int(up[0]-'0') // one digit
		s.lines, text = s.lines[:s.row], after
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		last := strings.HasPrefix(line, "sallyport: approved") // nothing is drawn over it
		if strings.ContainsRune(line, 0x1b) || len([]rune(line)) >= s.cols && !last {
			t.Errorf("a line that folds, or more than a line: %q", line)
		}
		s.lines = append(s.lines, line)
		s.row++
	}
}

func TestPanel(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	s := &screen{cols: 72}
	rows := 24
	p := &panel{write: func(text string) { s.write(t, text) }, size: func() (int, int) { return s.cols, rows }, now: func() time.Time { return now }}
	w := access.Waiting{Request: "01M82E43GXN264NYQNRQ9JJY3X", Target: access.Target{Login: "root", Host: "db1"},
		Asked: []access.PersonName{"bob", "carol"}, Missing: 2, Until: now.Add(30 * time.Minute)}
	p.tell(w)
	now = now.Add(time.Second)
	p.draw()
	want := []string{
		"sallyport: waiting for approval of root@db1; 29m59s left. Ctrl-C withdra", // cut
		"  asked      bob, carol",
		"  approved   nobody yet; 2 more needed",
		"  request    01M82E43GXN264NYQNRQ9JJY3X",
	}
	want[0] = want[0][:71]
	if got := strings.Join(s.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
	// A change is drawn over it, with a line more.
	w.Approved, w.Unconfirmed, w.Missing = []access.PersonName{"bob"}, []access.PersonName{"carol"}, 1
	p.tell(w)
	if len(s.lines) != 5 || s.lines[2] != "  approved   bob; 1 more needed" || s.lines[3] != "  to confirm carol, with a key" {
		t.Errorf("%q", s.lines)
	}
	// Another width: what stood there has folded, so it is drawn below.
	s.cols = 40
	p.draw()
	if len(s.lines) != 10 {
		t.Errorf("%d lines", len(s.lines))
	}
	// A screen that is too low shows the top.
	rows = 3
	p.draw()
	if len(s.lines) != 7 {
		t.Errorf("%q", s.lines)
	}
	// The last word stays, whole.
	w.Approved, w.Unconfirmed, w.Missing = []access.PersonName{"bob", "carol"}, nil, 0
	p.tell(w)
	p.draw()
	if len(s.lines) != 6 || s.lines[5] != "sallyport: approved by bob, carol; connecting to root@db1 ("+string(w.Request)+")" {
		t.Errorf("%q", s.lines)
	}
}

// Each way of being let in says what it was.
func TestWaitingLine(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	base := access.Waiting{Request: "R", Target: access.Target{Login: "root", Host: "db1"}, Asked: []access.PersonName{"bob", "carol"}, Missing: 2, Until: now.Add(time.Minute)}
	for want, edit := range map[string]func(*access.Waiting){
		"waiting for approval of root@db1; asked: bob, carol (2 needed); until 10:01:00 UTC (1m0s left). Ctrl-C withdraws (R)": func(*access.Waiting) {},
		"approved by bob; 1 more needed for root@db1; carol must still confirm with a key until": func(w *access.Waiting) {
			w.Approved, w.Missing, w.Unconfirmed = []access.PersonName{"bob"}, 1, []access.PersonName{"carol"}
		},
		"BREAK-GLASS: you let yourself in, everybody is told and a review is owed; connecting to root@db1 (R)": func(w *access.Waiting) { w.Missing, w.BreakGlass = 0, true },
		"nobody had to be asked (on-call); connecting to root@db1 (R)":                                         func(w *access.Waiting) { w.Missing, w.Auto = 0, "on-call" },
	} {
		w := base
		edit(&w)
		if got := waitingLine(w, now); !strings.HasPrefix(got, "sallyport: "+want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
