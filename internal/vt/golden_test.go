package vt_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/internal/vttest"
)

var update = flag.Bool("update", false, "write the goldens anew from what tmux shows")

// golden is what another terminal showed after the first At bytes of a stream:
// tmux in *.golden, which -update writes, and xterm.js in *.xterm, which
// testdata/xterm writes.
type golden struct {
	At     int
	X, Y   int
	Rows   []string
	Stream string `json:",omitempty"` // of a torture sequence, for testdata/xterm
}

// goldens reads a file of them.
func goldens[T any](t *testing.T, file string) (all T) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (g golden) seen() vttest.Shown { return vttest.Shown{Rows: g.Rows, X: g.X, Y: g.Y} }

// TestRecorded plays what real programs sent, recorded from a pty, and compares
// the screen at several moments with what tmux showed: against the kept golden
// always, against tmux itself where there is one.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.stream")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded streams", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".stream")
		t.Run(name, func(t *testing.T) {
			stream, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var cols, rows int
			if _, err := fmt.Sscanf(name[strings.Index(name, ".")+1:], "%dx%d", &cols, &rows); err != nil {
				t.Fatal(err)
			}
			againstGolden(t, strings.TrimSuffix(file, ".stream")+".golden", cols, rows, stream)
			t.Run("tmux", func(t *testing.T) {
				for _, at := range cuts(len(stream), 12) {
					compare(t, at, screenAfter(cols, rows, stream[:at]), tmuxShows(t, cols, rows, stream[:at]))
				}
			})
		})
	}
}

func againstGolden(t *testing.T, file string, cols, rows int, stream []byte) {
	t.Helper()
	if *update {
		var all []golden
		for _, at := range cuts(len(stream), 4) {
			w := tmuxShows(t, cols, rows, stream[:at])
			all = append(all, golden{At: at, X: w.X, Y: w.Y, Rows: w.Rows})
		}
		b, err := json.MarshalIndent(all, "", " ")
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range goldens[[]golden](t, file) {
		compare(t, g.At, screenAfter(cols, rows, stream[:g.At]), g.seen())
	}
}

func compare(t *testing.T, at int, s *vt.Screen, want vttest.Shown) {
	t.Helper()
	if d := want.Differs(s); d != "" {
		t.Errorf("after %d bytes:\n%s", at, d)
	}
}

// cuts are n lengths of a stream, the whole last.
func cuts(size, n int) (at []int) {
	for i := 1; i <= n; i++ {
		at = append(at, size*i/n)
	}
	return at
}

func screenAfter(cols, rows int, stream []byte) *vt.Screen {
	s := vt.New(cols, rows)
	s.Write(stream)
	return s
}
