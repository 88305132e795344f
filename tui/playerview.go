package tui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// pane is the size of what the screen is drawn in.
func (p *player) pane() (cols, rows int) {
	if p.zoom {
		return p.cols, max(p.rows-1, 1)
	}
	return p.cols, max(p.rows-4, 1)
}

// corner is the recorded cell that stands in the pane's top left corner: it
// follows the recorded cursor until the person pans.
func (p *player) corner() (x, y int) {
	cols, rows := p.pane()
	x, y = p.panX, p.panY
	if !p.panned {
		if p.frame.x < x || p.frame.x >= x+cols {
			x = p.frame.x - cols/2
		}
		if p.frame.y < y || p.frame.y >= y+rows {
			y = p.frame.y - rows + 1
		}
		if p.frame.x < cols {
			x = 0
		}
		if p.frame.y < rows {
			y = 0
		}
	}
	return min(max(x, 0), max(p.frame.cols-cols, 0)), min(max(y, 0), max(p.frame.rows-rows, 0))
}

func (p *player) View() string {
	if p.cols == 0 {
		return ""
	}
	cols, rows := p.pane()
	body := ""
	switch {
	case p.failure != nil:
		body = centre(p.look.Dim.Render("This recording cannot be shown.")+"\n"+p.look.Faint.Render("q goes back"), cols, rows)
	case !p.ready:
		body = centre(p.look.Dim.Render("opening the recording…"), cols, rows)
	default:
		body = p.screenView(cols, rows)
	}
	switch {
	case p.ask != nil:
		body = p.ask.over(body, cols, rows)
	case p.facts:
		body = p.factsBox(body, cols, rows)
	}
	if p.zoom {
		return body + "\n" + p.statusView()
	}
	heat, lane := p.timeline(p.cols)
	return strings.Join([]string{p.headView(), body, heat, lane, p.statusView()}, "\n")
}

func (p *player) headView() string {
	l, s := p.look, p.session
	left := l.Brand.Render(" ▶ ") + " " + l.Strong.Render(access.Plain(string(s.Person), 40)) + l.Dim.Render(" → ") +
		l.Strong.Render(access.Plain(s.Target.String(), 120)) + l.Dim.Render("  "+string(s.Kind)+"  "+s.StartedAt.UTC().Format("2006-01-02 15:04:05Z"))
	state, style := stateOf(l, s)
	right := style.Render(state)
	if end := ending(s); end != "" {
		right += l.Dim.Render(" · " + end)
	}
	if title := access.Plain(p.frame.title, 60); title != "" {
		if room := p.cols - lipgloss.Width(left) - lipgloss.Width(right) - 6; room > 8 {
			left += l.Faint.Render("  “" + strings.TrimRight(fit(title, min(room, lipgloss.Width(title))), " ") + "”")
		}
	}
	return spread(left, right+" ", p.cols)
}

// screenView draws the recorded cells, in a frame if there is room for one.
func (p *player) screenView(cols, rows int) string {
	f := p.frame
	left, top := p.corner()
	w, h := min(f.cols, cols), min(f.rows, rows)
	lines := make([]string, 0, h+2)
	framed := p.deck.head.Terminal && f.cols+2 <= cols && f.rows+2 <= rows
	rule := p.look.Rule.Render
	for y := top; y < top+h; y++ {
		cursor := -1
		if f.visible && y == f.y {
			cursor = f.x
		}
		line := ""
		if y < len(f.lines) {
			line = cut(f.lines[y], left, left+w, cursor)
		}
		line = fit(line, w)
		if framed {
			line = rule("│") + line + rule("│")
		}
		lines = append(lines, line)
	}
	if framed {
		bar := strings.Repeat("─", w)
		lines = append([]string{rule("╭" + bar + "╮")}, append(lines, rule("╰"+bar+"╯"))...)
		w += 2
	}
	margin := 0
	if p.deck.head.Terminal {
		margin = (cols - w) / 2
		above := make([]string, max((rows-len(lines))/2, 0))
		lines = append(above, lines...)
	}
	for i, line := range lines {
		lines[i] = strings.Repeat(" ", margin) + line
	}
	return block(strings.Join(lines, "\n"), cols, rows)
}

func (p *player) factsBox(below string, cols, rows int) string {
	width := min(cols-4, 92)
	all := facts(p.session, p.request, p.now())
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(p.look.Accent.GetForeground()).
		Padding(0, 1).Width(width).Render(strings.TrimRight(factsView(p.look, all, width-4, min(len(all)+2, max(rows-2, 1))), " \n"))
	return overlay(below, box, cols, rows)
}

// noteFor is how long, in recorded time, a marker's text stays.
const noteFor = 10 * time.Second

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

// statusView says where the player stands and how it goes on.
func (p *player) statusView() string {
	l := p.look
	if p.line != nil {
		return fit(p.line.view(), p.cols)
	}
	sign := l.Dim.Render("⏸ paused ")
	switch {
	case p.seeking != nil && p.seeking.what == find:
		sign = l.Info.Render("⌕ " + clock(p.frame.at) + " ")
	case p.seeking != nil:
		sign = l.Info.Render("» seeking")
	case p.follow:
		sign = l.Good.Render("● LIVE   ")
	case p.ended && !p.live():
		sign = l.Dim.Render("■ end    ")
	case p.playing:
		sign = l.Good.Render("▶ playing")
	}
	left := " " + sign + " " + l.Strong.Render(clock(p.frame.at)) + l.Dim.Render(" / "+clock(p.length())) +
		"  " + l.Text.Render(speedText(speeds[p.speed])) + l.Dim.Render("  "+idleText(idles[p.idle]))
	extra := ""
	if p.ready && p.deck.head.Terminal {
		extra = fmt.Sprintf("  %d×%d", p.frame.cols, p.frame.rows)
	}
	if cols, rows := p.pane(); p.frame.cols > cols || p.frame.rows > rows {
		extra += p.showing(cols, rows)
	}
	remark := p.remark()
	if lipgloss.Width(left)+lipgloss.Width(extra)+lipgloss.Width(remark)+2 > p.cols && remark != "" {
		extra = "" // what happens counts more than what is seen anyway
	}
	left += l.Dim.Render(extra)
	return spread(left, remark+" ", p.cols)
}

// showing says which part of a larger recording is in the pane.
func (p *player) showing(cols, rows int) string {
	x, y := p.corner()
	text := ""
	if p.frame.rows > rows {
		text += fmt.Sprintf("  rows %d–%d of %d", y+1, y+rows, p.frame.rows)
	}
	if p.frame.cols > cols {
		text += fmt.Sprintf("  columns %d–%d of %d", x+1, x+cols, p.frame.cols)
	}
	return text
}

// remark is what there is to say at this moment.
func (p *player) remark() string {
	l := p.look
	switch {
	case p.found != "":
		text := p.found
		if p.needle != "" {
			text += " “" + access.Plain(p.needle, 30) + "”"
		}
		return l.Info.Render(text)
	case p.now().Before(p.skipUntil):
		return l.Warn.Render("» " + span(p.skipped) + " idle skipped")
	case p.frame.marker.text != "" && p.frame.at-p.frame.marker.at < noteFor:
		return l.Lane.Render("◆ " + access.Plain(p.frame.marker.text, 48))
	case !p.survey.through && p.ready:
		return l.Faint.Render("reading " + clock(p.survey.length))
	}
	return ""
}

func speedText(v float64) string {
	return strconv.FormatFloat(v, 'g', -1, 64) + "×"
}

func idleText(d time.Duration) string {
	if d == 0 {
		return "idle as it was"
	}
	return "idle ≤ " + span(d)
}
