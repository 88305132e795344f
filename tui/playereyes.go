package tui

import tea "charm.land/bubbletea/v2"

// Heeding is a live recording that wants to know whether its present is on the
// screen: its session may run only while somebody sees it. The method must not
// wait.
type Heeding interface{ Present(shown bool) }

// heed tells a live recording what is on the screen: the present from when the
// player has caught up, as long as it follows.
func (p *player) heed() tea.Cmd {
	h, ok := p.held.heeding()
	if !ok {
		return nil
	}
	shown := p.follow && (p.present || p.ended)
	if shown == p.present {
		return nil
	}
	p.present = shown
	h.Present(shown)
	if !shown && p.live() && p.session.Vigil {
		return say(notice{"the session is paused while you look elsewhere in it: F follows, and it goes on"})
	}
	return nil
}

func (h *held) heeding() (Heeding, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.rec.(Heeding)
	return r, ok
}
