package tui

import (
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// detailsPage is the dossier of one session by itself: all of it, to be
// scrolled, however small the window.
type detailsPage struct {
	*shared
	dossier    dossier
	gen        generation
	replay     func() // nil without
	cols, rows int
	top        int
}

// newDetails shows what is known already, and asks for the rest.
func newDetails(s *shared, d dossier, replay func()) *detailsPage {
	return &detailsPage{shared: s, dossier: d, replay: replay, gen: s.next()}
}

func (p *detailsPage) Init() tea.Cmd { return p.lookUp(p.gen, p.dossier.session) }

func (p *detailsPage) SetSize(cols, rows int) {
	p.cols, p.rows = cols, rows
	p.scroll(0)
}

func (p *detailsPage) Typing() bool { return false }

func (p *detailsPage) Keys() help.KeyMap {
	k := detailKeys
	own := []key.Binding{k.Leave}
	if p.cfg.Verify != nil && p.dossier.session.State != access.SessionLive {
		own = append([]key.Binding{k.Verify}, own...)
	}
	if p.replay != nil {
		own = append([]key.Binding{k.Open}, own...)
	}
	return keyList{append([]key.Binding{k.Scroll}, own...), [][]key.Binding{own, listColumn()}}
}

func (p *detailsPage) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case dossierFacts:
		if msg.gen == p.gen {
			return p.dossier.take(msg)
		}
	case dossierTrail:
		if msg.gen == p.gen {
			return p.dossier.take(msg)
		}
	case tea.MouseWheelMsg:
		p.scroll(wheel(msg))
	case tea.KeyPressMsg:
		return p.press(msg)
	}
	return nil
}

func (p *detailsPage) press(k tea.KeyPressMsg) tea.Cmd {
	page := max(p.rows-3, 1)
	switch {
	case pressed(k, detailKeys.Leave):
		p.leave()
	case pressed(k, detailKeys.Open) && p.replay != nil:
		p.replay()
	case pressed(k, detailKeys.Verify):
		return p.verify(p.dossier.session)
	case pressed(k, listKeys.Up):
		p.scroll(-1)
	case pressed(k, listKeys.Down):
		p.scroll(1)
	case pressed(k, listKeys.PageUp):
		p.scroll(-page)
	case pressed(k, listKeys.PageDown):
		p.scroll(page)
	case pressed(k, listKeys.Top):
		p.top = 0
	case pressed(k, listKeys.Bottom):
		p.scroll(1 << 20)
	}
	return nil
}

func (p *detailsPage) lines() []string {
	return strings.Split(dossierSections(p.shared, &p.dossier, max(p.cols-2, 10)), "\n")
}

func (p *detailsPage) scroll(by int) {
	if p.cols > 0 {
		p.top = max(min(p.top+by, len(p.lines())-(p.rows-2)), 0)
	}
}

func (p *detailsPage) View() string {
	if p.cols == 0 {
		return ""
	}
	l, s := p.look, p.dossier.session
	left := l.Brand.Render(" i ") + " " + l.Strong.Render(access.Plain(string(s.Person), 40)) + l.Dim.Render(" → ") +
		l.Strong.Render(access.Plain(s.Target.String(), 120)) + l.Dim.Render("  "+string(s.Kind))
	state, style := stateOf(l, s)
	lines := p.lines()
	shown := lines[min(p.top, len(lines)):min(p.top+p.rows-2, len(lines))]
	for i := range shown {
		shown[i] = " " + shown[i]
	}
	where := ""
	if n := len(lines) - p.top - len(shown); n > 0 {
		where = counted(n, "line", "lines") + " below "
	}
	rule := strings.Repeat("─", max(p.cols-len(where)-1, 0))
	return spread(left, style.Render(state)+" ", p.cols) + "\n" + fit(l.Rule.Render(rule)+l.Faint.Render(" "+where), p.cols) + "\n" +
		block(strings.Join(shown, "\n"), p.cols, p.rows-2)
}
