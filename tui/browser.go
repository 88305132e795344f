package tui

import (
	"fmt"
	"slices"
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

// browser is the auditor's list of sessions: live ones first, newest first
// unless sorted otherwise.
type browser struct {
	*shared
	list       list
	cols, rows int
	order      access.SessionOrder
	backward   bool
	input      line
	typing     bool
	filter     filter
	fault      *filterFault
	loadedFor  filter // that the list was loaded with
	sessions   sessionSet
	loading    bool
	loaded     bool
	toEnd      bool       // page after page is loaded, until the last or a key
	details    bool       // beside the list or below
	gen        generation // of the filter in force
	tick       generation
	rest       generation // of the row that the cursor rests on
	dossier    dossier    // of that row
	ask        *prompt
}

// browserColumns are the list's, and by what a list is sorted by each.
var (
	browserColumns = []column{
		{title: "person", width: 12},
		{title: "login@host"},
		{title: "kind", width: 7, from: 66},
		{title: "started UTC", width: 12, from: 48},
		{title: "took", width: 7, right: true, from: 56},
		{title: "", width: 1, until: shortState},
		{title: "state", width: 11, from: shortState},
		{title: "end", width: 12, from: 96},
	}
	browserOrders = []access.SessionOrder{access.ByPerson, access.ByTarget, access.ByKind, access.ByStart, access.ByLength,
		access.ByState, access.ByState, access.ByEnd}
)

func newBrowser(s *shared) *browser {
	b := &browser{shared: s, details: true, input: newLine(s.look, "/ ", "user:alice host:db* since:7d kind:sftp flag:break-glass text:\"DROP TABLE\"")}
	b.list = list{look: s.look, columns: browserColumns}
	return b
}

type (
	browserTick struct{ gen generation }
	filterTyped struct{ gen generation }
	rowRests    struct{ gen generation }
)

func (b *browser) Init() tea.Cmd {
	b.tick = b.next()
	return tea.Batch(b.reload(), say(browserTick{b.tick}))
}

// reload begins anew with the filter in force.
func (b *browser) reload() tea.Cmd {
	b.gen, b.loading, b.toEnd = b.next(), true, false
	return b.load(loadHead)
}

func (b *browser) SetSize(cols, rows int) {
	b.cols, b.rows = cols, rows
	switch {
	case b.beside():
		b.list.setSize(cols-detailCols-3, rows-1)
	case b.below():
		b.list.setSize(cols, rows-1-detailRows-1)
	default:
		b.list.setSize(cols, rows-1)
	}
	b.markOrder()
	b.input.width = max(cols-28, 10)
}

// beside and below report where details stand; in a small window nowhere.
func (b *browser) beside() bool { return b.details && b.cols >= wideEnough }
func (b *browser) below() bool  { return b.details && !b.beside() && b.rows >= 2*detailRows }

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
	short := []key.Binding{k.Open, k.Filter, k.Details, k.Sort}
	own := []key.Binding{k.Open, k.Filter, k.Clear, k.Details, k.Pane, k.Sort, k.Turn, k.Reload}
	if b.cfg.Verify != nil {
		own = append(own, k.Verify)
	}
	if s, ok := b.selected(); ok && b.mayKill(s) {
		own, short = append(own, k.Kill), slices.Insert(short, 1, k.Kill)
	}
	return keyList{short, [][]key.Binding{own, listColumn()}}
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
			if s, ok := b.selected(); ok {
				return b.lookUp(msg.gen, s)
			}
		}
	case dossierFacts:
		if msg.gen == b.rest {
			return b.dossier.take(msg)
		}
	case dossierTrail:
		if msg.gen == b.rest {
			return b.dossier.take(msg)
		}
	case tea.PasteMsg:
		switch {
		case b.ask != nil:
			cmd, _ := b.ask.press(msg)
			return cmd
		case b.typing:
			return b.edit(msg)
		}
	case tea.MouseClickMsg:
		return b.click(msg)
	case tea.MouseWheelMsg:
		if b.ask != nil {
			return nil
		}
		b.toEnd = false
		b.list.move(wheel(msg))
		return b.moved()
	case tea.KeyPressMsg:
		return b.press(msg)
	}
	return nil
}

// moved follows the cursor: more rows below, details beside.
func (b *browser) moved() tea.Cmd {
	b.rest, b.dossier = b.next(), dossier{}
	cmds := []tea.Cmd{b.after(typingPause, rowRests{b.rest})}
	if b.sessions.more && !b.loading && b.list.at+2*b.list.body() >= b.list.len {
		b.loading = true
		cmds = append(cmds, b.load(loadMore))
	}
	return tea.Batch(cmds...)
}

// goToEnd goes to the last of what is loaded, and on from there while there is
// more. The other end of a very long list is nearer by its order.
func (b *browser) goToEnd() tea.Cmd {
	b.list.moveTo(b.list.len - 1)
	b.toEnd = b.sessions.more && b.list.len < mostToEnd
	cmd := b.moved()
	if b.sessions.more && !b.toEnd {
		return tea.Batch(cmd, say(notice{fmt.Sprintf("%d sessions are loaded, and there are more: S begins at the other end", b.list.len)}))
	}
	return cmd
}

func (b *browser) selected() (access.Session, bool) { return b.sessions.at(b.list.at) }

func (b *browser) took(msg sessionsLoaded) tea.Cmd {
	if msg.gen != b.gen {
		return nil
	}
	b.loading = false
	if msg.err != nil {
		b.toEnd = false
		return say(failed{msg.err})
	}
	before, had := b.selected()
	b.loadedFor = b.filter
	b.sessions.merge(msg)
	b.list.setLen(b.sessions.len())
	first := !b.loaded || msg.how == loadHead
	b.loaded = true
	if first {
		b.toEnd = false
		b.list.moveTo(0)
		return b.moved()
	}
	if b.toEnd && msg.how == loadMore {
		return b.goToEnd()
	}
	if i, ok := b.sessions.find(before.ID); had && ok && b.list.at > 0 {
		b.list.moveTo(i)
	}
	if now, _ := b.selected(); now.ID != before.ID {
		return b.moved()
	}
	return nil
}
