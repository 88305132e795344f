package tui

import (
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

func (a *approvals) View() string {
	if a.cols == 0 {
		return ""
	}
	body := ""
	switch {
	case len(a.pending) > 0:
		r, _ := a.selected()
		rule := a.look.Rule.Render(strings.Repeat("─", a.cols))
		body = a.list.view(a.row) + "\n" + rule + "\n" + a.factsView(a.noticeOf(r), a.rows-a.list.rows-1)
	case a.loaded:
		body = centre(a.look.Dim.Render("Nothing waits for you.")+"\n"+a.look.Faint.Render("Requests that you may decide appear here as they come."), a.cols, a.rows)
	default:
		body = centre(a.look.Dim.Render("reading…"), a.cols, a.rows)
	}
	if a.ask != nil {
		body = a.ask.over(body, a.cols, a.rows)
	}
	return body
}

// factsView says who wants what in a line, as Slack does, and the facts below.
func (a *approvals) factsView(n access.Notice, rows int) string {
	l := a.look
	state := l.Warn.Render("… pending")
	if n.Request.Owed() {
		state = l.Bad.Render("! review owed")
	}
	return spread(l.Strong.Render(wants(n.Request)), state, a.cols) + "\n" + factLines(l, noticeFacts(n, a.now()), a.cols, rows-1)
}

func (a *approvals) row(i int) []field {
	r, now, l := a.pending[i], a.now(), a.look
	left := r.WaitUntil.Sub(now)
	style := l.Dim
	if left < 5*time.Minute {
		style = l.Warn
	}
	reason := access.Plain(r.Reason, 200)
	if by := r.ApprovedBy(); len(by) > 0 {
		reason = "✓ " + names(by) + " · " + reason
	}
	wait := coarse(left)
	if r.Owed() {
		wait, style = "review", l.Bad
	}
	length := span(r.For)
	if r.Extends != "" {
		length = "+" + length
	}
	return []field{
		{access.Plain(string(r.Person), 40), l.Strong},
		{access.Plain(r.Target.String(), 120), l.Text},
		{length, l.Text},
		{coarse(now.Sub(r.RequestedAt)) + " ago", l.Dim},
		{wait, style},
		{reason, l.Dim},
	}
}
