package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// verified is what verifying a recording came to.
type verified struct {
	session access.SessionID
	verdict Verdict
}

// verify checks a recording against its signature, which may take a while.
func (s *shared) verify(session access.Session) tea.Cmd {
	if s.cfg.Verify == nil {
		return nil
	}
	if session.State == access.SessionLive {
		return say(failed{access.Refuse(access.ReasonNotFound, "this session still runs, nothing is signed yet", "Verify it when it is over")})
	}
	s.doing = "verifying…"
	return s.do(func(ctx context.Context) tea.Msg {
		v, err := s.cfg.Verify(ctx, session)
		if err != nil {
			return failed{err}
		}
		return verified{session.ID, v}
	})
}

// verified keeps a verdict and shows it.
func (r *root) verified(m verified) {
	if r.shared.verdicts == nil {
		r.shared.verdicts = make(map[access.SessionID]Verdict)
	}
	r.shared.verdicts[m.session] = m.verdict
	r.status, r.bad = access.Plain(m.verdict.Text, 300), !m.verdict.Intact
}
