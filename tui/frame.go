package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/sallyport/sallyport/internal/vt"
)

// A frame is a picture of a deck that nobody changes.
type frame struct {
	cols, rows int
	lines      [][]piece
	x, y       int // cursor
	visible    bool
	title      string
	at         time.Duration
	offset     int64
	marker     note
	skipped    time.Duration
	typed      string // up to then, as it was sent
}

// A piece is a stretch of cells of one style, ready to be drawn.
type piece struct {
	text  string // of exactly width columns, on any terminal
	width int
	style vt.Style
	ascii bool // one byte for each column
}

func (d *deck) frame() frame {
	f := frame{title: d.screen.Title(), at: d.at, offset: d.offset, marker: d.marker, skipped: d.skipped}
	f.cols, f.rows = d.screen.Size()
	f.x, f.y, f.visible = d.screen.Cursor()
	rows := f.rows
	if !d.head.Terminal {
		rows = f.y + 1 // what is below was never written to
		for y := rows; y < f.rows; y++ {
			if d.screen.Row(y) != "" {
				rows = y + 1
			}
		}
		f.rows, f.visible = rows, false
	}
	f.lines = make([][]piece, rows)
	for y := range f.lines {
		f.lines[y] = pieces(d.screen, y)
	}
	return f
}

// pieces makes a row ready to be drawn.
func pieces(s *vt.Screen, y int) []piece {
	runs := s.Runs(y)
	out := make([]piece, 0, len(runs))
	x := 0
	for _, r := range runs {
		p := piece{text: r.Text, width: r.Width, style: r.Style, ascii: len(r.Text) == r.Width}
		if !p.ascii || !printable(r.Text) {
			p.text, p.ascii = safeCells(s, x, x+r.Width, y), false
		}
		out = append(out, p)
		x += r.Width
	}
	return out
}

// printable reports whether s is ASCII without controls.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// safeCells is the text of some cells, each of which takes the columns that
// the screen counts for it, whatever the terminal knows of Unicode.
func safeCells(s *vt.Screen, from, to, y int) string {
	var b strings.Builder
	for x := from; x < to; x++ {
		if c := s.Cell(x, y); c.Width > 0 {
			b.WriteString(safeCell(c))
		}
	}
	return b.String()
}

// safeCell is a cell's content, or a stand-in where terminals might not agree
// on its width or might act on it: no format characters, no bidirectional
// letters' reordering marks, no controls.
func safeCell(c vt.Cell) string {
	text := c.Content
	if len(text) > 1 {
		text = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) {
				return -1
			}
			return r
		}, text)
	}
	if agreed(text, c.Width) {
		return text
	}
	// Of an emoji sequence the first part will do.
	if r, size := utf8.DecodeRuneInString(text); size > 0 && agreed(string(r), c.Width) {
		return string(r)
	}
	return "?" + strings.Repeat(" ", max(c.Width-1, 0))
}

// agreed reports whether both ways of counting give text this width.
func agreed(text string, width int) bool {
	return text != "" && ansi.StringWidth(text) == width && ansi.StringWidthWc(text) == width
}

// cut gives columns [from, to) of a row as styled text. A wide character cut
// in half becomes blanks.
func cut(row []piece, from, to int, cursor int) string {
	var b strings.Builder
	x := 0
	for _, p := range row {
		start, end := max(from, x), min(to, x+p.width)
		if start < end {
			part := func(i, j int, style vt.Style) {
				if i < j {
					text := ""
					if p.ascii {
						text = p.text[i-x : j-x]
					} else {
						text = columns(p.text, i-x, j-x)
					}
					b.WriteString(sgr(style))
					b.WriteString(text)
				}
			}
			if cursor >= start && cursor < end {
				reversed := p.style
				reversed.Attr ^= vt.Reverse
				part(start, cursor, p.style)
				part(cursor, cursor+1, reversed)
				part(cursor+1, end, p.style)
			} else {
				part(start, end, p.style)
			}
		}
		x += p.width
	}
	b.WriteString("\x1b[m")
	if x = max(x, from); x < to {
		b.WriteString(strings.Repeat(" ", to-x))
	}
	return b.String()
}

// columns gives columns [from, to) of text that has no escapes.
func columns(text string, from, to int) string {
	var b strings.Builder
	x := 0
	for text != "" {
		cluster, width := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		text = text[len(cluster):]
		switch {
		case x >= from && x+width <= to:
			b.WriteString(cluster)
		case x < to && x+width > from:
			b.WriteString(strings.Repeat(" ", min(x+width, to)-max(x, from)))
		}
		x += width
	}
	return b.String()
}

// attributes are the SGR parameters of what may be shown. Concealed text is
// shown: an auditor is to see what was there. Nothing blinks.
var attributes = []struct {
	attr vt.Attr
	code string
}{{vt.Bold, ";1"}, {vt.Faint, ";2"}, {vt.Italic, ";3"}, {vt.Reverse, ";7"}, {vt.Strike, ";9"}}

// sgr is the sequence for a style: the only escape that a frame draws.
func sgr(s vt.Style) string {
	if s == (vt.Style{}) {
		return "\x1b[m"
	}
	var b strings.Builder
	b.WriteString("\x1b[0")
	for _, a := range attributes {
		if s.Attr&a.attr != 0 {
			b.WriteString(a.code)
		}
	}
	if s.Underline != vt.NoUnderline {
		b.WriteString(";4")
	}
	b.WriteString(colour(s.Fg, 30))
	b.WriteString(colour(s.Bg, 40))
	b.WriteByte('m')
	return b.String()
}

func colour(c vt.Color, base int) string {
	if n, ok := c.Index(); ok {
		switch {
		case n < 8:
			return ";" + strconv.Itoa(base+int(n))
		case n < 16:
			return ";" + strconv.Itoa(base+60+int(n)-8)
		}
		return fmt.Sprintf(";%d;5;%d", base+8, n)
	}
	if r, g, b, ok := c.RGB(); ok {
		return fmt.Sprintf(";%d;2;%d;%d;%d", base+8, r, g, b)
	}
	return ""
}
