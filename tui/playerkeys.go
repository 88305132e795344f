package tui

import (
	"slices"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

func (p *player) Keys() help.KeyMap {
	k := playerKeys
	switch {
	case p.ask != nil:
		return p.ask.keys()
	case p.exporting:
		return exportKeys
	case p.facts:
		return p.factsKeys()
	case p.line != nil:
		return keyList{[]key.Binding{lineKeys.Enter, lineKeys.Leave}, nil}
	}
	short := []key.Binding{k.Pause, k.Seconds, k.Speed, k.Search, k.Goto, k.Facts, k.Idle}
	if p.live() {
		short = slices.Insert(short, 1, k.Follow)
		if p.mayKill(p.session) {
			short = slices.Insert(short, 2, k.Kill)
		}
	}
	own := []key.Binding{k.Search, k.Again, k.AgainBack, k.Facts}
	if p.cfg.AddNote != nil {
		own = append(own, k.Note)
	}
	if p.ready && p.deck.head.Typed {
		own = append(own, k.Typed)
	}
	own = append(own, k.Copy)
	if !p.live() && (p.cfg.Export != nil || p.cfg.ExportCommand != nil) {
		own = append(own, k.Export)
	}
	if p.cfg.Verify != nil && !p.live() {
		own = append(own, k.Verify)
	}
	if p.live() {
		own = append(own, k.Follow)
		if p.mayKill(p.session) {
			own = append(own, k.Kill)
		}
	}
	return keyList{short, [][]key.Binding{
		{k.Pause, k.Speed, k.Idle, k.Event, k.EventBack, k.Zoom, k.Pan, k.PanFree},
		{k.Seconds, k.Minutes, k.Percent, k.Goto, k.Start, k.End, k.MarkerBack, k.Marker, k.Active},
		own,
	}}
}

// press is a key while nothing is typed.
func (p *player) press(k tea.KeyPressMsg) tea.Cmd {
	p.found, p.searched = "", false
	if cmd, ok := p.pressWhere(k); ok {
		return cmd
	}
	if p.pressPan(k) {
		return nil
	}
	switch {
	case pressed(k, playerKeys.Leave):
		p.leave()
	case pressed(k, playerKeys.Pause):
		return p.pause()
	case pressed(k, playerKeys.Slower):
		p.speed = max(p.speed-1, 0)
		return p.leaveLive()
	case pressed(k, playerKeys.Faster):
		p.speed = min(p.speed+1, len(speeds)-1)
		return p.leaveLive()
	case pressed(k, playerKeys.Idle):
		p.idle = (p.idle + 1) % len(idles)
	case pressed(k, playerKeys.Follow):
		return p.followOn(!p.follow)
	case pressed(k, playerKeys.Goto):
		p.openLine(lineTime, "go to: ", "1:30, 40%, 12m")
	case pressed(k, playerKeys.Search):
		p.openLine(lineSearch, "/ ", "text that appears from here on")
	case pressed(k, playerKeys.Again):
		return p.search()
	case pressed(k, playerKeys.AgainBack):
		return p.searchBack()
	case pressed(k, playerKeys.Zoom):
		p.zoom = !p.zoom
	case pressed(k, playerKeys.Facts):
		return p.openFacts()
	case pressed(k, playerKeys.Note):
		p.openNote()
	case pressed(k, playerKeys.Typed):
		return p.toggleTyped()
	case pressed(k, playerKeys.Copy):
		return p.copyScreen()
	case pressed(k, playerKeys.Export):
		return p.openExport()
	case pressed(k, playerKeys.Verify):
		return p.verify(p.session)
	case pressed(k, playerKeys.Kill):
		if p.mayKill(p.session) {
			p.ask = askKill(p.shared, p.session)
		}
	}
	return nil
}

// pressWhere is the keys that go somewhere.
func (p *player) pressWhere(k tea.KeyPressMsg) (cmd tea.Cmd, ok bool) {
	at := p.aim()
	switch {
	case pressed(k, playerKeys.Back):
		return p.goTo(at - 5*time.Second), true
	case pressed(k, playerKeys.On):
		return p.goTo(at + 5*time.Second), true
	case pressed(k, playerKeys.BackMinute):
		return p.goTo(at - time.Minute), true
	case pressed(k, playerKeys.OnMinute):
		return p.goTo(at + time.Minute), true
	case pressed(k, playerKeys.Start):
		return p.goTo(0), true
	case pressed(k, playerKeys.End):
		return p.goTo(forever), true
	case pressed(k, playerKeys.Percent):
		return p.goTo(p.length() / 10 * time.Duration(k.Code-'0')), true
	case pressed(k, playerKeys.Event):
		p.playing, p.follow = false, false
		return p.give(&order{what: step}), true
	case pressed(k, playerKeys.EventBack):
		p.playing, p.follow = false, false
		return p.give(&order{what: stepBack, from: p.survey.keyframeBefore(p.frame.offset)}), true
	case pressed(k, playerKeys.Marker):
		return p.goNear(next(p.marked(), at))
	case pressed(k, playerKeys.MarkerBack):
		return p.goNear(before(p.marked(), at))
	case pressed(k, playerKeys.Active):
		return p.goNear(next(p.survey.starts, at))
	}
	return nil, false
}

// aim is where the player stands, or is going to.
func (p *player) aim() time.Duration {
	for _, o := range []*order{p.wish, p.seeking} {
		if o != nil && o.what == seek && o.to != forever {
			return o.to
		}
	}
	return p.frame.at
}

func (p *player) goNear(at time.Duration, ok bool) (tea.Cmd, bool) {
	if !ok {
		p.found = "none from here"
		return nil, true
	}
	return p.goTo(at), true
}

func (p *player) goTo(at time.Duration) tea.Cmd {
	p.follow, p.ended = false, false
	at = max(at, 0)
	return p.give(&order{what: seek, to: at, from: p.survey.keyframeAt(at)})
}
