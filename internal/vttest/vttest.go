// Package vttest compares screens of internal/vt with what other terminals
// showed, cell by cell: characters, widths, colours, attributes, the cursor.
//
// It is for tests only, and starts no terminal itself. Start reading at
// [Shown.Differs].
package vttest

import (
	"fmt"
	"strings"

	"github.com/sallyport/sallyport/internal/vt"
)

// Shown is what another terminal showed.
type Shown struct {
	// Rows as tmux's "capture-pane -p -e" prints them: SGR, and SO for line
	// drawing. Blanks at their ends may be missing.
	Rows []string
	X, Y int // the cursor; X may be one behind the last column
	// Ignored are rows that are not compared; nil is none.
	Ignored map[int]bool
}

// Rows cuts a capture into rows; the last ones may be left out.
func Rows(capture string, rows int) []string {
	lines := strings.Split(strings.TrimSuffix(capture, "\n"), "\n")
	for len(lines) < rows {
		lines = append(lines, "")
	}
	return lines
}

// Screen is what was seen, cell by cell. tmux does not print blanks at the end
// of a row; it prints the changes of style only, and they carry over.
func (w Shown) Screen(cols int) *vt.Screen {
	s := vt.New(cols, len(w.Rows))
	s.Write([]byte("\x1b)0" + strings.Join(w.Rows, "\r\n")))
	fmt.Fprintf(s, "\x1b[%d;%dH", w.Y+1, min(w.X, cols-1)+1)
	return s
}

// Differs says where s is not what was seen; "" is nowhere.
func (w Shown) Differs(s *vt.Screen) string {
	var b strings.Builder
	cols, rows := s.Size()
	want := w.Screen(cols)
	for y := range rows {
		if w.Ignored[y] {
			continue
		}
		if s.Row(y) != want.Row(y) {
			fmt.Fprintf(&b, "row %d\n  got  %q\n  want %q\n", y, s.Row(y), want.Row(y))
			continue
		}
		for x, left := 0, len(want.Row(y)); left > 0; x++ {
			got, want := s.Cell(x, y), want.Cell(x, y)
			left -= len(want.Content)
			if got.Content == " " { // in a blank only these show
				got.Style.Fg, want.Style.Fg = vt.Color(0), vt.Color(0)
			}
			if got != want {
				fmt.Fprintf(&b, "cell %d,%d: got %+v, want %+v\n", x, y, got, want)
			}
		}
	}
	if x, y, _ := s.Cursor(); y != w.Y || x != min(w.X, cols-1) {
		fmt.Fprintf(&b, "cursor at %d,%d, want %d,%d\n", x, y, w.X, w.Y)
	}
	return b.String()
}
