package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// click chooses a tab, or is the page's, in the page's own coordinates.
func (r *root) click(m tea.MouseClickMsg) tea.Cmd {
	if m.Button != tea.MouseLeft {
		return nil
	}
	if len(r.stack) > 0 {
		return r.front().Update(m)
	}
	if m.Y >= 2 {
		m.Y -= 2
		return r.front().Update(m)
	}
	for i, x := range r.tabColumns() {
		if m.Y == 0 && m.X >= x && (i+1 == len(r.tabs) || m.X < r.tabColumns()[i+1]) {
			r.show(i)
			break
		}
	}
	return nil
}

// tabColumns is where each tab begins.
func (r *root) tabColumns() []int {
	x, out := lipgloss.Width(" sallyport  "), make([]int, len(r.tabs))
	for i := range r.tabs {
		out[i] = x
		x += lipgloss.Width(r.tabText(i))
	}
	return out
}

// tabText is a tab as it stands in the header.
func (r *root) tabText(i int) string {
	l, t := r.shared.look, r.tabs[i]
	style := l.Tab
	if i == r.at {
		style = l.TabOn
	}
	text := " " + style.Render(t.name)
	if c, ok := t.page.(counter); ok && c.Count() > 0 {
		text += l.Count.Render(fmt.Sprintf(" %d", c.Count()))
	}
	return text + " "
}

// counter is a page with a number beside its tab.
type counter interface{ Count() int }

func (r *root) header() string {
	l := r.shared.look
	left := l.Brand.Render(" sallyport ") + " "
	for i := range r.tabs {
		left += r.tabText(i)
	}
	who := string(r.shared.cfg.Actor.Person)
	if who == "" {
		who = fmt.Sprintf("local:%d", r.shared.cfg.Actor.LocalUID)
	}
	return spread(left, l.Dim.Render(access.Plain(who, 40)+" "), r.cols)
}
