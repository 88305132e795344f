package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	charm "github.com/charmbracelet/x/vt"
	"github.com/hinshun/vt10x"

	"github.com/sallyport/sallyport/internal/vt"
)

// TestCorrect counts the rows that each emulator shows otherwise than tmux did,
// the streams cut into writes of 1,000 bytes, as they might arrive. Ours must
// have none.
func TestCorrect(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.stream")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded streams", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".stream")
		var cols, rows int
		if _, err := fmt.Sscanf(name[strings.Index(name, ".")+1:], "%dx%d", &cols, &rows); err != nil {
			t.Fatal(err)
		}
		stream, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all []struct {
			At   int
			Rows []string
		}
		b, err := os.ReadFile("../testdata/" + name + ".golden")
		if err == nil {
			err = json.Unmarshal(b, &all)
		}
		if err != nil {
			t.Fatal(err)
		}
		var ours, charms, vt10xs int
		for _, g := range all {
			want := vt.New(cols, rows)
			want.Write([]byte("\x1b)0" + strings.Join(g.Rows, "\r\n")))
			us := vt.New(cols, rows)
			c := charm.NewEmulator(cols, rows)
			go io.Copy(io.Discard, c) //nolint:errcheck // its answers to queries
			v := vt10x.New(vt10x.WithSize(cols, rows))
			for rest := stream[:g.At]; len(rest) > 0; {
				n := min(len(rest), 1000)
				for _, w := range []io.Writer{us, c, v} {
					if _, err := w.Write(rest[:n]); err != nil {
						t.Fatal(err)
					}
				}
				rest = rest[n:]
			}
			ours += differing(want, us.String())
			charms += differing(want, c.String())
			vt10xs += differing(want, v.String())
		}
		t.Logf("%-18s of %3d rows differ: ours %d, charmbracelet/x/vt %d, vt10x %d", name, rows*len(all), ours, charms, vt10xs)
		if ours != 0 {
			t.Errorf("%s: ours differs", name)
		}
	}
}

func differing(want *vt.Screen, got string) (n int) {
	lines := strings.Split(got, "\n")
	_, rows := want.Size()
	for y := range rows {
		line := ""
		if y < len(lines) {
			line = strings.TrimRight(lines[y], " \r")
		}
		if line != want.Row(y) {
			n++
		}
	}
	return n
}
