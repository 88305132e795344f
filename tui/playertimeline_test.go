package tui_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/vt"
)

// laneCast is 80 seconds, so that a column of 80 is one of them.
func laneCast() *cast {
	c := newCast(80, 24, false)
	c.out(500*time.Millisecond, "begins\n")
	c.event(10*time.Second, "m", "put /srv/app.tar 3.0 MiB ok") // 10
	c.out(100*time.Millisecond, "needle\n")
	c.event(9900*time.Millisecond, "m", "get /etc/passwd 1.0 KiB ok") // 20
	c.event(100*time.Millisecond, "m", "put /etc/passwd 1.0 KiB ok")
	c.event(9900*time.Millisecond, "m", "remove /srv/old ok") // 30
	c.event(10*time.Second, "r", "100x30")                    // 40
	c.event(100*time.Millisecond, "m", "warned")
	c.event(9900*time.Millisecond, "r", "80x24") // 50
	c.out(29400*time.Millisecond, "ends, with a needle")
	c.event(100*time.Millisecond, "m", "last") // 80
	return c
}

// laneOf is the line of the lane: the third from below.
func laneOf(screen string) string {
	lines := strings.Split(strings.TrimRight(screen, "\n"), "\n")
	if len(lines) < 3 {
		return ""
	}
	return strings.TrimRight(lines[len(lines)-3], " ")
}

// The lane tells what happened where: also where several things fall together,
// what is cut as idle, and where the player stands upon something.
func TestLane(t *testing.T) {
	w := testWorld(t)
	if err := laneCast().save(filepath.Join(w.dir, "exec")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 2, " / 1:20")
	p.press("g", "i", "i") // at most ten seconds of idle time: nothing is cut but the last half minute
	lane := func(want string) {
		t.Helper()
		p.waits("lane\n"+want+"\nbut\n"+laneOf(p.text()), func(screen string) bool { return laneOf(screen) == want })
	}
	//                0         1         2         3         4         5         6         7         8
	lane("▲         ↑         ⇅         ±         ◆         ↔          ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄◆")
	p.press("i") // idle time as it was
	lane("▲         ↑         ⇅         ±         ◆         ↔                            ◆")
	p.press("/", "needle", "\r")
	lane("          ★         ⇅         ±         ◆         ↔                            ★")
	p.sees("found “needle” 1 of 2", "0:10 /")
	p.press("n")
	p.sees("2 of 2", "1:19 /")
	p.press("N")
	p.sees("1 of 2", "0:10 /")
	p.press("N")
	p.sees("not found before here “needle”")
	p.press("]")
	p.sees("0:20 /", "◆ get /etc/passwd 1.0 KiB ok")

	// A click on the lane goes to what stands there, one on the heat to the time.
	p.press("\x1b[<0;41;28M", "\x1b[<0;41;28m")
	p.sees("0:40 /")
	p.press("\x1b[<0;61;27M", "\x1b[<0;61;27m")
	p.sees("1:00 /")
	p.press("?")
	p.sees("★ found", "↑ file to the host", "┄ idle, cut", "several")
}

// What is most to the point is shown, and that there is more.
func TestLaneUnderlinesSeveral(t *testing.T) {
	w := testWorld(t)
	if err := laneCast().save(filepath.Join(w.dir, "exec")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 2, " / 1:20")
	p.press("g")
	p.waits("an underlined ◆ and a ⇅ without", func(string) bool { return p.underlined("◆") && !p.underlined("⇅") })
}

// underlined reports whether a cell with this sign is.
func (p *person) underlined(sign string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	cols, rows := p.screen.Size()
	for y := range rows {
		for x := range cols {
			if c := p.screen.Cell(x, y); c.Content == sign && c.Style.Underline != vt.NoUnderline {
				return true
			}
		}
	}
	return false
}

// However long a recording is, no mark is left out of the lane.
func TestLaneOfALongRecording(t *testing.T) {
	w := testWorld(t)
	c := newCast(80, 24, true)
	for i := range 20_000 { // five and a half hours
		c.out(time.Second, "x")
		if i%5000 == 2600 {
			c.event(0, "m", "warned")
		}
	}
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 1, " / 5:33:20")
	p.press("g")
	want := "▲" + strings.Repeat(strings.Repeat(" ", 19)+"◆", 4)
	want = strings.Replace(want, " ", "", 10)
	p.waits("lane\n"+want, func(screen string) bool { return laneOf(screen) == want })
}
