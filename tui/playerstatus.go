package tui

import (
	"fmt"
	"strconv"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/sallyport/sallyport/access"
)

// noteFor is how long, in recorded time, a marker's text stays.
const noteFor = 10 * time.Second

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
	remark = ansi.Truncate(remark, max(p.cols-lipgloss.Width(left)-2, 0), "…")
	return spread(left, remark+" ", p.cols)
}

// showing says which part of a larger recording is in the pane.
func (p *player) showing(cols, rows int) string {
	x, y := p.corner()
	text := ""
	if p.frame.rows > rows {
		text += fmt.Sprintf("  rows %d–%d", y+1, y+rows)
	}
	if p.frame.cols > cols {
		text += fmt.Sprintf("  columns %d–%d", x+1, x+cols)
	}
	return text
}

// remark is what there is to say at this moment.
func (p *player) remark() string {
	l := p.look
	n, noteHere := p.noteHere()
	switch {
	case p.found != "":
		text := p.found
		if p.needle != "" && p.searched {
			text += " “" + access.Plain(p.needle, 30) + "”" + p.tally()
		}
		return l.Info.Render(text)
	case p.now().Before(p.skipUntil):
		return l.Warn.Render("» " + span(p.skipped) + " idle skipped")
	case noteHere:
		return l.Good.Render("✎ " + noteText(n))
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
