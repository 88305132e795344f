package tui

import (
	tea "charm.land/bubbletea/v2"
)

func (b *browser) press(k tea.KeyPressMsg) tea.Cmd {
	b.toEnd = false
	switch {
	case b.ask != nil:
		cmd, over := b.ask.press(k)
		if over {
			b.ask = nil
		}
		return cmd
	case b.typing:
		return b.edit(k)
	case pressed(k, listKeys.Bottom):
		return b.goToEnd()
	case b.list.press(k):
		return b.moved()
	case pressed(k, browserKeys.Filter):
		b.typing = true
		b.input.focused = true
	case pressed(k, browserKeys.Clear):
		b.input.setValue("")
		return b.typed()
	case pressed(k, browserKeys.Details):
		b.openDetails()
	case pressed(k, browserKeys.Sort):
		return b.sortNext()
	case pressed(k, browserKeys.Turn):
		return b.sortBy(b.order, !b.backward)
	case pressed(k, browserKeys.Pane):
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

// openDetails shows the whole dossier of the session under the cursor.
func (b *browser) openDetails() {
	s, ok := b.selected()
	if !ok {
		return
	}
	d := b.dossier
	d.session = s
	if hit, ok := b.sessions.hits[s.ID]; ok {
		d.hit = &hit
	}
	replay := b.replay
	if b.cfg.Open == nil {
		replay = nil
	}
	b.open(newDetails(b.shared, d, replay))
}

func (b *browser) askKill() {
	if s, ok := b.selected(); ok && b.mayKill(s) {
		b.ask = askKill(b.shared, s)
	}
}

// edit gives a key to the filter line.
func (b *browser) edit(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case pressed(k, lineKeys.Enter) && b.fault != nil:
			return nil // it stands below what is wrong
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
	f, fault := parseFilter(b.input.value(), b.now())
	b.fault = fault
	if fault != nil {
		if b.loaded { // what is there stays; what is under way is nobody's wish any more
			b.filter, b.gen, b.loading = b.loadedFor, b.next(), false
		}
		return nil
	}
	if f.text == b.filter.text {
		return nil
	}
	if f.said != "" && b.typing {
		return nil // each search is an audit event: it waits for enter
	}
	b.filter = f
	b.gen = b.next()
	return b.after(typingPause, filterTyped{b.gen})
}
