package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// lineUse is what a line of input is for.
type lineUse int

const (
	lineTime lineUse = iota
	lineSearch
	lineNote
	lineFile
)

// openLine opens a line of input below the timeline.
func (p *player) openLine(is lineUse, prompt, placeholder string) {
	in := newLine(p.look, prompt, placeholder)
	in.width, in.focused = max(p.cols-lipgloss.Width(prompt)-2, 10), true
	p.line, p.lineIs = &in, is
}

// typed takes keys while a box or a line is open.
func (p *player) typed(msg tea.Msg) tea.Cmd {
	if p.exporting {
		if k, ok := msg.(tea.KeyPressMsg); ok {
			return p.pressExport(k)
		}
		return nil
	}
	if p.facts {
		if k, ok := msg.(tea.KeyPressMsg); ok {
			p.pressFacts(k)
		}
		return nil
	}
	if p.ask != nil {
		cmd, over := p.ask.press(msg)
		if over {
			p.ask = nil
		}
		return cmd
	}
	if p.line == nil {
		return nil
	}
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case pressed(k, lineKeys.Leave):
			p.line = nil
			return nil
		case pressed(k, lineKeys.Enter):
			text := strings.TrimSpace(p.line.value())
			p.line = nil
			return p.entered(text)
		}
	}
	p.line.edit(msg)
	return nil
}

func (p *player) entered(text string) tea.Cmd {
	if text == "" {
		return nil
	}
	switch p.lineIs {
	case lineNote:
		return p.addNote(text)
	case lineFile:
		return p.export(text)
	case lineSearch:
		return p.seekText(strings.ToLower(text))
	}
	at, err := parseTime(text, p.length())
	if err != nil {
		return say(failed{access.Refuse(access.ReasonMalformed, err.Error(), "")})
	}
	return p.goTo(at)
}
