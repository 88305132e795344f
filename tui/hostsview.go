package tui

import (
	"strings"

	"charm.land/bubbles/v2/help"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

func (h *hosts) View() string {
	if h.cols == 0 {
		return ""
	}
	top := h.look.Faint.Render("/ to find")
	if h.typing || h.input.value() != "" {
		top = h.input.view()
	}
	body := ""
	switch {
	case len(h.places) > 0:
		body = h.listView()
	case !h.loaded:
		body = centre(h.look.Dim.Render("reading…"), h.cols, h.rows-1)
	case len(h.rights) > 0:
		body = centre(h.look.Dim.Render("None of your hosts fits.")+"\n"+h.look.Faint.Render("esc shows them all"), h.cols, h.rows-1)
	default:
		body = centre(h.look.Dim.Render("No rule lets you on to a host yet."), h.cols, h.rows-1)
	}
	view := fit(top, h.cols) + "\n" + body
	switch {
	case h.ask != nil:
		view = h.ask.over(view, h.cols, h.rows)
	case h.choice != nil:
		view = h.choice.over(view, h.cols, h.rows)
	}
	return view
}

// listView is the list with the details of the host under the cursor.
func (h *hosts) listView() string {
	cols, rows := h.listSize()
	p := h.places[h.list.at]
	if h.beside() {
		line := h.look.Rule.Render(" │ ")
		return beside(h.list.view(h.row), line, h.detailsView(p, h.cols-cols-3, rows))
	}
	if !h.below() {
		return h.list.view(h.row)
	}
	return h.list.view(h.row) + "\n" + h.look.Rule.Render(strings.Repeat("─", h.cols)) + "\n" + h.detailsView(p, h.cols, hostRows)
}

// detailsView says of each login what stands and who must be asked.
func (h *hosts) detailsView(p place, cols, rows int) string {
	first := p.ways[0]
	head := h.look.Strong.Render(access.Plain(p.host, 120))
	if len(first.Aliases) > 0 {
		head += h.look.Dim.Render("  " + access.Plain(strings.Join(first.Aliases, " "), 200))
	}
	all := make([]fact, 0, len(p.ways)+2)
	for _, w := range p.ways {
		all = append(all, w.fact(h.now()))
	}
	if h.beside() {
		if text := labels(first.Labels); text != "" {
			all = append(all, fact{"labels", access.Plain(text, 400)})
		}
		all = append(all, fact{"or", "ssh " + access.Plain(first.Target.String(), 120) + "@bastion"})
	}
	return fit(head, cols) + "\n" + factLines(h.look, all, cols, rows-1)
}

func (h *hosts) row(i int) []field {
	p, l := h.places[i], h.look
	how, style := p.stands(l, h.now())
	return []field{
		{access.Plain(p.host, 120), l.Text},
		{p.logins(), style},
		{how, style},
		{access.Plain(labels(p.ways[0].Labels), 200), l.Dim},
	}
}

// empty is what a person without any view sees.
type empty struct {
	*shared
	cols, rows int
}

func newEmpty(s *shared) *empty { return &empty{shared: s} }

func (e *empty) Init() tea.Cmd          { return nil }
func (e *empty) Update(tea.Msg) tea.Cmd { return nil }
func (e *empty) SetSize(cols, rows int) { e.cols, e.rows = cols, rows }
func (e *empty) Keys() help.KeyMap      { return keyList{} }
func (e *empty) Typing() bool           { return false }
func (e *empty) View() string {
	return centre(e.look.Dim.Render("There is nothing here for you yet."), e.cols, e.rows)
}
