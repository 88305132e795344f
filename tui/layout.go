package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// fit makes a styled line exactly cols wide, cutting or filling at its end.
func fit(s string, cols int) string {
	switch w := lipgloss.Width(s); {
	case w > cols:
		s = ansi.Truncate(s, cols, "…")
		return s + strings.Repeat(" ", max(cols-lipgloss.Width(s), 0))
	case w < cols:
		return s + strings.Repeat(" ", cols-w)
	}
	return s
}

// fitRight is fit with the filling at the start.
func fitRight(s string, cols int) string {
	if w := lipgloss.Width(s); w < cols {
		return strings.Repeat(" ", cols-w) + s
	}
	return fit(s, cols)
}

// block makes text exactly rows lines of cols.
func block(text string, cols, rows int) string {
	lines := strings.Split(text, "\n")
	out := make([]string, max(rows, 0))
	for i := range out {
		if i < len(lines) {
			out[i] = fit(lines[i], cols)
		} else {
			out[i] = strings.Repeat(" ", cols)
		}
	}
	return strings.Join(out, "\n")
}

// beside puts two blocks of the same height next to each other.
func beside(left, middle, right string) string {
	l, r := strings.Split(left, "\n"), strings.Split(right, "\n")
	for i := range l {
		if i < len(r) {
			l[i] += middle + r[i]
		}
	}
	return strings.Join(l, "\n")
}

// centre puts a few short lines in the middle of a block.
func centre(text string, cols, rows int) string {
	lines := strings.Split(text, "\n")
	above := max((rows-len(lines))/2, 0)
	out := make([]string, 0, rows)
	for range above {
		out = append(out, "")
	}
	for _, line := range lines {
		out = append(out, strings.Repeat(" ", max((cols-lipgloss.Width(line))/2, 0))+line)
	}
	return block(strings.Join(out, "\n"), cols, rows)
}

// wrap breaks plain text into lines of at most cols, at most limit of them.
func wrap(s string, cols, limit int) []string {
	lines := strings.Split(ansi.Wrap(s, max(cols, 1), ""), "\n")
	if len(lines) > limit {
		lines = lines[:limit]
		lines[limit-1] = ansi.Truncate(lines[limit-1]+" …", cols, "…")
	}
	return lines
}

// wrapWords breaks text at its blanks alone, as a command is to be read.
func wrapWords(s string, cols int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(s) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case lipgloss.Width(*last)+1+lipgloss.Width(word) <= cols:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// cutAround replaces the columns of line from x on by middle.
func cutAround(line, middle string, x, cols int) string {
	left := fit(ansi.Truncate(line, x, ""), x)
	right := ansi.TruncateLeft(line, x+lipgloss.Width(middle), "")
	return fit(left+"\x1b[m"+middle+right, cols)
}

// spread puts left and right at the ends of a line of cols.
func spread(left, right string, cols int) string {
	gap := cols - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return fit(left, cols)
	}
	return left + strings.Repeat(" ", gap) + right
}
