package tui

import (
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const (
	refreshEvery = 2 * time.Second        // of live sessions and the newest others
	typingPause  = 150 * time.Millisecond // before a filter or a row is looked up
	wideEnough   = 110                    // columns from which details stand beside
	detailRows   = 7                      // else they stand below, in so many rows
	detailCols   = 46
	shortState   = 76 // columns of the list below which a state is its mark alone
)

// browser is the auditor's list of sessions: live ones first, newest first.
type browser struct {
	*shared
	list       list
	cols, rows int
	input      line
	typing     bool
	filter     filter
	filterErr  error
	sessions   sessionSet
	loading    bool
	loaded     bool
	details    bool
	gen        generation // of the filter in force
	tick       generation
	rest       generation // of the row that the cursor rests on
	request    access.Request
	files      []access.Transfer
	ask        *prompt
}

func newBrowser(s *shared) *browser {
	b := &browser{shared: s, details: true, input: newLine(s.look, "/ ", "user:alice host:db* since:7d kind:sftp flag:break-glass text:\"DROP TABLE\"")}
	b.list = list{look: s.look, columns: []column{
		{title: "person", width: 12},
		{title: "login@host"},
		{title: "kind", width: 7},
		{title: "started UTC", width: 12},
		{title: "took", width: 7, right: true},
		{title: "", width: 1, until: shortState},
		{title: "state", width: 11, from: shortState},
		{title: "end", width: 12, from: 96},
	}}
	return b
}

type (
	browserTick   struct{ gen generation }
	filterTyped   struct{ gen generation }
	rowRests      struct{ gen generation }
	detailsLoaded struct {
		gen     generation
		request access.Request
		files   []access.Transfer
	}
)

func (b *browser) Init() tea.Cmd {
	b.tick = b.next()
	return tea.Batch(b.reload(), say(browserTick{b.tick}))
}

// reload begins anew with the filter in force.
func (b *browser) reload() tea.Cmd {
	b.gen, b.loading = b.next(), true
	return b.load(loadHead)
}

func (b *browser) SetSize(cols, rows int) {
	b.cols, b.rows = cols, rows
	if b.beside() {
		b.list.setSize(cols-detailCols-3, rows-1)
	} else if b.details {
		b.list.setSize(cols, rows-1-detailRows-1)
	} else {
		b.list.setSize(cols, rows-1)
	}
	b.input.width = max(cols-28, 10)
}

func (b *browser) beside() bool { return b.details && b.cols >= wideEnough }

func (b *browser) Typing() bool { return b.typing || b.ask != nil }

func (b *browser) Count() int { return len(b.sessions.live) }

func (b *browser) Keys() help.KeyMap {
	k := browserKeys
	switch {
	case b.ask != nil:
		return b.ask.keys()
	case b.typing:
		return keyList{[]key.Binding{lineKeys.Enter, lineKeys.Leave}, nil}
	}
	own := []key.Binding{k.Open, k.Filter, k.Clear, k.Details, k.Reload}
	if b.cfg.Verify != nil {
		own = append(own, k.Verify)
	}
	if b.cfg.Desk != nil {
		own = append(own, k.Kill)
	}
	return keyList{[]key.Binding{k.Open, k.Filter, k.Details}, [][]key.Binding{own, listColumn()}}
}

func (b *browser) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case browserTick:
		if msg.gen != b.tick {
			return nil
		}
		cmd := b.after(refreshEvery, msg)
		if b.loading || b.filter.said != "" {
			return cmd
		}
		return tea.Batch(cmd, b.load(loadRefresh))
	case sessionsLoaded:
		return b.took(msg)
	case filterTyped:
		if msg.gen == b.gen {
			return b.reload()
		}
	case rowRests:
		if msg.gen == b.rest {
			return b.loadDetails(msg.gen)
		}
	case detailsLoaded:
		if msg.gen == b.rest {
			b.request, b.files = msg.request, msg.files
		}
	case tea.PasteMsg:
		if b.Typing() {
			return b.edit(msg)
		}
	case tea.MouseClickMsg:
		b.list.moveTo(b.list.top + msg.Y - 2)
		return b.moved()
	case tea.MouseWheelMsg:
		b.list.move(wheel(msg))
		return b.moved()
	case tea.KeyPressMsg:
		return b.press(msg)
	}
	return nil
}

// moved follows the cursor: more rows below, details beside.
func (b *browser) moved() tea.Cmd {
	b.rest, b.request, b.files = b.next(), access.Request{}, nil
	cmds := []tea.Cmd{b.after(typingPause, rowRests{b.rest})}
	if b.sessions.more && !b.loading && b.list.at+2*b.list.body() >= b.list.len {
		b.loading = true
		cmds = append(cmds, b.load(loadMore))
	}
	return tea.Batch(cmds...)
}

func (b *browser) selected() (access.Session, bool) { return b.sessions.at(b.list.at) }

func (b *browser) took(msg sessionsLoaded) tea.Cmd {
	if msg.gen != b.gen {
		return nil
	}
	b.loading = false
	if msg.err != nil {
		return say(failed{msg.err})
	}
	before, had := b.selected()
	b.sessions.merge(msg)
	b.list.setLen(b.sessions.len())
	first := !b.loaded || msg.how == loadHead
	b.loaded = true
	if first {
		b.list.moveTo(0)
		return b.moved()
	}
	if i, ok := b.sessions.find(before.ID); had && ok && b.list.at > 0 {
		b.list.moveTo(i)
	}
	if now, _ := b.selected(); now.ID != before.ID {
		return b.moved()
	}
	return nil
}
