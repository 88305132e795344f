package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// press is a key while nothing is typed.
func (p *player) press(k tea.KeyPressMsg) tea.Cmd {
	p.found = ""
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
		p.openLine(':', "go to: ", "1:30, 40%, 12m")
	case pressed(k, playerKeys.Search):
		p.openLine('/', "/ ", "text that appears from here on")
	case pressed(k, playerKeys.Again):
		return p.search()
	case pressed(k, playerKeys.Zoom):
		p.zoom = !p.zoom
	case pressed(k, playerKeys.Facts):
		p.facts = true
	case pressed(k, playerKeys.Verify):
		return p.verify(p.session)
	case pressed(k, playerKeys.Kill):
		if p.live() && p.cfg.Desk != nil {
			p.ask = askKill(p.shared, p.session)
		}
	}
	return nil
}

// leaveLive ends following when the pace is chosen by hand.
func (p *player) leaveLive() tea.Cmd {
	if !p.follow {
		return nil
	}
	p.follow = false
	return p.startTicking()
}

func (p *player) pause() tea.Cmd {
	p.follow = false
	if p.playing = !p.playing; !p.playing {
		return nil
	}
	if p.ended && !p.live() {
		p.ended = false
		return tea.Batch(p.goTo(0), p.startTicking())
	}
	return p.startTicking()
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
		return p.goNear(next(p.survey.markTimes(), at))
	case pressed(k, playerKeys.MarkerBack):
		return p.goNear(before(p.survey.markTimes(), at))
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

// pressPan is the keys that move the view over a recording that is larger.
func (p *player) pressPan(k tea.KeyPressMsg) bool {
	by := 1
	if k.Mod.Contains(tea.ModShift) {
		by = 10
	}
	switch {
	case pressed(k, playerKeys.PanUp):
		p.pan(0, -by)
	case pressed(k, playerKeys.PanDown):
		p.pan(0, by)
	case pressed(k, playerKeys.PanLeft):
		p.pan(-4*by, 0)
	case pressed(k, playerKeys.PanRight):
		p.pan(4*by, 0)
	case pressed(k, playerKeys.PanFree):
		p.panned = false
	default:
		return false
	}
	return true
}

func (p *player) pan(x, y int) {
	p.panX, p.panY = p.corner()
	p.panX, p.panY = p.panX+x, p.panY+y
	p.panned = true
	p.panX, p.panY = p.corner()
}

// openLine opens a line of input below the timeline.
func (p *player) openLine(is rune, prompt, placeholder string) {
	in := newLine(p.look, prompt, placeholder)
	in.width, in.focused = max(p.cols-lipgloss.Width(prompt)-2, 10), true
	p.line, p.lineIs = &in, is
}

// typed takes keys while a box or a line is open.
func (p *player) typed(msg tea.Msg) tea.Cmd {
	if p.facts {
		p.facts = false
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
	if p.lineIs == '/' {
		p.needle = strings.ToLower(text)
		return p.search()
	}
	at, err := parseTime(text, p.length())
	if err != nil {
		return say(failed{access.Refuse(access.ReasonMalformed, err.Error(), "")})
	}
	return p.goTo(at)
}

func (p *player) search() tea.Cmd {
	if p.needle == "" {
		return nil
	}
	p.playing, p.follow = false, false
	return p.give(&order{what: find, needle: p.needle, from: p.survey.keyframeBefore(p.frame.offset)})
}

// click on the timeline goes there.
func (p *player) click(m tea.MouseClickMsg) tea.Cmd {
	if p.zoom || p.cols == 0 || m.Y < p.rows-3 || m.Y > p.rows-2 {
		return nil
	}
	return p.goTo(time.Duration(float64(m.X) / float64(p.cols) * float64(p.length())))
}
