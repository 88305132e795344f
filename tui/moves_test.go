package tui_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Playing goes as fast as it says, from a quarter of the time to 64 times it.
func TestSpeeds(t *testing.T) {
	w := testWorld(t)
	c := newCast(80, 24, true)
	for range 3000 {
		c.out(100*time.Millisecond, "tick\r\n")
	}
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	var passed atomic.Int64 // seconds
	cfg := w.config()
	cfg.Now = func() time.Time { return start.Add(time.Duration(passed.Load()) * time.Second) }
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees("▶ playing", "0:00 / 5:00", " 1×")
	p.press(strings.Repeat("<", 9)) // no slower than the slowest
	for _, speed := range []float64{0.25, 0.5, 1, 2, 4, 8, 16, 32, 64} {
		p.press(" ", "g")
		said := strconv.FormatFloat(speed, 'g', -1, 64) + "×"
		p.sees("⏸ paused  0:00 /", " "+said)
		p.press(" ")
		p.sees("▶ playing 0:00 /", " "+said)
		// A second that passes while the deck works does not count, so
		// several may be needed; all that count are whole.
		at, seconds := 0, 0
		for ; at == 0 && seconds < 100; seconds++ {
			passed.Add(1)
			for late := time.After(time.Second / 2); at == 0 && late != nil; at = p.standsAt() {
				select {
				case <-p.changed:
				case <-late:
					late = nil
				}
			}
		}
		if fast := float64(seconds) * speed; at == 0 || float64(at) > fast || speed > 1 && at%int(speed) != 0 {
			t.Errorf("at %s the player stands at %d s after %d s", said, at, seconds)
		}
		p.press(">")
	}
	p.sees(" 64×")
}

var standing = regexp.MustCompile(`playing (\d+):(\d\d) /`)

// standsAt is the second at which the player stands.
func (p *person) standsAt() int {
	m := standing.FindStringSubmatch(p.text())
	if m == nil {
		return 0
	}
	minutes, _ := strconv.Atoi(m[1]) // digits
	seconds, _ := strconv.Atoi(m[2])
	return 60*minutes + seconds
}

// The view moves over a recording that is larger than the window, by keys and
// by the wheel, and follows the cursor again when it is freed.
func TestPan(t *testing.T) {
	w := testWorld(t)
	c := newCast(200, 60, true)
	for y := range 60 {
		c.out(time.Millisecond, fmt.Sprintf("\x1b[%d;1Hleft%02d\x1b[%d;190Hright%02d", y+1, y, y+1, y))
	}
	c.out(time.Millisecond, "\x1b[1;1H")
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	p := sit(t, w.config(), 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees("▶  alice")
	p.press("G")
	p.sees("left00", "left18", "rows 1–19  columns 1–80")
	p.press("\x1b[B")
	p.sees("left19", "rows 2–20")
	p.press("\x1b[C", "\x1b[C")
	p.sees("rows 2–20  columns 9–88")
	p.gone("left")
	p.press(strings.Repeat("\x1b[1;2C", 4)) // with shift, ten times as far
	p.sees("right01", "columns 121–200")
	p.press(strings.Repeat("\x1b[1;2D", 4), "\x1b[A")
	p.sees("left00", "rows 1–19  columns 1–80")
	p.press("\x1b[<65;10;10M")
	p.gone("left00")
	p.press("c")
	p.sees("left00", "rows 1–19  columns 1–80")
}

// What a live session passed is told when it is known.
func TestLiveBytesAreNotGuessed(t *testing.T) {
	p := sit(t, testWorld(t).config(), 120, 40)
	p.sees("dave", "bytes     counted when it ends")
	p.press("j")
	p.sees("bytes     47.1 KiB out · 412 B in")
}

// A request that comes in meanwhile does not slip under the cursor; and
// clicks choose only rows, and none while a box is open.
func TestMineKeepsItsPlace(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("Mine 2")
	p.press("4")
	p.sees("quarterly check")
	p.press("\x1b[<0;10;5M") // the second row
	p.sees("▌ root@web3")
	w.mu.Lock()
	w.requests = append([]access.Request{{ID: access.RequestID(id(70)), Person: "carol", Target: access.Target{Login: "root", Host: "db9"},
		Reason: "just now", State: access.RequestPending, RequestedAt: start, WaitUntil: start.Add(time.Hour)}}, w.requests...)
	w.mu.Unlock()
	p.sees("root@db9", "▌ root@web3")
	p.press("e")
	p.sees("Give root@web3 back?")
	p.press("\x1b[<0;10;4M")
	p.press("\x1b")
	p.gone("Give root@web3 back?")
	p.sees("▌ root@web3")
	p.press("\x1b[<0;10;20M") // below the rows
	p.press("m", "\x1b[200~30m pasted\x1b[201~")
	p.sees("reason: 30m pasted")
	p.press("\x1b")
	p.sees("▌ root@web3")
}

// What is pasted goes where one types: into the reason, and not the filter.
func TestPasteIntoReason(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 80, 24)
	p.sees("postgres@db2")
	p.press("X")
	p.sees("End dave's session on postgres@db2?")
	p.press("\x1b[200~off the runbook\x1b[201~")
	p.sees("reason: off the runbook", "/ to filter")
	p.press("\r")
	p.sees("ended")
	if got := strings.Join(w.done(), "\n"); got != "carol kill "+id(50)+": off the runbook" {
		t.Errorf("the desk was told %q", got)
	}
}

// Clicks choose rows among the hosts, too.
func TestClicksAmongHosts(t *testing.T) {
	p := sit(t, testWorld(t).config(), 80, 24)
	p.sees("postgres@db2")
	p.press("3")
	p.sees("▌ db1")
	p.press("\x1b[<0;10;6M") // the second row
	p.sees("▌ db2")
	p.press("\x1b[<0;10;20M") // the details below
	p.press("\x1b[<0;10;4M")  // the header
	p.press("?")
	p.sees("any key closes")
	p.press("?")
	p.sees("▌ db2")
}
