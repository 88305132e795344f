package tui_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was typed stands below the screen when it is asked for, up to the
// moment that is shown, and as nothing that a terminal would act on.
func TestTyped(t *testing.T) {
	w := testWorld(t)
	file := filepath.Join(w.dir, "shell", "stdin.ndjson")
	keys := `[1.0, "i", "psql\r"]
[6.0, "i", "\u001b[A\u001b[200~paste\u001b[201~\t\u007f\u0003"]
[30.0, "i", "\u001b]52;c;RVZJTA==\u0007\u202e日本e\u0301👨‍👩‍👧‍👦end"]
`
	if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 1, "0:00 / 0:36")
	p.press(":", "5", "\r")
	p.sees(" 0:05 / 0:36")
	p.press("t")
	p.sees(" typed, as far as can be told: psql⏎")
	p.press("l")
	p.sees("psql⏎↑paste⇥⌫^C")
	p.press("G")
	p.sees("⎋]52;c;RVZJTA==^G日本e", "end")
	if strings.Contains(p.sent(), "\x1b]52") || strings.Contains(p.text(), "\u202e") {
		t.Error("what was typed reached the terminal")
	}
	p.press("t")
	p.gone("typed, as far")
	p.sees("■ end")
	p.press("q", "j", "\r")
	p.sees("without a terminal")
	p.press("t")
	p.sees("what was typed was not kept")
}
