package tui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// besides is what is known of a session beside its recording.
type besides struct {
	request access.Request
	files   []access.Transfer
	notes   []access.Note
	err     error // the first
}

// besidesLoaded is that, asked for anew.
type besidesLoaded struct {
	gen generation
	besides
}

// lookBeside looks it up.
func (s *shared) lookBeside(ctx context.Context, session access.Session) (b besides) {
	failed := func(err error) {
		if b.err == nil {
			b.err = err
		}
	}
	var err error
	if session.RequestID != "" && s.cfg.Requests != nil {
		if b.request, err = s.cfg.Requests.Request(ctx, session.RequestID); err != nil {
			failed(err)
		}
	}
	if s.cfg.Files != nil {
		if b.files, err = s.cfg.Files(ctx, session.ID); err != nil {
			failed(err)
		}
	}
	if s.cfg.Notes != nil {
		if b.notes, err = s.cfg.Notes(ctx, session.ID); err != nil {
			failed(err)
		}
	}
	return b
}

// openFacts shows the facts, and asks for what may be new.
func (p *player) openFacts() tea.Cmd {
	p.facts, p.factsTop = true, 0
	return p.loadBeside()
}

func (p *player) loadBeside() tea.Cmd {
	p.asked = p.next()
	gen, session := p.asked, p.session
	return p.do(func(ctx context.Context) tea.Msg {
		return besidesLoaded{gen, p.lookBeside(ctx, session)}
	})
}

func (p *player) besidesLoaded(m besidesLoaded) tea.Cmd {
	if m.err != nil {
		return say(failed{m.err})
	}
	p.besides = m.besides
	return nil
}

// allFacts are the session's, what was noted, and the ledger of files, the
// moments in front.
func (p *player) allFacts() []fact {
	all := facts(p.session, p.request, p.now())
	if v, ok := p.verdicts[p.session.ID]; ok {
		all = append(all, fact{"verified", v.Text})
	}
	label := "notes"
	for _, n := range p.notes {
		all = append(all, fact{label, clock(n.At) + " " + noteText(n)})
		label = ""
	}
	label = "files"
	for _, f := range p.files {
		all = append(all, fact{label, clock(f.At) + " " + f.String()})
		label = ""
	}
	return all
}

// factsWidth is that of their box.
func (p *player) factsWidth() int {
	cols, _ := p.pane()
	return min(cols-4, 92)
}

// factsPart is the lines of the facts for which there is room, where they
// begin, and whether there are more.
func (p *player) factsPart() (lines []string, top int, more bool) {
	const around = 4 // columns
	_, rows := p.pane()
	room := max(rows-2, 1)
	lines = factLinesWhole(p.look, p.allFacts(), p.factsWidth()-around, p.factsTop+room+1)
	top = max(min(p.factsTop, len(lines)-room), 0)
	return lines[top:min(top+room, len(lines))], top, len(lines) > room
}

// factsBox draws the facts over what is below.
func (p *player) factsBox(below string) string {
	lines, _, _ := p.factsPart()
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(p.look.Accent.GetForeground()).
		Padding(0, 1).Width(p.factsWidth()).Render(strings.Join(lines, "\n"))
	cols, rows := p.pane()
	return overlay(below, box, cols, rows)
}

// pressFacts is a key while the facts are open.
func (p *player) pressFacts(k tea.KeyPressMsg) {
	lines, top, more := p.factsPart()
	page := max(len(lines)-2, 1)
	switch {
	case !more:
		p.facts = false
	case pressed(k, listKeys.Up):
		p.factsTop = top - 1
	case pressed(k, listKeys.Down):
		p.factsTop = top + 1
	case pressed(k, listKeys.PageUp):
		p.factsTop = top - page
	case pressed(k, listKeys.PageDown):
		p.factsTop = top + page
	case pressed(k, listKeys.Top):
		p.factsTop = 0
	case pressed(k, listKeys.Bottom):
		p.factsTop = 1 << 20 // there are not as many
	default:
		p.facts = false
	}
	p.factsTop = max(p.factsTop, 0)
}

func (p *player) factsKeys() keyList {
	if _, _, more := p.factsPart(); !more {
		return keyList{[]key.Binding{playerKeys.Close}, nil}
	}
	k := listKeys
	return keyList{[]key.Binding{k.Down, k.Up, playerKeys.CloseElse, k.PageDown, k.PageUp, k.Top, k.Bottom}, nil}
}
