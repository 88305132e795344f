package console

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/sallyport/sallyport/access"
)

// longest bounds every text that somebody else wrote, in runes, where it is
// shown to a person. JSON has it whole.
const longest = 1000

// style is how a word is coloured where there is colour. Nothing is said by
// colour alone.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// page is what a command shows to a person. All text passes access.Plain on
// its way in (invariant 10): a page holds no control character that is not
// its own.
type page struct {
	w     io.Writer
	color bool
	cols  int // of the terminal; 0 without one
	now   time.Time
	// numbers stand for IDs in lists; nil outside of a shell.
	numbers *numbers
	err     error // the first one
}

// linef writes one line. Each argument is made plain; format is ours.
func (p *page) linef(format string, args ...string) {
	safe := make([]any, len(args))
	for i, a := range args {
		safe[i] = access.Plain(a, longest)
	}
	p.write(fmt.Sprintf(format, safe...) + "\n")
}

func (p *page) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

func (p *page) paint(s string, st style) string {
	if !p.color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

// table is rows of cells under a head. The last column takes what is left of
// the terminal's width and is cut there; without a terminal nothing is cut.
type table struct {
	head []string
	rows [][]cell
	// named: the first column is the ID of what the row is about.
	named bool
}

// add appends a row: a string or a cell for each column.
func (t *table) add(fields ...any) {
	row := make([]cell, len(fields))
	for i, f := range fields {
		c, ok := f.(cell)
		if !ok {
			c.text = fmt.Sprint(f)
		}
		c.text = access.Plain(c.text, longest)
		row[i] = c
	}
	t.rows = append(t.rows, row)
}

// table writes t, aligned.
func (p *page) table(t table) {
	if t.named && p.numbers != nil {
		t.head[0] = "#"
		for _, row := range t.rows {
			row[0].text = p.numbers.name(row[0].text)
		}
	}
	widths := make([]int, len(t.head))
	for i, h := range t.head {
		widths[i] = len(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(c.text))
		}
	}
	head := make([]cell, len(t.head))
	for i, h := range t.head {
		head[i] = cell{h, bold}
	}
	for _, row := range append([][]cell{head}, t.rows...) {
		p.row(row, widths)
	}
}

// gap stands between columns.
const gap = "  "

func (p *page) row(row []cell, widths []int) {
	var line strings.Builder
	used := 0
	for i, c := range row {
		if i == len(row)-1 {
			if p.cols > 0 {
				c.text = cut(c.text, max(p.cols-used, 8))
			}
			line.WriteString(p.paint(c.text, c.style))
			break
		}
		line.WriteString(p.paint(c.text, c.style))
		line.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(c.text)) + gap)
		used += widths[i] + len(gap)
	}
	p.write(strings.TrimRight(line.String(), " ") + "\n")
}

// cut shortens s to at most width columns, with an ellipsis where it was cut.
func cut(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used+g.Width() > width-1 {
			break
		}
		b.WriteString(g.Str())
		used += g.Width()
	}
	return b.String() + "…"
}

// ago says how long before now t was, or how long after it will be, in the
// largest unit; "-" for no time.
func (p *page) ago(t time.Time) string {
	switch d := p.now.Sub(t); {
	case t.IsZero():
		return "-"
	case d < 0:
		return "in " + coarse(-d)
	case d < time.Second:
		return "now"
	default:
		return coarse(d) + " ago"
	}
}

// coarse rounds d down to one unit, as people say it.
func coarse(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}

// exact writes a duration as it is typed: 90s, 30m, 1h30m.
func exact(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// or gives s, or a dash where there is nothing.
func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
