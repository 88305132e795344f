package tui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// prompt is a box that asks for one line before something is done.
type prompt struct {
	look  *look
	title string
	facts []fact
	input line
	must  bool                     // an empty line does nothing
	plain bool                     // there is nothing to type: enter does it
	bad   bool                     // what enter does is not to be undone
	verb  string                   // what enter does, for the help line
	means func(line string) string // what a line comes to, said while it is typed
	moot  string                   // why there is nothing to do any more
	do    func(line string) tea.Cmd
}

func newPrompt(s *shared, title, label string, all []fact, do func(string) tea.Cmd) *prompt {
	p := &prompt{look: s.look, title: title, facts: all, do: do, input: newLine(s.look, label, "")}
	p.input.focused = true
	return p
}

func (p *prompt) keys() keyList {
	enter := lineKeys.Enter
	switch {
	case p.moot != "":
		return keyList{short: []key.Binding{lineKeys.Leave}}
	case p.verb != "":
		enter.SetHelp("enter", p.verb)
	}
	return keyList{short: []key.Binding{enter, lineKeys.Leave}}
}

// press takes a key; over says that the box is to be closed.
func (p *prompt) press(msg tea.Msg) (cmd tea.Cmd, over bool) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case pressed(k, lineKeys.Leave), p.moot != "" && pressed(k, lineKeys.Enter):
			return nil, true
		case pressed(k, lineKeys.Enter):
			line := access.Plain(p.input.value(), 300)
			if p.must && line == "" {
				return nil, false
			}
			return p.do(line), true
		}
	}
	if p.plain || p.moot != "" {
		return nil, false
	}
	p.input.edit(msg)
	return nil, false
}

// over draws the box in the middle of what is below.
func (p *prompt) over(below string, cols, rows int) string {
	width := min(cols-4, 76)
	inner := width - 4
	title := p.look.Strong
	if p.bad {
		title = p.look.Error
	}
	lines := []string{title.Render(p.title), ""}
	if len(p.facts) > 0 {
		lines = append(lines, strings.TrimRight(factLines(p.look, p.facts, inner, min(len(p.facts)+2, max(rows-8, 1))), " \n"), "")
	}
	switch {
	case p.moot != "":
		lines = append(lines, p.look.Warn.Render(fit(p.moot, inner)))
	case p.plain:
		lines = append(lines, p.look.Dim.Render("enter to do it, esc to leave it"))
	default:
		p.input.width = max(inner-lipgloss.Width(p.input.prompt)-1, 4)
		lines = append(lines, p.input.view())
	}
	if p.means != nil && p.moot == "" {
		lines = append(lines, p.look.Dim.Render(fit(p.means(p.input.value()), inner)))
	}
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(p.look.Accent.GetForeground()).
		Padding(0, 1).Width(width).Render(strings.Join(lines, "\n"))
	return overlay(below, box, cols, rows)
}

// overlay puts a box over the middle of a block, with a margin at its sides:
// words cut off right beside it would look like a part of it.
func overlay(below, box string, cols, rows int) string {
	top := strings.Split(box, "\n")
	lines := strings.Split(block(below, cols, rows), "\n")
	width := lipgloss.Width(box)
	x, y := max((cols-width)/2, 0), max((rows-len(top))/2, 0)
	margin := strings.Repeat(" ", min(x, 2))
	for i, line := range top {
		if y+i < len(lines) {
			lines[y+i] = cutAround(lines[y+i], margin+fit(line, min(width, cols))+margin, x-len(margin), cols)
		}
	}
	return strings.Join(lines, "\n")
}

// askKill asks for the reason to end a live session.
func askKill(s *shared, session access.Session) *prompt {
	p := newPrompt(s, "End "+access.Plain(string(session.Person)+"'s session on "+session.Target.String(), 120)+"?", "reason: ",
		nil, func(reason string) tea.Cmd {
			return s.do(func(ctx context.Context) tea.Msg {
				if err := s.cfg.Desk.Kill(ctx, s.cfg.Actor, session.ID, reason); err != nil {
					return failed{err}
				}
				return notice{"session " + string(session.ID) + " ended"}
			})
		})
	p.must, p.bad = true, true
	return p
}
