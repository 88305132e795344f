package console

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/sallyport/sallyport/internal/vt"
)

// A transcript is what stood on a recorded screen, as plain lines: each row
// once, when it scrolls off, is cleared away or is left at the end. It holds
// nothing but characters that print and line breaks, whatever the recording
// holds (invariant 10).
type transcript struct {
	screen *vt.Screen
	line   func(string) // takes one line without its break
	begun  strings.Builder
	dirty  []int
}

// maxTranscriptLine bounds a line that was wrapped over several rows, in bytes.
const maxTranscriptLine = 64 << 10

func newTranscript(screen *vt.Screen, line func(string)) *transcript {
	t := &transcript{screen: screen, line: line}
	t.screen.Departing = t.row
	return t
}

// row takes row y: rows that an automatic wrap cut belong together again.
func (t *transcript) row(y int) {
	t.begun.WriteString(printing(t.screen.Row(y)))
	if t.screen.Wrapped(y) && t.begun.Len() < maxTranscriptLine {
		return
	}
	t.line(t.begun.String())
	t.begun.Reset()
}

// look gives the lines that are complete while the screen goes on: those above
// the one that the cursor is in. A full-screen program's come when it leaves
// or clears the screen; until then it may draw them anew at any moment.
func (t *transcript) look() {
	if t.screen.OnAlternate() {
		return
	}
	_, at, _ := t.screen.Cursor()
	for at > 0 && t.screen.Wrapped(at-1) {
		at--
	}
	t.dirty = t.screen.TakeDirtyAbove(t.dirty[:0], at)
	for _, y := range t.dirty {
		t.row(y)
	}
}

// end gives what is left on the screen.
func (t *transcript) end() {
	t.dirty = t.screen.TakeDirty(t.dirty[:0])
	last := -1
	for _, y := range t.dirty {
		// Empty rows between written ones are part of the picture.
		for ; last >= 0 && last < y-1; last++ {
			t.line("")
		}
		t.row(y)
		last = y
	}
	if t.begun.Len() > 0 {
		t.line(t.begun.String())
		t.begun.Reset()
	}
}

// printing drops what a terminal might act on or reorder: cells hold no
// control characters, but may hold format characters. A joiner of emoji stays.
func printing(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r), r == '\u200d':
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, s)
}

// film draws a recorded screen onto a terminal: the changed rows only, each
// as text at a place, in styles that are written anew. No recorded byte passes.
type film struct {
	screen     *vt.Screen
	cols, rows int // of the terminal
	color      bool
	shown      []string // as drawn, by row
}

func newFilm(screen *vt.Screen, terminal Size, color bool) *film {
	cols, rows := max(terminal.Cols, 1), max(terminal.Rows, 1)
	return &film{screen: screen, cols: min(cols, vt.MaxCols), rows: min(rows, vt.MaxRows), color: color, shown: make([]string, min(rows, vt.MaxRows))}
}

const (
	enterFilm = "\x1b[?1049h\x1b[?25l\x1b[2J" // alternate screen, no cursor, clear
	leaveFilm = "\x1b[0m\x1b[?25h\x1b[?1049l"
)

// frame gives what brings the terminal up to date; empty when it is. A screen
// that is larger than the terminal is cut at the right, and at the top so
// that the cursor's row is seen.
func (f *film) frame() string {
	_, rows := f.screen.Size()
	_, cursor, _ := f.screen.Cursor()
	top := 0
	if rows > f.rows {
		top = max(0, cursor-f.rows+1)
	}
	var b strings.Builder
	for y := range f.rows {
		row := ""
		if top+y < rows {
			row = f.draw(top + y)
		}
		if row != f.shown[y] {
			fmt.Fprintf(&b, "\x1b[%d;1H\x1b[0m%s\x1b[0m\x1b[K", y+1, row)
			f.shown[y] = row
		}
	}
	return b.String()
}

// still is the last picture as lines, to stay on the terminal.
func (f *film) still() string {
	end := len(f.shown)
	for end > 0 && f.shown[end-1] == "" {
		end--
	}
	var b strings.Builder
	for _, row := range f.shown[:end] {
		b.WriteString(row + "\x1b[0m\n")
	}
	return b.String()
}

// draw gives row y, cut to the terminal.
func (f *film) draw(y int) string {
	var b strings.Builder
	left := f.cols
	runs := f.screen.Runs(y)
	// Blanks at the end need no drawing: the row's rest is erased.
	for n := len(runs); n > 0 && runs[n-1].Style == (vt.Style{}); n-- {
		last := &runs[n-1]
		last.Text = strings.TrimRight(last.Text, " ")
		if last.Text != "" {
			break
		}
		runs = runs[:n-1]
	}
	for _, run := range runs {
		text := printing(run.Text)
		if uniseg.StringWidth(text) > left {
			text = cut(text, left)
		}
		if f.color {
			b.WriteString(sgr(run.Style))
		}
		b.WriteString(text)
		if left -= run.Width; left <= 0 {
			break
		}
	}
	return b.String()
}

// sgr writes a style as one Select Graphic Rendition sequence (ECMA-48,
// 8.3.117), beginning from none.
func sgr(s vt.Style) string {
	codes := []string{"0"}
	for i, attr := range []vt.Attr{vt.Bold, vt.Faint, vt.Italic, vt.Blink, vt.Reverse, vt.Conceal, vt.Strike, vt.Overline} {
		if s.Attr&attr != 0 && attr != vt.Blink && attr != vt.Conceal { // an auditor sees all, and nothing blinks
			codes = append(codes, []string{"1", "2", "3", "5", "7", "8", "9", "53"}[i])
		}
	}
	if s.Underline != vt.NoUnderline {
		codes = append(codes, "4")
	}
	codes = append(append(codes, colour(s.Fg, 38)...), colour(s.Bg, 48)...)
	return "\x1b[" + strings.Join(codes, ";") + "m"
}

// colour gives the parameters of a colour; kind is 38 for the foreground, 48
// for the background.
func colour(c vt.Color, kind int) []string {
	if n, ok := c.Index(); ok {
		return []string{fmt.Sprintf("%d;5;%d", kind, n)}
	}
	if r, g, b, ok := c.RGB(); ok {
		return []string{fmt.Sprintf("%d;2;%d;%d;%d", kind, r, g, b)}
	}
	return nil
}
