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
const patience = 5 * time.Second

// person sits at a terminal of this test: keys go in, cells come out.
type person struct {
	t      *testing.T
	keys   *io.PipeWriter
	resize chan tui.Size
	leave  context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	screen  *vt.Screen
	raw     bytes.Buffer
	changed chan struct{}
}

// sit runs the interface with cfg on a dark terminal of true colour.
func sit(t *testing.T, cfg tui.Config, cols, rows int, env ...string) *person {
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
	p.compare(name, p.text)
}

// compare waits until got gives what testdata/NAME.txt holds, and shows the
// difference when it never does.
func (p *person) compare(name string, got func() string) {
	p.t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got()), 0o644); err != nil {
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

// styled writes the screen with its styles, for what colour must tell.
func (p *person) styled() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	_, rows := p.screen.Size()
	for y := range rows {
		for _, run := range p.screen.Runs(y) {
			if text := strings.TrimRight(run.Text, " "); text != "" || !run.Style.Bg.IsDefault() {
				fmt.Fprintf(&b, "[%s %s %02x]%s", colour(run.Style.Fg), colour(run.Style.Bg), run.Style.Attr, text)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func colour(c vt.Color) string {
	if n, ok := c.Index(); ok {
		return fmt.Sprint(n)
	}
	if r, g, b, ok := c.RGB(); ok {
		return fmt.Sprintf("#%02x%02x%02x", r, g, b)
	}
	return "-"
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
