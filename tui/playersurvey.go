package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

type (
	surveyed struct {
		gen      generation
		surveyor *surveyor
		found    findings
	}
	surveyOn struct {
		gen      generation
		surveyor *surveyor
	}
)

// lookOn sends the surveyor on.
func (p *player) lookOn(s *surveyor) tea.Cmd {
	gen, every := p.gen, p.survey.every
	return p.do(func(ctx context.Context) tea.Msg {
		return surveyed{gen, s, s.look(ctx, every)}
	})
}

func (p *player) surveyed(m surveyed) tea.Cmd {
	p.survey.take(m.found)
	if m.found.forged {
		return p.disown(m)
	}
	return p.surveyedOn(m)
}

// surveyedOn goes on after what was found.
func (p *player) surveyedOn(m surveyed) tea.Cmd {
	switch {
	case m.found.err != nil:
		return say(failed{readFailed(m.found.err)})
	case !m.found.end:
		return p.lookOn(m.surveyor)
	case p.live():
		return p.after(time.Second, surveyOn{p.gen, m.surveyor})
	}
	return nil
}

// disown ends the use of stored keyframes that are not the recording's own, and
// shows the present moment as it was recorded.
func (p *player) disown(m surveyed) tea.Cmd {
	p.survey.stored, m.found.forged = nil, false
	p.cfg.Log.Warn("tui: the keyframes beside a recording are not its own", "session", p.session.ID)
	fault := access.Fail(access.ReasonRecording, "session.kf is not of this recording, and not used any more", "Ask who changed it", nil)
	again := p.give(&order{what: seek, to: p.frame.at, from: p.survey.keyframeBefore(0)})
	return tea.Batch(again, say(failed{fault}), p.surveyedOn(m))
}
