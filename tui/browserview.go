package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

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
	switch {
	case b.beside():
		body = beside(body, b.look.Rule.Render(" │ "), b.detailsView(detailCols, b.list.rows))
	case b.details:
		body += "\n" + b.look.Rule.Render(strings.Repeat("─", b.cols)) + "\n" + b.detailsView(b.cols, detailRows)
	}
	if b.ask != nil {
		body = b.ask.over(body, b.cols, b.rows-1)
	}
	return top + "\n" + body
}

func (b *browser) filterLine() string {
	count := fmt.Sprintf("%d live · %d", len(b.sessions.live), b.sessions.len())
	if b.sessions.more {
		count += "+"
	}
	if b.loading && b.loaded {
		count = "… " + count
	}
	right := b.look.Dim.Render(count + " sessions ")
	left := ""
	switch {
	case b.filterErr != nil:
		left = b.input.view() + " "
		right = b.look.Error.Render(b.filterErr.Error() + " ")
		return fit(left+right, b.cols)
	case b.typing:
		left = b.input.view()
	case b.filter.text != "":
		left = b.look.Accent.Render("/ ") + b.look.Text.Render(access.Plain(b.filter.text, 200))
	default:
		left = b.look.Faint.Render("/ to filter")
	}
	return spread(left, right, b.cols)
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
