package tui

import (
	"context"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// approvals is the approver's page: what waits for a decision, oldest last,
// with the same facts as in Slack, and below it the break-glass accesses that
// wait for a review.
type approvals struct {
	*shared
	list       list
	cols, rows int
	pending    []access.Request
	loaded     bool
	gen, tick  generation
	rest       generation // of the row that the cursor rests on
	notices    map[access.RequestID]access.Notice
	ask        *prompt
	asking     access.RequestID // what the prompt is about
}

const (
	fewestFacts = 8 // rows
	mostOwed    = 100
)

func newApprovals(s *shared) *approvals {
	a := &approvals{shared: s, notices: make(map[access.RequestID]access.Notice)}
	a.list = list{look: s.look, columns: []column{
		{title: "person", width: 12},
		{title: "login@host"},
		{title: "for", width: 7, from: 50},
		{title: "asked", width: 9, right: true, from: 76},
		{title: "left", width: 7, right: true},
		{title: "reason", from: 60},
	}}
	return a
}

type (
	approvalsTick   struct{ gen generation }
	approvalsLoaded struct {
		gen     generation
		pending []access.Request
		err     error
	}
	noticeLoaded struct {
		id     access.RequestID
		notice access.Notice
		err    error
	}
	requestGone struct {
		request access.Request
		err     error
	}
	decided struct{ text string }
)

func (a *approvals) Init() tea.Cmd {
	a.tick = a.next()
	return say(approvalsTick{a.tick})
}

func (a *approvals) load() tea.Cmd {
	a.gen = a.next()
	gen := a.gen
	return a.do(func(ctx context.Context) tea.Msg {
		all, err := a.cfg.Requests.Requests(ctx, access.RequestQuery{State: access.RequestPending})
		m := approvalsLoaded{gen: gen, err: err}
		if err == nil {
			var owed []access.Request
			owed, m.err = a.cfg.Requests.Requests(ctx, access.RequestQuery{Owed: true, Limit: mostOwed})
			all = append(all, owed...)
		}
		for _, r := range all {
			if a.mayDecide(r) {
				m.pending = append(m.pending, r)
			}
		}
		return m
	})
}

func (a *approvals) mayDecide(r access.Request) bool {
	if a.cfg.MayDecide != nil {
		return a.cfg.MayDecide(r)
	}
	return r.Person != a.cfg.Actor.Person
}

func (a *approvals) SetSize(cols, rows int) {
	a.cols, a.rows = cols, rows
	a.layOut()
}

// layOut gives the list the rows that it needs, and the facts the others.
func (a *approvals) layOut() {
	a.list.setSize(a.cols, min(max(len(a.pending)+1, 4), max(a.rows-1-fewestFacts, a.rows/2)))
}

func (a *approvals) Typing() bool { return a.ask != nil }
func (a *approvals) Count() int   { return len(a.pending) }

func (a *approvals) Keys() help.KeyMap {
	if a.ask != nil {
		return a.ask.keys()
	}
	own := []key.Binding{approvalKeys.Approve, approvalKeys.Deny, approvalKeys.Reload}
	if r, ok := a.selected(); ok && r.Owed() {
		own = []key.Binding{approvalKeys.Review, approvalKeys.Reload}
	}
	return keyList{own, [][]key.Binding{own, listColumn()}}
}

func (a *approvals) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case approvalsTick:
		if msg.gen == a.tick {
			return tea.Batch(a.load(), a.after(refreshEvery, msg))
		}
	case approvalsLoaded:
		if msg.gen != a.gen {
			return nil
		}
		if msg.err != nil {
			return say(failed{msg.err})
		}
		return a.take(msg.pending)
	case rowRests:
		if r, ok := a.selected(); ok && msg.gen == a.rest {
			return a.loadNotice(r.ID)
		}
	case noticeLoaded:
		a.takeNotice(msg)
	case requestGone:
		a.takeGone(msg)
	case decided:
		return tea.Batch(say(notice(msg)), a.load())
	case tea.MouseWheelMsg:
		if a.ask == nil {
			a.list.move(wheel(msg))
			return a.moved()
		}
	case tea.MouseClickMsg:
		if row, ok := a.list.rowAt(msg.Y); ok && a.ask == nil {
			a.list.moveTo(row)
			return a.moved()
		}
	case tea.PasteMsg:
		if a.ask != nil {
			return a.answer(msg)
		}
	case tea.KeyPressMsg:
		return a.press(msg)
	}
	return nil
}

// take keeps the cursor on the request that it stands on, and what is known of
// those that still wait.
func (a *approvals) take(pending []access.Request) tea.Cmd {
	before, had := a.selected()
	a.pending, a.loaded = pending, true
	a.layOut()
	a.list.setLen(len(pending))
	open := make(map[access.RequestID]bool, len(pending))
	for i, r := range pending {
		open[r.ID] = true
		if had && r.ID == before.ID {
			a.list.moveTo(i)
		}
	}
	for id := range a.notices {
		if !open[id] {
			delete(a.notices, id)
		}
	}
	if a.ask != nil && !open[a.asking] {
		return tea.Batch(a.loadGone(a.asking), a.moved())
	}
	return a.moved()
}

// moved asks for what there is to know of the request under the cursor, each
// time anew: others decide meanwhile.
func (a *approvals) moved() tea.Cmd {
	r, ok := a.selected()
	if !ok || a.cfg.Notice == nil {
		return nil
	}
	if _, known := a.notices[r.ID]; !known {
		return a.loadNotice(r.ID)
	}
	a.rest = a.next()
	return a.after(typingPause, rowRests{a.rest})
}

func (a *approvals) loadNotice(id access.RequestID) tea.Cmd {
	return a.do(func(ctx context.Context) tea.Msg {
		n, err := a.cfg.Notice(ctx, id)
		return noticeLoaded{id, n, err}
	})
}

func (a *approvals) takeNotice(m noticeLoaded) {
	if m.err != nil {
		a.cfg.Log.Warn("tui: what is known of a request", "request", m.id, "err", m.err) // the request itself is there
		return
	}
	a.notices[m.id] = m.notice
	if a.ask != nil && a.asking == m.id && a.ask.moot == "" {
		a.ask.facts = noticeFacts(m.notice, a.now())
	}
}

// noticeOf is what is known of a request by now.
func (a *approvals) noticeOf(r access.Request) access.Notice {
	if n, ok := a.notices[r.ID]; ok {
		n.Request = r // which may be newer
		return n
	}
	return access.Notice{Request: r, Missing: -1}
}

func (a *approvals) selected() (access.Request, bool) {
	if a.list.at >= len(a.pending) {
		return access.Request{}, false
	}
	return a.pending[a.list.at], true
}
