package tui_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// What bubbletea itself draws with: moves, erasures, colours, and the modes
// that it sets and asks for at the start and the end.
var (
	drawn = regexp.MustCompile(`\x1b\[[0-9;:]*[ABCDEFGHIJKLMPSTXZ@bdefm` + "`" + `]|\x1b\[[0-9;]*r|\x1bM`) // r: a part of the window is scrolled
	// modes of the alternate screen, cursor, mouse, paste, synchronised output and keyboard
	modes = regexp.MustCompile(`\x1b\[\?(7|25|1002|1003|1006|1049|2004|2026|2027)[hl]|\x1b\[\?(2026|2027)\$p|\x1b\[[<>=]?[0-9;]*u|\x1b\[\?u|\x1b\[>[0-9;]*m|\x1b\[[0-9]* q`)
	own   = regexp.MustCompile(`\x1b\]11;\?(\a|\x1b\\)|\x1b\][02];(sallyport)?(\a|\x1b\\)`)
)

// Invariant 10: nothing recorded reaches the terminal but as drawn cells.
func TestHostileRecording(t *testing.T) {
	w := testWorld(t)
	w.sessions[3].Person = "mallory\x1b]52;c;RVZJTA==\a"
	w.sessions[3].EndDetail = "\u202eEVIL\x1b[6n"
	w.sessions[3].Command = "rm\x1b]0;EVIL\a"
	p := sit(t, w.config(), 120, 40)
	p.sees("postgres@db2")
	p.press("j", "j", "j", "\r")
	p.sees("/ 0:03")
	p.press(" ", "g")
	for range len(hostileBytes) + 6 { // each event by itself
		p.press(".")
	}
	p.press("G")
	p.sees("quiet", "■ end", "◆ marker ]52;c;bWFya2Vy gnp.exe")
	p.press("f")
	p.sees("session", "EVIL [6n")
	p.press("q", "q")
	p.sees("/ to filter")
	p.press("q")
	if err := p.ends(); err != nil {
		t.Fatal(err)
	}
	rest := p.sent()
	for _, known := range []*regexp.Regexp{drawn, modes, own} {
		rest = known.ReplaceAllString(rest, "")
	}
	for i, r := range rest {
		if r == '\r' || r == '\n' || r == '\b' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			t.Fatalf("%q reached the terminal: %q", r, rest[max(i-30, 0):min(i+40, len(rest))])
		}
	}
	if strings.Contains(p.sent(), "RVZJ") && strings.Contains(p.sent(), "\x1b]52") {
		t.Fatal("the clipboard was written")
	}
}
