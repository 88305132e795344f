package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

func (b *browser) press(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case b.ask != nil:
		cmd, over := b.ask.press(k)
		if over {
			b.ask = nil
		}
		return cmd
	case b.typing:
		return b.edit(k)
	case b.list.press(k):
		return b.moved()
	case pressed(k, browserKeys.Filter):
		b.typing = true
		b.input.focused = true
	case pressed(k, browserKeys.Clear):
		b.input.setValue("")
		return b.typed()
	case pressed(k, browserKeys.Details):
		b.details = !b.details
		b.SetSize(b.cols, b.rows)
	case pressed(k, browserKeys.Reload):
		return b.reload()
	case pressed(k, browserKeys.Open):
		b.replay()
	case pressed(k, browserKeys.Verify):
		if s, ok := b.selected(); ok {
			return b.verify(s)
		}
	case pressed(k, browserKeys.Kill):
		b.askKill()
	}
	return nil
}

func (b *browser) replay() {
	if s, ok := b.selected(); ok && b.cfg.Open != nil {
		p := newPlayer(b.shared, s)
		if hit, ok := b.sessions.hits[s.ID]; ok {
			p.jump(hit, b.filter.said)
		}
		b.open(p)
	}
}

func (b *browser) askKill() {
	if s, ok := b.selected(); ok && s.State == access.SessionLive && b.cfg.Desk != nil {
		b.ask = askKill(b.shared, s)
	}
}

// edit gives a key to the filter line.
func (b *browser) edit(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case pressed(k, lineKeys.Enter):
			b.typing = false
			b.input.focused = false
			return b.typed()
		case pressed(k, lineKeys.Leave):
			b.typing = false
			b.input.focused = false
			b.input.setValue("")
			return b.typed()
		}
	}
	b.input.edit(msg)
	return b.typed()
}

// typed puts the filter line in force, once the typing pauses.
func (b *browser) typed() tea.Cmd {
	f, err := parseFilter(b.input.value(), b.now())
	b.filterErr = err
	if err != nil || f.text == b.filter.text {
		return nil
	}
	if f.said != "" && b.typing {
		return nil // each search is an audit event: it waits for enter
	}
	b.filter = f
	b.gen = b.next()
	return b.after(typingPause, filterTyped{b.gen})
}
