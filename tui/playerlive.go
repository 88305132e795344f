package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const stateEvery = 2 * time.Second // whether a live session has ended

type stateLoaded struct {
	gen     generation
	session access.Session
	err     error
}

func (p *player) live() bool { return p.session.State == access.SessionLive }

// loadState asks whether a live session has ended.
func (p *player) loadState(wait time.Duration) tea.Cmd {
	gen, id := p.gen, p.session.ID
	return p.do(func(ctx context.Context) tea.Msg {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		s, err := p.cfg.Sessions.Session(ctx, id)
		return stateLoaded{gen, s, err}
	})
}

func (p *player) stateKnown(m stateLoaded) tea.Cmd {
	if m.err != nil {
		return tea.Batch(say(failed{m.err}), p.loadState(stateEvery))
	}
	p.session = m.session
	if p.live() {
		return p.loadState(stateEvery)
	}
	return say(notice{fmt.Sprintf("the session ended: %s", ending(p.session))})
}

func (p *player) followOn(on bool) tea.Cmd {
	p.follow = on && p.live()
	if p.follow {
		p.playing, p.panned, p.ended = true, false, false
		return tea.Batch(p.give(&order{what: seek, to: forever, from: p.survey.keyframeAt(forever)}), p.startTicking())
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
