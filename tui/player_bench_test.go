package tui_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// longCast is ten hours at a terminal: a line every tenth of a second, in
// colour, with a head that stays.
func longCast() (*cast, int) {
	const lines = 10 * 36_000
	c := newCast(120, 36, true)
	c.out(0, "\x1b[Htop of it\x1b[2;36r\x1b[2;1H")
	for i := range lines {
		c.out(100*time.Millisecond, fmt.Sprintf("\x1b[3%dmline %06d\x1b[m %s\r\n", i%7+1, i, strings.Repeat("x", 20+i%60)))
	}
	return c, lines
}

// BenchmarkSeek is from a key to the moment that was asked for on the screen,
// in a recording of ten hours, as the player does it: with the keyframes beside
// the recording from the first second on, or with those that it makes itself.
func BenchmarkSeek(b *testing.B) {
	c, lines := longCast()
	for _, stored := range []bool{true, false} {
		b.Run(fmt.Sprintf("keyframes=%v", stored), func(b *testing.B) {
			w := benchWorld(b)
			folder := filepath.Join(w.dir, "shell")
			if err := c.save(folder); err != nil {
				b.Fatal(err)
			}
			if stored {
				cast, err := os.ReadFile(filepath.Join(folder, "session.cast"))
				if err != nil {
					b.Fatal(err)
				}
				keyframed(b, folder, cast)
			}
			p := sit(b, w.config(), 130, 42)
			p.sees("postgres@db2")
			p.press("j", "\r")
			p.seesInTime(" / 10:00:0")
			p.press(" ")
			p.sees("paused")
			r := rand.New(rand.NewPCG(1, 2))
			var took []time.Duration
			for b.Loop() {
				i := 100 + r.IntN(lines-200)
				text := fmt.Sprintf("line %06d", i)
				began := time.Now()
				p.press(":", fmt.Sprintf("%.2f", float64(i+1)/10+0.05), "\r")
				p.seesInTime(text)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
		})
	}
}

// still is an hour in which nothing happens.
func still(c *cast) {
	c.out(0, "$ ")
	c.event(time.Hour, "m", "over")
}

// BenchmarkPlay is what goes to a terminal while the player plays at 1×: frames
// and bytes a second, of a screen that scrolls without pause, of a full-screen
// program that ticks, of one where nothing happens, and while it is paused.
func BenchmarkPlay(b *testing.B) {
	casts := map[string]func(*cast){
		"scrolling": func(c *cast) {
			for i := range 2000 {
				c.out(20*time.Millisecond, fmt.Sprintf("\x1b[3%dmline %06d\x1b[m %s\r\n", i%7+1, i, strings.Repeat("x", 20+i%60)))
			}
		},
		"top": func(c *cast) {
			for i := range 40 {
				c.out(time.Second, fmt.Sprintf("\x1b[H\x1b[7mtop - %02d up 12 days\x1b[m\r\n", i))
				for row := range 20 {
					c.out(0, fmt.Sprintf("%5d root  20   0 %5.1f %5.1f  process-%d\x1b[K\r\n", 100+row, float64((i*7+row*13)%100), float64(row), row))
				}
			}
		},
		"still":  still,
		"paused": still,
	}
	for _, name := range []string{"scrolling", "top", "still", "paused"} {
		b.Run(name, func(b *testing.B) {
			w := benchWorld(b)
			c := newCast(100, 30, true)
			casts[name](c)
			if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
				b.Fatal(err)
			}
			cfg := w.config()
			began := time.Now()
			cfg.Now = func() time.Time { return start.Add(time.Since(began)) }
			p := sit(b, cfg, 110, 36)
			p.sees("postgres@db2")
			p.press("j", "\r")
			p.seesInTime("playing ")
			switch name {
			case "paused":
				p.press(" ")
				p.sees("paused")
			case "still":
				p.press("i", "i", "i") // idle time as it was
				p.sees("idle as it was")
			}
			var bytes, frames int
			for b.Loop() {
				before, writes := len(p.sent()), p.count()
				<-time.After(5 * time.Second) // what is measured is what comes in so long
				bytes, frames = bytes+len(p.sent())-before, frames+p.count()-writes
			}
			seconds := 5 * float64(b.N)
			b.ReportMetric(float64(bytes)/seconds, "B/s")
			b.ReportMetric(float64(frames)/seconds, "frames/s")
			if frames > 0 {
				b.ReportMetric(float64(bytes)/float64(frames), "B/frame")
			}
		})
	}
}

// count is how many writes came so far: one for each frame.
func (p *person) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes
}

func benchWorld(b *testing.B) *world {
	b.Helper()
	w, err := newWorld(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	return w
}
