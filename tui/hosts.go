package tui

import (
	"context"
	"maps"
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// hosts is where the person may go, and what must be asked for.
type hosts struct {
	*shared
	list       list
	cols, rows int
	rights     []Right
	shown      []Right
	loaded     bool
	input      line
	typing     bool
	ask        *prompt
}

func newHosts(s *shared) *hosts {
	h := &hosts{shared: s, input: newLine(s.look, "/ ", "name, login, label or rule")}
	h.list = list{look: s.look, columns: []column{
		{title: "login@host"},
		{title: "access", width: 14},
		{title: "approved by", width: 18, from: 90},
		{title: "rule", width: 20},
		{title: "labels"},
	}}
	return h
}

type rightsLoaded struct {
	rights []Right
	err    error
}

func (h *hosts) Init() tea.Cmd {
	return h.do(func(ctx context.Context) tea.Msg {
		rights, err := h.cfg.Rights(ctx)
		return rightsLoaded{rights, err}
	})
}

func (h *hosts) SetSize(cols, rows int) {
	h.cols, h.rows = cols, rows
	h.list.setSize(cols, rows-1)
	h.input.width = max(cols-4, 10)
}

func (h *hosts) Typing() bool { return h.typing || h.ask != nil }

func (h *hosts) Keys() help.KeyMap {
	if h.typing {
		return keyList{[]key.Binding{lineKeys.Enter, lineKeys.Leave}, nil}
	}
	if h.ask != nil {
		return h.ask.keys()
	}
	own := []key.Binding{hostKeys.Filter, hostKeys.Clear, hostKeys.Reload}
	short := []key.Binding{hostKeys.Filter, hostKeys.Reload}
	if h.cfg.Desk != nil {
		own, short = slices.Insert(own, 2, hostKeys.Ask), slices.Insert(short, 1, hostKeys.Ask)
	}
	return keyList{short, [][]key.Binding{own, listColumn()}}
}

func (h *hosts) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case rightsLoaded:
		if msg.err != nil {
			return say(failed{msg.err})
		}
		h.rights, h.loaded = msg.rights, true
		h.filter()
	case tea.MouseWheelMsg:
		h.list.move(wheel(msg))
	case tea.MouseClickMsg:
		h.list.moveTo(h.list.top + msg.Y - 2)
	case asked:
		return say(msg.notice())
	case tea.PasteMsg:
		switch {
		case h.ask != nil:
			cmd, _ := h.ask.press(msg)
			return cmd
		case h.typing:
			h.edit(msg)
		}
	case tea.KeyPressMsg:
		return h.press(msg)
	}
	return nil
}

func (h *hosts) press(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case h.ask != nil:
		cmd, over := h.ask.press(k)
		if over {
			h.ask = nil
		}
		return cmd
	case h.typing && pressed(k, lineKeys.Leave):
		h.typing = false
		h.input.setValue("")
		h.input.focused = false
		h.filter()
	case h.typing && pressed(k, lineKeys.Enter):
		h.typing = false
		h.input.focused = false
	case h.typing:
		h.edit(k)
	case h.list.press(k):
	case pressed(k, hostKeys.Filter):
		h.typing = true
		h.input.focused = true
	case pressed(k, hostKeys.Clear):
		h.input.setValue("")
		h.filter()
	case pressed(k, hostKeys.Reload):
		return h.Init()
	case pressed(k, hostKeys.Ask) && h.cfg.Desk != nil && h.list.at < len(h.shown) && !h.shown[h.list.at].Standing:
		h.ask = askAhead(h.shared, h.shown[h.list.at])
	}
	return nil
}

func (h *hosts) edit(msg tea.Msg) {
	h.input.edit(msg)
	h.filter()
}

// filter keeps the rights that hold every word.
func (h *hosts) filter() {
	words := strings.Fields(strings.ToLower(h.input.value()))
	h.shown = nil
	for _, r := range h.rights {
		text := strings.ToLower(strings.Join([]string{r.Target.String(), strings.Join(r.Aliases, " "), r.Rule, labels(r.Labels)}, " "))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			h.shown = append(h.shown, r)
		}
	}
	h.list.setLen(len(h.shown))
}

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
	case len(h.shown) > 0:
		body = h.list.view(h.row)
	case !h.loaded:
		body = centre(h.look.Dim.Render("reading…"), h.cols, h.rows-1)
	case len(h.rights) > 0:
		body = centre(h.look.Dim.Render("None of your hosts fits.")+"\n"+h.look.Faint.Render("esc shows them all"), h.cols, h.rows-1)
	default:
		body = centre(h.look.Dim.Render("No rule lets you on to a host yet."), h.cols, h.rows-1)
	}
	view := fit(top, h.cols) + "\n" + body
	if h.ask != nil {
		view = h.ask.over(view, h.cols, h.rows)
	}
	return view
}

func (h *hosts) row(i int) []field {
	r, l := h.shown[i], h.look
	how, style := "○ must ask", l.Warn
	if r.Standing {
		how, style = "● standing", l.Good
	}
	rule := access.Plain(r.Rule, 60)
	if r.Watched {
		rule += ", watched"
	}
	return []field{
		{access.Plain(r.Target.String(), 120), l.Text},
		{how, style},
		{access.Plain(r.Approve, 60), l.Dim},
		{rule, l.Dim},
		{access.Plain(labels(r.Labels), 200), l.Dim},
	}
}

// labels writes labels as k=v, sorted.
func labels(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, " ")
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
