package tui

import (
	"math"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

var heatBars = []rune("▁▂▃▄▅▆▇█")

// timeline draws heat by bytes, and below it a lane with the marks and where
// the player stands.
func (p *player) timeline(cols int) (heat, lane string) {
	length := max(p.length(), time.Millisecond)
	column := func(at time.Duration) int {
		return min(int(float64(at)/float64(length)*float64(cols)), cols-1)
	}
	sums := make([]int64, cols)
	var most int64
	for i, n := range p.survey.heat {
		c := column(min(time.Duration(i)*p.survey.bucket, length))
		sums[c] += n
		most = max(most, sums[c])
	}
	here := column(min(p.frame.at, length))
	var past, ahead strings.Builder
	for i, n := range sums {
		r := '·'
		if n > 0 {
			r = heatBars[min(int(math.Log1p(float64(n))/math.Log1p(float64(most))*float64(len(heatBars))), len(heatBars)-1)]
		}
		if i <= here {
			past.WriteRune(r)
		} else {
			ahead.WriteRune(r)
		}
	}
	heat = p.look.HeatPast.Render(past.String()) + p.look.HeatAhead.Render(ahead.String())

	marks := make([]string, cols)
	for _, m := range p.survey.marks {
		c := column(min(m.at, length))
		if m.code == CodeMarker {
			marks[c] = p.look.Lane.Render("◆")
		} else if marks[c] == "" {
			marks[c] = p.look.Faint.Render("↔")
		}
	}
	marks[here] = p.look.Accent.Render("▲")
	var b strings.Builder
	for _, m := range marks {
		if m == "" {
			m = " "
		}
		b.WriteString(m)
	}
	return heat, b.String()
}

// click on the timeline goes there.
func (p *player) click(m tea.MouseClickMsg) tea.Cmd {
	if p.zoom || p.cols == 0 || m.Y < p.rows-3 || m.Y > p.rows-2 {
		return nil
	}
	return p.goTo(time.Duration(float64(m.X) / float64(p.cols) * float64(p.length())))
}
