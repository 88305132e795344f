package tui_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
)

// long is how long a test waits for what takes a while on a busy machine.
const long = time.Minute

// seesInTime waits longer than sees does.
func (p *person) seesInTime(texts ...string) {
	p.t.Helper()
	late := time.NewTimer(long)
	defer late.Stop()
	for {
		screen, missing := p.text(), ""
		for _, t := range texts {
			if !strings.Contains(screen, t) {
				missing = t
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-p.changed:
		case err := <-p.ended:
			p.t.Fatalf("waiting for %s, it ended with %v:\n%s", missing, err, screen)
		case <-late.C:
			p.t.Fatalf("no %q on the screen:\n%s", missing, screen)
		}
	}
}

// strange finds what is in the bytes to a terminal and was not drawn by us.
func strange(sent string) string {
	for _, known := range []*regexp.Regexp{drawn, modes, own} {
		sent = known.ReplaceAllString(sent, "")
	}
	for i, r := range sent {
		if r == '\r' || r == '\n' || r == '\b' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Co) || r == unicode.ReplacementChar {
			return fmt.Sprintf("%q in %q", r, sent[max(i-40, 0):min(i+40, len(sent))])
		}
	}
	return ""
}

// many is a number of what is hostile where a tenth of it shows the same, but
// for what the race detector takes: the whole of it in a soak.
func many(n int) int {
	if os.Getenv("SALLYPORT_SOAK") != "" {
		return n
	}
	return n / 10
}

// hostileFiles are recordings that somebody wrote to hurt whoever opens them.
var hostileFiles = map[string]func(c *cast){
	"a line of ten megabytes": func(c *cast) { c.out(0, strings.Repeat("x", 10<<20)) },
	"a clipboard without an end": func(c *cast) {
		c.out(0, "\x1b]52;c;"+strings.Repeat("RVZJTA==", 1<<20))
		c.out(0, strings.Repeat("RVZJTA==", 1<<10)+"\a")
	},
	"a DCS without an end":     func(c *cast) { c.out(0, "\x1bPq"+strings.Repeat("#0~", 1<<20)); c.out(0, "\x1b\\") },
	"marks without a number":   func(c *cast) { c.out(0, "e"+strings.Repeat("\u0301", 1_000_000)+"\r\n") },
	"joiners without a number": func(c *cast) { c.out(0, strings.Repeat("👨\u200d", 100_000)+"\r\n") },
	"variation selectors": func(c *cast) {
		c.out(0, "❤"+strings.Repeat("\ufe0f\ufe0e", 100_000)+strings.Repeat("🇩🇪", 10_000))
	},
	"bidirectional text": func(c *cast) { c.out(0, strings.Repeat("\u202e\u2066abc\u2069אבג", 50_000)) },
	"repetitions":        func(c *cast) { c.out(0, strings.Repeat("ab\x1b[999999999b", many(20_000))) },
	"scrolls, insertions, deletions": func(c *cast) {
		c.out(0, strings.Repeat("\x1b[999999999S\x1b[999999999T\x1b[999999999L\x1b[999999999@\x1b[999999999P\x1b[999999999X\x1b[999999999I", many(5_000)))
	},
	"sizes without a measure": func(c *cast) {
		for range many(200) {
			c.event(0, "r", "65535x65535")
			c.out(0, "\x1b[999;999H#\x1b#8")
			c.event(0, "r", "1x1")
			c.event(0, "r", "99999999999999999999x-5")
		}
		c.event(0, "r", "80x24")
	},
	"an endless row of parameters": func(c *cast) { c.out(0, "\x1b["+strings.Repeat("38;2;1;2;3;", 1<<18)+"m") },
	"events without a number": func(c *cast) {
		for range many(200_000) {
			c.lines = append(c.lines, `[0.5, "m", "\u001b]52;c;RVZJTA==\u0007"]`, `[0.5, "r", "81x24"]`, `[0.4, "o", "."]`)
		}
		c.event(0, "r", "80x24")
	},
	"times that run away": func(c *cast) {
		c.lines = append(c.lines, `[5.0, "o", "five "]`, `[1.0, "o", "one "]`, `[-3, "o", "minus "]`, `[1e300, "o", "never "]`, `[1e3, "o", "then "]`,
			`[99999999999999999999, "o", "late "]`, `["x", "o", "worse"]`, `[NaN, "o", "nan"]`, `[]`, `[[[[[[`, ``, "\x00")
	},
	"what holds no event": func(c *cast) {
		c.lines = append(c.lines, strings.Repeat("[", 1<<20), strings.Repeat("[1.0, \"o\", \"x\", ", 1000), `[1.0, "o"]`, `{"a":1}`, `[1.0, "\u0000", "x"]`, `[1.0, "o", {"x":1}]`)
	},
	"a screen without a measure": func(c *cast) {
		c.header["width"], c.header["height"] = 1<<30, 1<<30
		c.out(0, "\x1b[999999999;999999999H#")
	},
	"a screen of nothing": func(c *cast) { c.header["width"], c.header["height"] = -1, 0 },
	"a title without an end": func(c *cast) {
		c.header["title"] = strings.Repeat("\x1b]0;EVIL\a", 1000)
		c.out(0, "\x1b]0;"+strings.Repeat("EVIL\u202e", 1<<18)+"\a")
	},
}

// Whatever a file holds: only cells that we draw reach the terminal, memory
// stays bounded, and keys are answered (invariants 10 and 12).
func TestHostileFiles(t *testing.T) {
	for name, write := range hostileFiles {
		t.Run(name, func(t *testing.T) {
			w := testWorld(t)
			c := newCast(80, 24, true)
			c.out(0, "begin\r\n")
			write(c)
			c.lines = append(c.lines, `[7.0, "o", "\u001bc\u001b[!p\u001b[2J\u001b[Hit is quiet"]`)
			if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
				t.Fatal(err)
			}
			size := int64(0)
			if info, err := os.Stat(filepath.Join(w.dir, "shell", "session.cast")); err == nil {
				size = info.Size()
			}
			c.lines = nil
			before := heap()
			p := sit(t, w.config(), 100, 30)
			p.sees("postgres@db2")
			p.press("j", "\r")
			p.seesInTime("alice →")
			p.press("G")
			p.seesInTime("■ end")
			p.press("/", "quiet", "\r", "f")
			p.seesInTime("INC-4702")
			p.press("f", "g", ":", "3", "\r") // where what is hostile is on the screen
			p.seesInTime(" 0:03 /")
			p.press("G")
			p.seesInTime("■ end")
			p.press("]", "[", "}", "5", ",", ".", "z", "z", "y", "?")
			p.seesInTime("how much was shown")
			p.press("q", "G")
			p.seesInTime("■ end")
			if grown := heap() - before; grown > 200<<20 {
				t.Errorf("a file of %d KiB holds %d MiB", size>>10, grown>>20)
			}
			p.press("q", "q")
			if err := p.ends(); err != nil {
				t.Fatal(err)
			}
			sent := clipboard.ReplaceAllStringFunc(p.sent(), func(string) string { return "" }) // y, and it alone
			if found := strange(sent); found != "" {
				t.Errorf("reached the terminal: %s", found)
			}
			for _, text := range p.copied() {
				if found := strange(text); found != "" || strings.Contains(text, "\x1b") {
					t.Errorf("reached the clipboard: %s", found)
				}
			}
			if len(p.copied()) > 1 {
				t.Error("the clipboard was written by the recording")
			}
		})
	}
}

// heap is what is in use when all that is not is gone.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
