package tui

import (
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// A lane is the line below the heat: a sign in each column for what happened
// there. Where several sorts fall into one column the first of laneSigns is
// shown, underlined; the column where the player stands is reversed, or holds
// the [laneHere]. So everything can be told without colour.
const (
	laneHere = "▲"
	laneIdle = "┄"
)

// laneSign is how a sort of moments is drawn.
type laneSign struct {
	kinds kinds
	sign  string
	about string
	style func(*look) lipgloss.Style
}

// laneSigns in order: what was asked for, what people wrote, what the bastion
// marked, what was done to files, and what goes by itself.
var laneSigns = []laneSign{
	{kindHit, "★", "found", func(l *look) lipgloss.Style { return l.Info }},
	{kindNote, "✎", "note", func(l *look) lipgloss.Style { return l.Good }},
	{kindMarker, "◆", "marker", func(l *look) lipgloss.Style { return l.Lane }},
	{kindPut | kindGet, "⇅", "files both ways", func(l *look) lipgloss.Style { return l.Accent }},
	{kindPut, "↑", "file to the host", func(l *look) lipgloss.Style { return l.Accent }},
	{kindGet, "↓", "file from the host", func(l *look) lipgloss.Style { return l.Accent }},
	{kindOther, "±", "file removed, renamed …", func(l *look) lipgloss.Style { return l.Accent }},
	{kindResize, "↔", "resize", func(l *look) lipgloss.Style { return l.Dim }},
}

// signOf is the sign for what fell into one column; several says that there
// is something of another sort beneath it.
func signOf(k kinds) (s laneSign, several bool) {
	for _, s = range laneSigns {
		if k&s.kinds == s.kinds {
			return s, k&^s.kinds != 0
		}
	}
	return laneSign{}, false
}

// scale puts the times of a recording into columns.
type scale struct {
	length time.Duration
	cols   int
}

func (s scale) column(at time.Duration) int {
	return max(min(int(float64(at)/float64(s.length)*float64(s.cols)), s.cols-1), 0)
}

// from is when a column begins.
func (s scale) from(column int) time.Duration {
	return time.Duration(float64(column) / float64(s.cols) * float64(s.length))
}

// laneView draws the lane: what fell into each column, and which columns are
// for the most part idle time that is cut.
func laneView(l *look, each []kinds, idle []bool, here int) string {
	var b strings.Builder
	for i, k := range each {
		s, several := signOf(k)
		switch {
		case s.sign != "":
			style := s.style(l).Underline(several)
			b.WriteString(style.Reverse(i == here).Render(s.sign))
		case i == here:
			b.WriteString(l.Accent.Render(laneHere))
		case idle[i]:
			b.WriteString(l.Faint.Render(laneIdle))
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// idleColumns are those of which more than half is cut, with an idle limit.
func idleColumns(gaps []gap, limit time.Duration, s scale) []bool {
	out := make([]bool, s.cols)
	if limit == 0 {
		return out
	}
	cut := make([]time.Duration, s.cols)
	for _, g := range gaps {
		from := g.from + limit
		if from >= g.to {
			continue
		}
		for c := s.column(from); c <= s.column(g.to); c++ {
			if overlap := min(g.to, s.from(c+1)) - max(from, s.from(c)); overlap > 0 {
				cut[c] += overlap
			}
		}
	}
	for c := range cut {
		out[c] = 2*cut[c] > s.from(c+1)-s.from(c)
	}
	return out
}

// legend explains the lane.
func legend(l *look) string {
	part := func(style lipgloss.Style, sign, about string) string {
		return style.Render(sign) + " " + l.KeyText.Render(about)
	}
	var parts []string
	for _, s := range laneSigns {
		parts = append(parts, part(s.style(l), s.sign, s.about))
	}
	parts = append(parts, part(l.Faint, laneIdle, "idle, cut"), part(l.Accent, laneHere, "here"))
	return l.Strong.Render("Timeline") + "\n\n" +
		part(l.HeatPast, "▂▅█", "how much was shown, and when") + "\n" +
		strings.Join(parts[:4], "  ") + "\n" + strings.Join(parts[4:7], "  ") + "\n" + strings.Join(parts[7:], "  ") +
		"  " + part(l.Text.Underline(true), "◆", "several") + "  " + part(l.Text.Reverse(true), "◆", "here as well")
}
