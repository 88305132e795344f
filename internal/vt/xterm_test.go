package vt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/vt"
)

// TestXtermJS compares the recorded streams and the torture sequences with what
// @xterm/headless showed of them; testdata/xterm makes those goldens.
func TestXtermJS(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xterm")
	if err != nil || len(files) < 10 {
		t.Fatal("no goldens of xterm.js", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".xterm")
		if name == "torture" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			stream, err := os.ReadFile(strings.TrimSuffix(file, ".xterm") + ".stream")
			if err != nil {
				t.Fatal(err)
			}
			var cols, rows int
			if _, err := fmt.Sscanf(name[strings.Index(name, ".")+1:], "%dx%d", &cols, &rows); err != nil {
				t.Fatal(err)
			}
			for _, g := range goldens[[]golden](t, file) {
				s := screenAfter(cols, rows, stream[:g.At])
				want := g.seen()
				want.Ignored = joined(s)
				compare(t, g.At, s, want)
			}
		})
	}
}

// joined are the rows that hold an emoji made with a joiner, and what wraps
// from them: xterm.js gives each part its own cells, tmux and we do not.
func joined(s *vt.Screen) map[int]bool {
	rows := map[int]bool{}
	_, n := s.Size()
	for y := range n {
		if strings.ContainsRune(s.Row(y), '\u200d') || y > 0 && rows[y-1] && s.Wrapped(y-1) {
			rows[y] = true
		}
	}
	return rows
}

// xtermDiffers are the torture sequences on which xterm.js and tmux do not
// agree, and why we are not with xterm.js.
var xtermDiffers = map[string]string{
	"emoji joined":               "one cell, as in tmux",
	"emoji joined at the margin": "one cell, as in tmux",
	"combining at the left edge": "nothing to combine with: dropped, as in tmux and xterm",
	"alignment and region":       "DECALN resets the margins (DEC STD 070), which xterm.js does not",
	"no autowrap, then again":    "without autowrap no wrap stays pending, as in tmux and xterm",
	"origin mode saved":          "DECSC saves origin mode (DEC STD 070), which xterm.js does not",
	"true colours":               "48:2:R:G:B without a colour space, as programs do send it",
	"underlines":                 "the golden tells no styles of underlines",
	"link":                       "xterm.js underlines links; the program did not",
	"strings":                    "ESC k titles are swallowed, as in tmux",
}

func TestXtermJSTorture(t *testing.T) {
	kept := goldens[map[string]golden](t, "testdata/torture.xterm")
	for name, stream := range torture {
		t.Run(name, func(t *testing.T) {
			g, ok := kept[name]
			if !ok {
				t.Fatal("no golden: run testdata/xterm")
			}
			s := screenAfter(tortureCols, tortureRows, []byte(stream))
			if why := xtermDiffers[name]; why != "" {
				if g.seen().Differs(s) == "" {
					t.Errorf("agrees, though it should not: %s", why)
				}
				return
			}
			compare(t, g.At, s, g.seen())
		})
	}
}
