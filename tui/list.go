package tui

import (
	"strings"

	"charm.land/lipgloss/v2"

	tea "charm.land/bubbletea/v2"
)

// A column of a list. Width 0 takes an equal share of what the others leave.
type column struct {
	title string
	width int
	right bool // flush right
	from  int  // shown only in lists at least this wide
	until int  // and less wide than this; 0: however wide
}

// A field is one column's text in one row, safe to show, with its style.
type field struct {
	text  string
	style lipgloss.Style
}

// list is a table with a cursor. It asks for the rows that it draws, so that
// thousands cost no more than a screen of them.
type list struct {
	look       *look
	columns    []column
	sorted     int    // the column by which it is sorted, if mark says
	mark       string // ▲ or ▼
	len        int
	at, top    int
	cols, rows int
}

func (l *list) setSize(cols, rows int) {
	l.cols, l.rows = cols, max(rows, 1)
	l.move(0)
}

// setLen says how many rows there are now.
func (l *list) setLen(n int) {
	l.len = n
	l.move(0)
}

func (l *list) body() int { return max(l.rows-1, 1) }

func (l *list) move(by int) { l.moveTo(l.at + by) }

func (l *list) moveTo(at int) {
	l.at = min(max(at, 0), max(l.len-1, 0))
	l.top = min(max(l.top, l.at-l.body()+1), l.at)
	l.top = max(min(l.top, l.len-l.body()), 0)
}

// rowAt is the row that is drawn at line y of the list, whose first is the
// header.
func (l *list) rowAt(y int) (row int, ok bool) {
	row = l.top + y - 1
	return row, y >= 1 && y < l.rows && row < l.len
}

// press moves the cursor; it reports whether the key was one of its own.
func (l *list) press(k tea.KeyPressMsg) bool {
	switch {
	case pressed(k, listKeys.Up):
		l.move(-1)
	case pressed(k, listKeys.Down):
		l.move(1)
	case pressed(k, listKeys.PageUp):
		l.move(-l.body())
	case pressed(k, listKeys.PageDown):
		l.move(l.body())
	case pressed(k, listKeys.Top):
		l.moveTo(0)
	case pressed(k, listKeys.Bottom):
		l.moveTo(l.len - 1)
	default:
		return false
	}
	return true
}

// widths shares out the line: two columns for the cursor, and two between.
func (l *list) widths() []int {
	w := make([]int, len(l.columns))
	left, flexible := l.cols-2, 0
	for i, c := range l.columns {
		if l.cols < c.from || c.until > 0 && l.cols >= c.until {
			w[i] = -1
			continue
		}
		w[i] = c.width
		left -= c.width + 2
		if c.width == 0 {
			flexible++
		}
	}
	left += 2
	for i, c := range l.columns {
		if w[i] == 0 && c.width == 0 {
			w[i] = max(left/flexible, 4)
			left -= w[i]
			flexible--
		}
	}
	return w
}

// columnAt is the column that is drawn at x.
func (l *list) columnAt(x int) (i int, ok bool) {
	at := 2 // beside the cursor's mark
	for i, w := range l.widths() {
		if w < 0 {
			continue
		}
		if x >= at && x < at+w {
			return i, true
		}
		at += w + 2
	}
	return 0, false
}

// view draws the header and the rows; row gives the fields of row i.
func (l *list) view(row func(i int) []field) string {
	widths := l.widths()
	lines := make([]string, 0, l.rows)
	head := make([]field, len(l.columns))
	for i, c := range l.columns {
		head[i] = field{c.title, l.look.Head}
		if l.mark != "" && i == l.sorted {
			head[i] = field{strings.TrimLeft(c.title+" "+l.mark, " "), l.look.Accent}
			if lipgloss.Width(head[i].text) > widths[i] {
				head[i].text = c.title + l.mark
			}
		}
	}
	lines = append(lines, l.line("  ", head, widths, false))
	for i := l.top; i < l.len && len(lines) < l.rows; i++ {
		mark := "  "
		if i == l.at {
			mark = "▌ "
		}
		lines = append(lines, l.line(mark, row(i), widths, i == l.at))
	}
	return block(strings.Join(lines, "\n"), l.cols, l.rows)
}

func (l *list) line(mark string, fields []field, widths []int, selected bool) string {
	ground := lipgloss.NewStyle()
	if selected {
		ground = l.look.Selected
	}
	var b strings.Builder
	b.WriteString(ground.Inherit(l.look.Accent).Render(mark))
	first := true
	for i, f := range fields {
		if widths[i] < 0 {
			continue
		}
		if !first {
			b.WriteString(ground.Render("  "))
		}
		first = false
		text := fit(f.text, widths[i])
		if l.columns[i].right {
			text = fitRight(f.text, widths[i])
		}
		b.WriteString(ground.Inherit(f.style).Render(text))
	}
	if rest := l.cols - lipgloss.Width(b.String()); rest > 0 {
		b.WriteString(ground.Render(strings.Repeat(" ", rest)))
	}
	return b.String()
}
