package tui_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/tui"
)

var update = flag.Bool("update", false, "write the goldens anew")

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// person sits at a terminal of this test: keys go in, cells come out.
type person struct {
	t      testing.TB
	keys   *io.PipeWriter
	resize chan tui.Size
	leave  context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	screen  *vt.Screen
	raw     bytes.Buffer
	writes  int
	changed chan struct{}
}

// sit runs the interface with cfg on a dark terminal of true colour.
func sit(t testing.TB, cfg tui.Config, cols, rows int, env ...string) *person {
	t.Helper()
	if env == nil {
		env = []string{"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8"}
	}
	in, keys := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p := &person{t: t, keys: keys, resize: make(chan tui.Size), leave: cancel, ended: make(chan error, 1),
		screen: vt.New(cols, rows), changed: make(chan struct{}, 1)}
	cfg.Terminal = tui.Terminal{In: in, Out: p, Size: tui.Size{Cols: cols, Rows: rows}, Resizes: p.resize, Env: env}
	go func() { p.ended <- tui.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		_ = keys.Close() // a pipe's Close gives no error
	})
	return p
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.raw.Write(b)
	p.writes++
	_, _ = p.screen.Write(b) // a screen takes everything
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *person) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func (p *person) sent() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// press types keys. The terminal's names: "\r", "\x1b".
func (p *person) press(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		if _, err := io.WriteString(p.keys, k); err != nil {
			p.t.Fatalf("pressing %q: %v", k, err)
		}
	}
}

// sees waits until the screen holds all of the texts.
func (p *person) sees(texts ...string) {
	p.t.Helper()
	p.waits(strings.Join(texts, " and "), func(screen string) bool {
		for _, t := range texts {
			if !strings.Contains(screen, t) {
				return false
			}
		}
		return true
	})
}

func (p *person) waits(what string, ok func(screen string) bool) {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !ok(p.text()) {
		select {
		case <-p.changed:
		case err := <-p.ended:
			p.t.Fatalf("waiting for %s, it ended with %v:\n%s", what, err, p.text())
		case <-late.C:
			p.t.Fatalf("no %s on the screen:\n%s", what, p.text())
		}
	}
}

// golden waits until the screen is testdata/NAME.txt: frames may still be on
// their way when the last thing that a test waited for is there.
func (p *person) golden(name string) {
	p.t.Helper()
	p.compare(name+".txt", p.text)
}

// goldens are golden, and with its colours on a dark and on a light terminal,
// testdata/dark/NAME.ansi and testdata/light/NAME.ansi: cat shows them.
func (p *person) goldens(name string) {
	p.t.Helper()
	p.golden(name)
	for _, theme := range []string{"dark", "light"} {
		p.background(theme)
		p.compare(filepath.Join(theme, name+".ansi"), p.styled)
	}
}

// background has the terminal say which background it has.
func (p *person) background(theme string) {
	p.t.Helper()
	p.press("\x1b]11;rgb:" + map[string]string{"dark": "0000/0000/0000", "light": "ffff/ffff/ffff"}[theme] + "\x1b\\")
}

// compare waits until got gives what testdata/NAME holds, and shows the
// difference when it never does.
func (p *person) compare(name string, got func() string) {
	p.t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(p.settled(got)), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for got() != string(want) {
		select {
		case <-p.changed:
		case <-late.C:
			p.t.Fatalf("%s differs; got:\n%s\nwant:\n%s", name, got(), want)
		}
	}
}

// settled is what got gives once nothing has changed for a while. Only writing
// goldens needs it.
func (p *person) settled(got func() string) string {
	const quiet = 400 * time.Millisecond
	last := got()
	for since := time.Now(); time.Since(since) < quiet; {
		select {
		case <-p.changed:
		case <-time.After(quiet / 10):
		}
		if now := got(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// styled is the screen with its colours, as a terminal takes them.
func (p *person) styled() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	_, rows := p.screen.Size()
	for y := range rows {
		runs := p.screen.Runs(y)
		for len(runs) > 0 { // blanks of no colour at the end say nothing
			last := &runs[len(runs)-1]
			if last.Style != (vt.Style{}) {
				break
			}
			if last.Text = strings.TrimRight(last.Text, " "); last.Text != "" {
				break
			}
			runs = runs[:len(runs)-1]
		}
		for _, run := range runs {
			fmt.Fprintf(&b, "%s%s", sgr(run.Style), run.Text)
		}
		b.WriteString("\x1b[m\n")
	}
	return b.String()
}

// sgr selects a style (ECMA-48, SGR).
func sgr(s vt.Style) string {
	codes := "0"
	for _, a := range []struct {
		attr vt.Attr
		code string
	}{{vt.Bold, "1"}, {vt.Faint, "2"}, {vt.Italic, "3"}, {vt.Reverse, "7"}} {
		if s.Attr&a.attr != 0 {
			codes += ";" + a.code
		}
	}
	if s.Underline != 0 {
		codes += ";4"
	}
	return "\x1b[" + codes + colour(s.Fg, 38) + colour(s.Bg, 48) + "m"
}

func colour(c vt.Color, ground int) string {
	if n, ok := c.Index(); ok {
		return fmt.Sprintf(";%d;5;%d", ground, n)
	}
	if r, g, b, ok := c.RGB(); ok {
		return fmt.Sprintf(";%d;2;%d;%d;%d", ground, r, g, b)
	}
	return ""
}

// ends waits for the end of the interface.
func (p *person) ends() error {
	p.t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.text())
		return nil
	}
}

// gone waits until the screen holds a text no more.
func (p *person) gone(text string) {
	p.t.Helper()
	p.waits("screen without "+text, func(screen string) bool { return !strings.Contains(screen, text) })
}
