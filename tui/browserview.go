package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

func (b *browser) View() string {
	if b.cols == 0 {
		return ""
	}
	top := b.filterLine()
	body := ""
	switch {
	case b.sessions.len() > 0:
		body = b.list.view(b.row)
	case !b.loaded:
		body = centre(b.look.Dim.Render("reading the index…"), b.list.cols, b.list.rows)
	case b.filter.text != "":
		body = centre(b.look.Dim.Render("No session fits this filter.")+"\n"+b.look.Faint.Render("esc clears it"), b.list.cols, b.list.rows)
	default:
		body = centre(b.look.Dim.Render("No sessions yet.")+"\n"+b.look.Faint.Render("They appear here as they begin."), b.list.cols, b.list.rows)
	}
	if b.fault != nil {
		body = b.pointAt(body)
	}
	switch {
	case b.beside():
		body = beside(body, b.look.Rule.Render(" │ "), b.detailsView(detailCols, b.list.rows))
	case b.below():
		body += "\n" + b.look.Rule.Render(strings.Repeat("─", b.cols)) + "\n" + b.detailsView(b.cols, detailRows)
	}
	if b.ask != nil {
		body = b.ask.over(body, b.cols, b.rows-1)
	}
	return top + "\n" + body
}

// pointAt puts below the filter line what is wrong with it, and where.
func (b *browser) pointAt(body string) string {
	from, to := b.input.column(b.fault.from), b.input.column(b.fault.to)
	lines := strings.SplitN(body, "\n", 3)
	if len(lines) < 3 {
		return body
	}
	why := b.look.Error.Render(b.fault.why)
	lines[0] = fit(strings.Repeat(" ", from)+b.look.Error.Render(strings.Repeat("^", max(to-from, 1))), b.list.cols)
	lines[1] = fit(strings.Repeat(" ", max(min(from, b.list.cols-lipgloss.Width(why)), 0))+why, b.list.cols)
	return strings.Join(lines, "\n")
}

func (b *browser) filterLine() string {
	left := ""
	switch {
	case b.typing:
		left = b.input.view()
	case b.filter.text != "":
		left = b.look.Accent.Render("/ ") + b.look.Text.Render(access.Plain(b.filter.text, 200))
	default:
		left = b.look.Faint.Render("/ to filter")
	}
	count := b.look.Dim.Render(b.countText() + " ")
	if room := b.cols - lipgloss.Width(count) - 2; room >= 10 && lipgloss.Width(left) > room {
		left = fit(left, room) // the count tells whether there is anything
	}
	return spread(left, count, b.cols)
}

// countText says how many sessions there are, as far as they were loaded.
func (b *browser) countText() string {
	if !b.loaded {
		return ""
	}
	n := b.sessions.len()
	text := counted(n, "session", "sessions")
	if b.sessions.more || b.sessions.cut {
		text = fmt.Sprintf("%d+ sessions", n)
	}
	if live := len(b.sessions.live); live > 0 {
		text = fmt.Sprintf("%d live · %s", live, text)
	}
	if b.loading {
		text = "… " + text
	}
	return text
}

func (b *browser) row(i int) []field {
	s, _ := b.sessions.at(i)
	l := b.look
	state, style := stateOf(l, s)
	end := ending(s)
	endStyle := l.Dim
	if s.EndCause != access.EndExit && s.EndCause != access.EndDisconnect || s.ExitStatus != nil && *s.ExitStatus != 0 {
		endStyle = l.Warn
	}
	return []field{
		{access.Plain(string(s.Person), 40), l.Text},
		{access.Plain(s.Target.String(), 120), l.Text},
		{string(s.Kind), l.Dim},
		{moment(s.StartedAt, b.now()), l.Dim},
		{span(age(s, b.now())), l.Text},
		{string([]rune(state)[:1]), style},
		{state, style},
		{end, endStyle},
	}
}

func wheel(msg tea.MouseWheelMsg) int {
	if msg.Button == tea.MouseWheelUp {
		return -3
	}
	return 3
}
