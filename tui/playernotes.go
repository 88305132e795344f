package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// noted is a note that was kept.
type noted struct {
	gen  generation
	note access.Note
}

// openNote opens a line for a note on the moment that is shown. It goes on
// playing: what is typed is about the moment at which it was begun.
func (p *player) openNote() {
	if p.cfg.AddNote == nil || !p.ready {
		p.found = "no notes are taken here"
		return
	}
	p.noteAt = p.frame.at
	p.openLine(lineNote, "note at "+clock(p.noteAt)+": ", "what is to be seen; it cannot be taken back")
}

func (p *player) addNote(text string) tea.Cmd {
	gen := p.gen
	n, err := access.NewNote(p.session.ID, p.noteAt, text, p.cfg.Actor.Person, p.cfg.Actor.Via)
	if err != nil {
		return say(failed{err})
	}
	return p.do(func(ctx context.Context) tea.Msg {
		kept, err := p.cfg.AddNote(ctx, n)
		if err != nil {
			return failed{err}
		}
		return noted{gen, kept}
	})
}

func (p *player) noted(m noted) tea.Cmd {
	return tea.Batch(say(notice{"noted at " + clock(m.note.At)}), p.loadBeside())
}

// noteHere is the last note on a moment just before what is shown.
func (p *player) noteHere() (access.Note, bool) {
	for _, n := range slices.Backward(p.notes) {
		if n.At <= p.frame.at {
			return n, p.frame.at-n.At < noteFor
		}
	}
	return access.Note{}, false
}

// noteText is a note as one line.
func noteText(n access.Note) string {
	return access.Plain(string(n.By), 40) + ": " + access.Plain(n.Text, access.LongestNote)
}

// marked are the moments that somebody or something marked, in order.
func (p *player) marked() []time.Duration {
	all := slices.Clone(p.survey.marks)
	for _, n := range p.notes {
		all = append(all, n.At)
	}
	slices.Sort(all)
	return all
}
