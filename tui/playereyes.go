package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// Heeding is a live recording that wants to know whether its present is on the
// screen: its session may run only while somebody sees it. The method must not
// wait.
type Heeding interface{ Present(shown bool) }

// mostLag is how far behind the present a player may show, and count. Who writes
// faster than a screen is drawn must not hide behind what is still to be drawn.
const mostLag = 5 * time.Second

// heed tells a live recording what is on the screen: the present from when the
// player has caught up, as long as it follows and keeps up.
func (p *player) heed() tea.Cmd {
	h, ok := p.held.heeding()
	if !ok {
		return nil
	}
	late := p.ended && p.now().Sub(p.endedAt) > mostLag
	if late {
		p.ended = false // until it has caught up again
	}
	shown := p.follow && p.ended
	if shown == p.present {
		return nil
	}
	p.present = shown
	h.Present(shown)
	switch {
	case shown || p.failing || !p.live() || !p.session.Vigil:
		return nil
	case late && p.follow:
		return say(notice{"the session is paused until you see what is there already"})
	}
	return say(notice{"the session is paused while you look elsewhere in it: F follows, and it goes on"})
}

func (h *held) heeding() (Heeding, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.rec.(Heeding)
	return r, ok
}
