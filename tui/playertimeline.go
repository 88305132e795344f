package tui

import (
	"math"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

var heatBars = []rune("▁▂▃▄▅▆▇█")

func (p *player) scale() scale { return scale{max(p.length(), time.Millisecond), max(p.cols, 1)} }

// timeline draws heat by bytes, and below it the lane.
func (p *player) timeline() (heat, lane string) {
	s, c := p.scale(), &p.survey.course
	sums, each := make([]int64, s.cols), make([]kinds, s.cols)
	var most int64
	for i, b := range c.buckets {
		col := s.column(min(time.Duration(i)*c.each, s.length))
		sums[col] += b.bytes
		each[col] |= b.kinds
		most = max(most, sums[col])
	}
	for _, n := range p.notes {
		each[s.column(min(n.At, s.length))] |= kindNote
	}
	for _, at := range p.hits.at {
		each[s.column(at)] |= kindHit
	}
	here := s.column(min(p.frame.at, s.length))
	lane = laneView(p.look, each, idleColumns(c.gaps, idles[p.idle], s), here)
	return p.heatView(sums, most, here), lane
}

func (p *player) heatView(sums []int64, most int64, here int) string {
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
	return p.look.HeatPast.Render(past.String()) + p.look.HeatAhead.Render(ahead.String())
}

// moments are all that stand in the lane, resizes apart, in order.
func (p *player) moments() []time.Duration {
	all := slices.Concat(p.marked(), p.hits.at)
	slices.Sort(all)
	return all
}

// click on the timeline goes there: on the lane to what stands in that column.
func (p *player) click(m tea.MouseClickMsg) tea.Cmd {
	if p.zoom || p.cols == 0 || p.Typing() || m.Y < p.rows-3 || m.Y > p.rows-2 {
		return nil
	}
	s := p.scale()
	at := s.from(m.X)
	all := p.moments()
	if i, _ := slices.BinarySearch(all, at); m.Y == p.rows-2 && i < len(all) && s.column(all[i]) == m.X {
		at = all[i]
	}
	return p.goTo(at)
}
