package tui_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// replay opens the recording of the row-th session, paused at its start.
func replay(t *testing.T, w *world, row int, ready string) *person {
	t.Helper()
	p := sit(t, w.config(), 80, 30)
	p.sees("postgres@db2")
	p.press(strings.Repeat("j", row), "\r")
	p.sees(ready)
	p.press(" ")
	p.sees("paused")
	return p
}

func TestSeek(t *testing.T) {
	p := replay(t, testWorld(t), 1, "0:00 / 0:36")
	p.press("l")
	p.sees(" 0:05 / 0:36", "vacuum analyze orders_11")
	p.press("h")
	p.sees(" 0:00 / 0:36")
	p.gone("vacuum")
	p.press(":", "31", "\r")
	p.sees("0:31 / 0:36", "postgresql.conf", "100×30", "rows 6–30")
	p.press("[")
	p.sees(" 0:05 / 0:36", "◆ grant ends in 5 minutes", "80×24")
	p.press("}")
	p.sees("0:25 / 0:36")
	p.press("L")
	p.sees("0:36 / 0:36", "■ end")
	p.press("H")
	p.sees(" 0:00 / 0:36")
	p.press(":", "soon", "\r")
	p.sees("✗ refused: times are")
}

func TestStep(t *testing.T) {
	p := replay(t, testWorld(t), 1, "0:00 / 0:36")
	p.press(":", "1", "\r")
	p.sees(" 0:01 / 0:36", "psql -")
	p.press(".", ".", ".") // each counts, however fast they come
	p.sees("psql -c '")
	p.press(",")
	p.waits("one character less", func(s string) bool { return strings.Contains(s, "psql -c") && !strings.Contains(s, "psql -c '") })
}

func TestSearch(t *testing.T) {
	p := replay(t, testWorld(t), 1, "0:00 / 0:36")
	p.press("/", "drop table", "\r")
	p.sees("found “drop table”", "DROP TABLE")
	p.press("n")
	p.sees("not found after here")
	p.sees("DROP TABLE") // and it stays where it was
	p.press("g", "/", "Orders_03", "\r")
	p.sees("found “orders_03”", "orders_03")
	p.gone("orders_04")
}

// A live recording is followed as it grows, and its end is told.
func TestFollow(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 30)
	p.sees("postgres@db2")
	p.press("\r")
	p.sees("● LIVE", "checkpoint 39")
	f, err := os.OpenFile(filepath.Join(w.dir, "live", "session.cast"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("[45.5, \"o\", \"half a li"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("ne, then whole\\r\\n\"]\n"); err != nil {
		t.Fatal(err)
	}
	p.sees("half a line, then whole")
	w.mu.Lock()
	w.sessions[0].State, w.sessions[0].EndCause, w.sessions[0].EndedAt = access.SessionSealed, access.EndDisconnect, start
	w.mu.Unlock()
	p.sees("the session ended: disconnect")
}

// A long recording is gone through at once, back and forth, without being
// held in memory.
func TestLongRecording(t *testing.T) {
	w := testWorld(t)
	c := newCast(100, 30, true)
	for i := range 60_000 {
		c.out(100*time.Millisecond, fmt.Sprintf("\x1b[3%dmline %06d %s\x1b[m\r\n", i%7+1, i, strings.Repeat("x", 60)))
	}
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 1, " / 1:40:00")
	for _, at := range []struct{ key, sees string }{{"9", "line 053999"}, {"1", "line 005999"}, {"5", "line 029999"}, {"g", " 0:00 / 1:40:00"}, {"G", "line 059999"}} {
		began := time.Now()
		p.press(at.key)
		p.sees(at.sees)
		t.Logf("%s after %v", at.key, time.Since(began).Round(time.Millisecond))
	}
}

// A damaged line is passed over and told.
func TestDamagedLine(t *testing.T) {
	w := testWorld(t)
	c := newCast(80, 24, true)
	c.out(time.Second, "one\r\n")
	c.lines = append(c.lines, "[2.0, \"o\", garbage")
	c.out(2*time.Second, "three\r\n")
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 1, " / 0:03")
	p.press("G")
	p.sees("one", "three", "damaged here")
}

func TestMissingRecording(t *testing.T) {
	w := testWorld(t)
	w.sessions[1].Recording = "nowhere"
	p := sit(t, w.config(), 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees("This recording cannot be shown", "✗ failed")
}

// Thousands of sessions come page by page as the cursor goes down.
func TestPaging(t *testing.T) {
	w := testWorld(t)
	proto := w.sessions[1]
	w.sessions = nil
	for i := range 5000 {
		s := proto
		s.ID = access.SessionID(id(9000 - i))
		s.StartedAt = start.Add(-time.Duration(i) * time.Minute)
		if i == 4321 {
			s.Target.Host = "needle"
		}
		w.sessions = append(w.sessions, s)
	}
	p := sit(t, w.config(), 80, 24)
	p.sees("200+ sessions")
	p.press(strings.Repeat("\x06", 20)) // page down
	p.sees("400+ sessions")
	p.press(strings.Repeat("\x06", 20))
	p.sees("600+ sessions")
	p.press("/", "host:need*", "\r")
	p.sees("needle", "1 session\n")
}

var _ tui.Sessions = (*world)(nil)
