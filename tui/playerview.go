package tui

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

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
	case p.exporting:
		body = p.exportBox(body)
	case p.facts:
		body = p.factsBox(body)
	}
	if p.typedOn {
		body += "\n" + p.typedView()
	}
	if p.zoom {
		return body + "\n" + p.statusView()
	}
	heat, lane := p.timeline()
	return strings.Join([]string{p.headView(), body, heat, lane, p.statusView()}, "\n")
}

// Legend explains the timeline in the help.
func (p *player) Legend() string { return legend(p.look) }

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
