package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// chooser is a box with the ways on to a host, to choose one of.
type chooser struct {
	*shared
	title string
	ways  []way
	at    int
	do    func(way) tea.Cmd
}

func (c *chooser) keys() keyList {
	return keyList{short: []key.Binding{listKeys.Up, listKeys.Down, lineKeys.Enter, lineKeys.Leave}}
}

// press takes a key; over says that the box is to be closed.
func (c *chooser) press(k tea.KeyPressMsg) (cmd tea.Cmd, over bool) {
	switch {
	case pressed(k, lineKeys.Leave), pressed(k, rootKeys.Quit):
		return nil, true
	case pressed(k, lineKeys.Enter):
		return c.do(c.ways[c.at]), true
	case pressed(k, listKeys.Up):
		c.at = max(c.at-1, 0)
	case pressed(k, listKeys.Down):
		c.at = min(c.at+1, len(c.ways)-1)
	}
	return nil, false
}

// over draws the box in the middle of what is below.
func (c *chooser) over(below string, cols, rows int) string {
	width := min(cols-4, 60)
	lines := []string{c.look.Strong.Render(c.title), ""}
	for i, w := range c.ways {
		text, style := w.stands(c.look, c.now())
		mark, ground := "  ", lipgloss.NewStyle()
		if i == c.at {
			mark, ground = "▌ ", c.look.Selected
		}
		lines = append(lines, ground.Inherit(c.look.Accent).Render(mark)+
			ground.Inherit(c.look.Text).Render(fit(access.Plain(w.Target.Login, 32), 20))+
			ground.Inherit(style).Render(fit(w.sign()+" "+text, max(width-26, 1))))
	}
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(c.look.Accent.GetForeground()).
		Padding(0, 1).Width(width).Render(strings.Join(lines, "\n"))
	return overlay(below, box, cols, rows)
}
