package tui

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// dossier is what is known of a session beside its row in the index: why it
// was allowed, what it did to files, where its forwards went, how busy it was.
type dossier struct {
	session access.Session
	request access.Request
	files   []access.Transfer
	trail   Trail
	hit     *access.Hit // what a search found in it
}

// mostFiles is how many entries of a ledger are shown; the command line has
// all.
const mostFiles = 1000

// Answers to [shared.lookUp] carry the generation that asked.
type (
	dossierFacts struct {
		gen     generation
		request access.Request
		files   []access.Transfer
		err     error
	}
	dossierTrail struct {
		gen   generation
		trail Trail
	}
)

// lookUp asks for a session's dossier: what the database has, and on its own,
// since a disk may be slow, what the recording tells.
func (s *shared) lookUp(gen generation, session access.Session) tea.Cmd {
	facts := s.do(func(ctx context.Context) tea.Msg {
		m := dossierFacts{gen: gen}
		if session.RequestID != "" && s.cfg.Requests != nil {
			m.request, m.err = s.cfg.Requests.Request(ctx, session.RequestID)
			if m.err != nil && access.AsError(m.err).Reason == access.ReasonNotFound {
				m.err = nil // a rebuilt index knows no requests
			}
		}
		if s.cfg.Files != nil {
			files, err := s.cfg.Files(ctx, session.ID)
			m.files, m.err = files, errors.Join(m.err, err)
		}
		return m
	})
	if s.cfg.Trail == nil {
		return facts
	}
	return tea.Batch(facts, s.do(func(ctx context.Context) tea.Msg {
		t, err := s.cfg.Trail(ctx, session)
		if err != nil {
			t.Missing = "the recording cannot be read; v tells what is wrong"
			s.cfg.Log.Warn("tui: a recording's trail", "session", session.ID, "err", err)
		}
		return dossierTrail{gen, t}
	}))
}

// take adds an answer; the command is for an error to be shown.
func (d *dossier) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case dossierFacts:
		d.request, d.files = msg.request, msg.files
		if msg.err != nil {
			return say(failed{msg.err})
		}
	case dossierTrail:
		d.trail = msg.trail
	}
	return nil
}

// forwardFacts say where forwards went, and what each came to.
func (d *dossier) forwardFacts() []fact {
	var all []fact
	for _, f := range d.trail.Forwards {
		text := access.Plain(f.Kind, 60)
		if to := access.Plain(f.Destination, 200); to != "" {
			text += " " + to
		}
		text += " · " + bytesText(f.Bytes)
		if f.Times > 1 {
			text += fmt.Sprintf(" · %d times", f.Times)
		}
		if f.Open > 0 {
			text += fmt.Sprintf(" · %d open", f.Open)
		}
		all = append(all, fact{"", text})
	}
	if d.trail.More {
		all = append(all, fact{"", "… and others"})
	}
	return headed("forwards", all)
}

// fileFacts are the ledger.
func (d *dossier) fileFacts() []fact {
	all := make([]fact, 0, len(d.files))
	for _, f := range d.files {
		all = append(all, fact{"", f.String()})
	}
	if len(d.files) == mostFiles {
		all = append(all, fact{"", "… and perhaps more"})
	}
	return headed("files", all)
}

// headed gives the first of several facts their label.
func headed(label string, all []fact) []fact {
	if len(all) > 0 {
		all[0].label = label
	}
	return all
}

// atMost is the first of several facts, and how many follow.
func atMost(all []fact, room int) []fact {
	if room = max(room, 1); len(all) <= room {
		return all
	}
	cut := append([]fact{}, all[:max(room-1, 1)]...)
	return append(cut, fact{"", fmt.Sprintf("… %d more", len(all)-len(cut))})
}

// verdictFact is what verifying it came to in this run.
func (s *shared) verdictFact(session access.Session) []fact {
	v, ok := s.verdicts[session.ID]
	switch {
	case ok:
		return []fact{{"verified", v.Text}}
	case s.cfg.Verify == nil || session.State == access.SessionLive:
		return nil
	}
	return []fact{{"verified", "not yet; v verifies"}}
}
