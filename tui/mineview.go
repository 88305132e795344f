package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

func (m *mine) View() string {
	if m.cols == 0 {
		return ""
	}
	body := ""
	switch {
	case len(m.items) > 0:
		body = m.list.view(m.row)
		if m.below() {
			body += "\n" + m.look.Rule.Render(strings.Repeat("─", m.cols)) + "\n" + m.detailsView(m.items[m.list.at], m.cols, mineRows)
		}
	case m.loaded:
		body = centre(m.look.Dim.Render("You have asked for nothing yet.")+"\n"+m.look.Faint.Render("ssh LOGIN@HOST@bastion asks where a rule wants approval."), m.cols, m.rows)
	default:
		body = centre(m.look.Dim.Render("reading…"), m.cols, m.rows)
	}
	if m.ask != nil {
		body = m.ask.over(body, m.cols, m.rows)
	}
	return body
}

// detailsView says what was asked, and what those who decided said to it.
func (m *mine) detailsView(it mineItem, cols, rows int) string {
	r := it.request
	state, _, style := it.standing(m.look, m.now())
	var all []fact
	for _, d := range slices.Backward(r.Decisions) { // the last is what it came to
		all = append(all, wordFact(d))
	}
	all = append(all, fact{"reason", access.Plain(cmp.Or(r.Reason, "none given"), 300)},
		fact{"rule", access.Plain(r.Rule, 64)}, fact{"request", access.Plain(string(r.ID), 40)})
	title := access.Plain(r.Target.String(), 120) + " for " + span(r.For)
	return spread(m.look.Strong.Render(title), style.Render(state), cols) + "\n" + factLines(m.look, all, cols, rows-1)
}

func (m *mine) row(i int) []field {
	l, now, it := m.look, m.now(), m.items[i]
	state, left, style := it.standing(l, now)
	by := make([]access.PersonName, 0, 2)
	for _, d := range it.request.Decisions {
		by = append(by, d.Person)
	}
	return []field{
		{access.Plain(it.request.Target.String(), 120), l.Text},
		{string([]rune(state)[:1]), style},
		{state, style},
		{left, l.Text},
		{moment(it.request.RequestedAt, now), l.Dim},
		{access.Plain(names(by), 60), l.Dim},
		{access.Plain(it.request.Reason, 200), l.Dim},
	}
}

// standing says in words how it stands and how much time is left.
func (it mineItem) standing(l *look, now time.Time) (state, left string, style lipgloss.Style) {
	if it.request.State == access.RequestPending {
		return "… pending", "lapses in " + span(it.request.WaitUntil.Sub(now)), l.Warn
	}
	g := it.grant
	switch {
	case g == nil:
		return "✗ " + string(it.request.State), "", l.Dim
	case g.State == access.GrantReady:
		return "○ ready", "use in " + span(g.UseBy.Sub(now)), l.Good
	case g.State == access.GrantActive:
		return "● active", fmt.Sprintf("%s left", span(g.NotAfter.Sub(now))), l.Good
	}
	return "✓ " + string(g.State), "", l.Dim
}
