package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// hosts is where the person may go, what stands, and what must be asked for.
// Enter goes there.
type hosts struct {
	*shared
	list       list
	cols, rows int
	rights     []Right
	items      []mineItem // the person's requests and grants
	places     []place    // those that the words find
	loaded     bool
	input      line
	typing     bool
	ask        *prompt
	choice     *chooser
}

const (
	hostRows     = 5 // that the details below the list take
	accessColumn = 2
)

func newHosts(s *shared) *hosts {
	h := &hosts{shared: s, input: newLine(s.look, "/ ", "name, login, label or rule")}
	h.list = list{look: s.look, columns: []column{
		{title: "host"},
		{title: "logins"},
		{title: "access"}, // its width is layOut's
		{title: "labels", from: 76},
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
	h.layOut()
	h.input.width = max(cols-4, 10)
}

// layOut gives the access column what it needs before the others share the
// rest, up to two fifths of the list. It looks ahead to the next refresh, so
// that a time that counts down does not outgrow it or make it waver.
func (h *hosts) layOut() {
	cols, rows := h.listSize()
	width, now := 22, h.now()
	for _, p := range h.places {
		for _, at := range []time.Time{now, now.Add(refreshEvery)} {
			text, _ := p.stands(h.look, at)
			width = max(width, lipgloss.Width(text))
		}
	}
	h.list.columns[accessColumn].width = min(width, max(cols*2/5, 22))
	h.list.setSize(cols, rows)
}

// beside reports whether the details stand beside the list, and not below.
func (h *hosts) beside() bool { return h.cols >= wideEnough }

// below reports whether they stand below it; in a small window nowhere.
func (h *hosts) below() bool { return !h.beside() && h.rows >= 2*hostRows }

func (h *hosts) listSize() (cols, rows int) {
	switch {
	case h.beside():
		return h.cols * 3 / 5, h.rows - 1
	case h.below():
		return h.cols, h.rows - 1 - hostRows - 1
	}
	return h.cols, h.rows - 1
}

func (h *hosts) Typing() bool { return h.typing || h.ask != nil || h.choice != nil }

func (h *hosts) Keys() help.KeyMap {
	switch {
	case h.typing:
		return keyList{[]key.Binding{lineKeys.Enter, lineKeys.Leave}, nil}
	case h.ask != nil:
		return h.ask.keys()
	case h.choice != nil:
		return h.choice.keys()
	}
	own := []key.Binding{hostKeys.Filter, hostKeys.Clear, hostKeys.Reload}
	short := []key.Binding{hostKeys.Filter, hostKeys.Reload}
	if h.cfg.Desk != nil {
		own, short = slices.Insert(own, 2, hostKeys.Ask), slices.Insert(short, 1, hostKeys.Ask)
	}
	if h.cfg.Connect != nil {
		own, short = slices.Insert(own, 0, hostKeys.Connect), slices.Insert(short, 0, hostKeys.Connect)
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
	case mineLoaded: // of the other page, which looks at them all the time
		if msg.err == nil {
			h.items = msg.items
			h.filter()
		}
	case tea.MouseWheelMsg:
		if h.ask == nil && h.choice == nil {
			h.list.move(wheel(msg))
		}
	case tea.MouseClickMsg:
		if row, ok := h.list.rowAt(msg.Y - 1); ok && msg.X < h.list.cols && h.ask == nil && h.choice == nil {
			h.list.moveTo(row)
		}
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
	case h.choice != nil:
		box := h.choice
		cmd, over := box.press(k)
		if over && h.choice == box {
			h.choice = nil
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
	case h.list.at >= len(h.places):
	case pressed(k, hostKeys.Connect) && h.cfg.Connect != nil:
		return h.goTo(h.places[h.list.at])
	case pressed(k, hostKeys.Ask) && h.cfg.Desk != nil:
		return h.askFor(h.places[h.list.at])
	}
	return nil
}

// goTo goes to a host, or asks first what has to be known for it.
func (h *hosts) goTo(p place) tea.Cmd {
	ways := slices.DeleteFunc(slices.Clone(p.ways), func(w way) bool { return !w.shell() })
	if len(ways) == 0 {
		return say(failed{access.Refuse(access.ReasonNoRule, "no rule gives you a shell on "+p.host, "The details say what it is for")})
	}
	return h.choose("Which login on "+p.host+"?", ways, func(w way) tea.Cmd {
		switch {
		case w.Elsewhere:
			return say(failed{access.Refuse(access.ReasonNotAllowed, w.Target.String()+" wants your key proven again", "Use ssh -J bastion "+w.Target.String())})
		case w.atOnce():
			return h.connect(access.Trip{Target: w.Target})
		}
		h.ask = askAndGo(h.shared, w)
		return nil
	})
}

// askFor asks for access ahead.
func (h *hosts) askFor(p place) tea.Cmd {
	ways := slices.DeleteFunc(slices.Clone(p.ways), way.atOnce)
	if len(ways) == 0 {
		return nil
	}
	return h.choose("Ask for which login on "+p.host+"?", ways, func(w way) tea.Cmd {
		h.ask = askAhead(h.shared, w.Right)
		return nil
	})
}

// choose does it with the only way, or with the one that is chosen.
func (h *hosts) choose(title string, ways []way, do func(way) tea.Cmd) tea.Cmd {
	if len(ways) == 1 {
		return do(ways[0])
	}
	h.choice = &chooser{shared: h.shared, title: access.Plain(title, 120), ways: ways, do: do}
	return nil
}

func (h *hosts) edit(msg tea.Msg) {
	h.input.edit(msg)
	h.filter()
}

// filter keeps the rights that hold every word, and the cursor on its host.
func (h *hosts) filter() {
	words := strings.Fields(strings.ToLower(h.input.value()))
	before := ""
	if h.list.at < len(h.places) {
		before = h.places[h.list.at].host
	}
	var found []Right
	for _, r := range h.rights {
		text := strings.ToLower(strings.Join([]string{r.Target.String(), strings.Join(r.Aliases, " "), r.Rule, labels(r.Labels)}, " "))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			found = append(found, r)
		}
	}
	h.places = placesOf(found, h.items, h.cfg.Actor.Identity)
	h.layOut()
	h.list.setLen(len(h.places))
	if i := slices.IndexFunc(h.places, func(p place) bool { return p.host == before }); i >= 0 {
		h.list.moveTo(i)
	}
}
