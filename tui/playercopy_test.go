package tui_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

var clipboard = regexp.MustCompile(`\x1b\]52;c;([A-Za-z0-9+/=]*)\x07`)

// copied is what was put on the clipboard, each time.
func (p *person) copied() (texts []string) {
	p.t.Helper()
	for _, m := range clipboard.FindAllStringSubmatch(p.sent(), -1) {
		text, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			p.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// The clipboard gets the text of the recorded screen, and no more of it than
// terminals take.
func TestCopyTheScreen(t *testing.T) {
	w := testWorld(t)
	c := newCast(80, 24, true)
	c.out(0, "\x1b[5;1H\x1b[31mred\x1b[m 日本\x1b[7;3Hlast")
	c.out(time.Second, "\x1b]52;c;RVZJTA==\a\x1b[8;1H\u202eevil\x1b[2J\x1b[H\x1b[3Jclean")
	c.event(time.Second, "r", "1000x500")
	c.out(time.Second, strings.Repeat(strings.Repeat("x", 1000), 500))
	if err := c.save(filepath.Join(w.dir, "shell")); err != nil {
		t.Fatal(err)
	}
	p := replay(t, w, 1, " / 0:03")
	p.press("g")
	p.sees("last")
	p.press("y")
	p.sees("✓ copied 7 lines")
	p.press(":", "1", "\r")
	p.sees(" 0:01 /", "clean")
	p.press("y")
	p.sees("✓ copied 1 line,")
	p.press("G")
	p.sees(" 0:03 /", "xxxx")
	p.press("y")
	p.sees("✓ copied the first 65 lines")
	got := p.copied()
	if len(got) != 3 || got[0] != "\n\n\n\nred 日本\n\n  last\n" || got[1] != "clean\n" || len(got[2]) != 65*1001 {
		t.Errorf("copied %d: %.200q", len(got), got)
	}
}

// Over ssh, what is to be typed elsewhere is shown and copied; here, a file is
// written.
func TestExport(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.ExportCommand = func(s access.Session, f tui.ExportFormat) string {
		return fmt.Sprintf("ssh -p 2222 bastion.example.com export %s --format %s > %s", s.ID, f, tui.ExportFile(s, f))
	}
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("\r")
	p.sees("LIVE")
	p.press("e")
	p.sees("✗ refused: this session still runs")
	p.press("q", "j", "\r")
	p.sees(" / 0:36")
	p.press(" ", "e")
	p.sees("1  all of it", "2  text", "--format txt >")
	p.press("2")
	p.sees("✓ copied, to be typed where you sit: ssh -p 2222")
	if got := p.copied(); len(got) != 1 || got[0] != "ssh -p 2222 bastion.example.com export "+id(40)+" --format txt > "+id(40)+".txt" {
		t.Errorf("copied %q", got)
	}

	cfg.Export = func(_ context.Context, s access.Session, f tui.ExportFormat, file string) error {
		return w.note("export %s as %s to %s", s.ID, f, file)
	}
	p = sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees(" / 0:36")
	p.press("e", "q")
	p.gone("all of it")
	p.press("e", "1")
	p.sees("write to: " + id(40) + ".tar")
	p.press("\x15", "/tmp/x.tar", "\r")
	p.sees("✓ written to /tmp/x.tar")
	if got, want := strings.Join(w.done(), "\n"), "export "+id(40)+" as tar to /tmp/x.tar"; got != want {
		t.Errorf("did %q, want %q", got, want)
	}
	if len(p.copied()) != 0 {
		t.Error("something was copied")
	}
}
