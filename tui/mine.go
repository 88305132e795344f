package tui

import (
	"context"
	"slices"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// mine is a person's own requests and grants: what is live first, with the
// time that is left.
type mine struct {
	*shared
	list       list
	cols, rows int
	items      []mineItem
	loaded     bool
	gen, tick  generation
	ask        *prompt
}

// mineItem is a request, and the grant that came of it.
type mineItem struct {
	request access.Request
	grant   *access.Grant
}

const (
	mineLimit = 200
	mineRows  = 6 // that the details below the list take
)

func newMine(s *shared) *mine {
	m := &mine{shared: s}
	m.list = list{look: s.look, columns: []column{
		{title: "login@host"},
		{title: "", width: 1, until: 60}, // the state's mark alone
		{title: "state", width: 11, from: 60},
		{title: "time", width: 16},
		{title: "asked UTC", width: 12, from: 76},
		{title: "decided by", width: 14, from: 90},
		{title: "reason", from: 60},
	}}
	return m
}

type (
	mineTick   struct{ gen generation }
	mineLoaded struct {
		gen   generation
		items []mineItem
		err   error
	}
	mineDone struct{ text string }
)

func (m *mine) Init() tea.Cmd {
	m.tick = m.next()
	return say(mineTick{m.tick})
}

func (m *mine) load() tea.Cmd {
	m.gen = m.next()
	gen, me := m.gen, m.cfg.Actor.Person
	return m.do(func(ctx context.Context) tea.Msg {
		requests, err := m.cfg.Requests.Requests(ctx, access.RequestQuery{Person: me, Limit: mineLimit})
		if err != nil {
			return mineLoaded{gen: gen, err: err}
		}
		grants, err := m.cfg.Grants.Grants(ctx, access.GrantQuery{Person: me, Limit: mineLimit})
		return mineLoaded{gen, mineItems(requests, grants), err}
	})
}

// mineItems joins requests and grants: those that still count come first.
func mineItems(requests []access.Request, grants []access.Grant) []mineItem {
	of := make(map[access.RequestID]access.Grant, len(grants))
	for _, g := range grants {
		of[g.RequestID] = g
	}
	var counts, over []mineItem
	for _, r := range requests {
		item := mineItem{request: r, grant: r.Grant}
		if g, ok := of[r.ID]; ok {
			item.grant = &g
		}
		if r.State == access.RequestPending || item.grant != nil && item.grant.State.Live() {
			counts = append(counts, item)
		} else {
			over = append(over, item)
		}
	}
	return append(counts, over...)
}

func (m *mine) SetSize(cols, rows int) {
	m.cols, m.rows = cols, rows
	if m.below() {
		rows -= mineRows + 1
	}
	m.list.setSize(cols, rows)
}

// below reports whether details stand below the list; in a small window
// nowhere.
func (m *mine) below() bool { return m.rows >= 2*mineRows }

func (m *mine) Typing() bool { return m.ask != nil }

func (m *mine) Count() int {
	n := 0
	for _, i := range m.items {
		if i.request.State == access.RequestPending || i.grant != nil && i.grant.State.Live() {
			n++
		}
	}
	return n
}

func (m *mine) Keys() help.KeyMap {
	if m.ask != nil {
		return m.ask.keys()
	}
	var own []key.Binding
	if m.cfg.Connect != nil {
		own = append(own, mineKeys.Connect)
	}
	if m.cfg.Desk != nil {
		own = append(own, mineKeys.Cancel, mineKeys.Extend, mineKeys.Release)
	}
	return keyList{own, [][]key.Binding{append(slices.Clone(own), mineKeys.Reload), listColumn()}}
}

func (m *mine) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case mineTick:
		if msg.gen == m.tick {
			return tea.Batch(m.load(), m.after(refreshEvery, msg))
		}
	case mineLoaded:
		if msg.gen != m.gen {
			return nil
		}
		if msg.err != nil {
			return say(failed{msg.err})
		}
		m.take(msg.items)
	case mineDone:
		return tea.Batch(say(notice(msg)), m.load())
	case tea.MouseWheelMsg:
		if m.ask == nil {
			m.list.move(wheel(msg))
		}
	case tea.MouseClickMsg:
		if row, ok := m.list.rowAt(msg.Y); ok && m.ask == nil {
			m.list.moveTo(row)
		}
	case tea.PasteMsg:
		if m.ask != nil {
			cmd, _ := m.ask.press(msg)
			return cmd
		}
	case tea.KeyPressMsg:
		return m.press(msg)
	}
	return nil
}

// take keeps the cursor on the request that it stands on: what it is over may
// change its place, and a key is meant for what one saw.
func (m *mine) take(items []mineItem) {
	var before access.RequestID
	if m.list.at < len(m.items) {
		before = m.items[m.list.at].request.ID
	}
	m.items, m.loaded = items, true
	m.list.setLen(len(items))
	if i := slices.IndexFunc(items, func(it mineItem) bool { return it.request.ID == before }); i >= 0 {
		m.list.moveTo(i)
	}
}

func (m *mine) press(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case m.ask != nil:
		cmd, over := m.ask.press(k)
		if over {
			m.ask = nil
		}
		return cmd
	case m.list.press(k):
	case pressed(k, mineKeys.Reload):
		return m.load()
	case m.list.at >= len(m.items):
	case pressed(k, mineKeys.Connect) && m.cfg.Connect != nil:
		return m.goTo(m.items[m.list.at])
	case m.cfg.Desk == nil:
	case pressed(k, mineKeys.Cancel):
		m.askCancel(m.items[m.list.at].request)
	case pressed(k, mineKeys.Extend):
		m.askExtend(m.items[m.list.at].grant)
	case pressed(k, mineKeys.Release):
		m.askRelease(m.items[m.list.at].grant)
	}
	return nil
}

// goTo goes to where a grant leads, or waits there for the answer to a request.
func (m *mine) goTo(it mineItem) tea.Cmd {
	r := it.request
	switch {
	case it.grant != nil && it.grant.State.Live():
		return m.connect(access.Trip{Target: r.Target})
	case r.State == access.RequestPending:
		return m.connect(access.Trip{Target: r.Target, For: r.For, Reason: r.Reason})
	}
	return nil
}

func (m *mine) askCancel(r access.Request) {
	if r.State != access.RequestPending {
		return
	}
	m.ask = newPrompt(m.shared, "Cancel the request for "+r.Target.String()+"?", "", nil, func(string) tea.Cmd {
		return m.do(func(ctx context.Context) tea.Msg {
			if err := m.cfg.Desk.Cancel(ctx, m.cfg.Actor, r.ID); err != nil {
				return failed{err}
			}
			return mineDone{"request for " + r.Target.String() + " cancelled"}
		})
	})
	m.ask.plain = true
}

func (m *mine) askExtend(g *access.Grant) {
	if g == nil || g.State != access.GrantActive {
		return
	}
	m.ask = askMore(m.shared, g, func(r access.Request) tea.Msg {
		return mineDone{"asked for more time on " + r.Target.String() + " (" + string(r.ID) + ")"}
	})
}

func (m *mine) askRelease(g *access.Grant) {
	if g == nil || !g.State.Live() {
		return
	}
	id, target := g.ID, g.Target.String()
	m.ask = newPrompt(m.shared, "Give "+target+" back? Its sessions end.", "", nil, func(string) tea.Cmd {
		return m.do(func(ctx context.Context) tea.Msg {
			if err := m.cfg.Desk.Release(ctx, m.cfg.Actor, id); err != nil {
				return failed{err}
			}
			return mineDone{"grant for " + target + " given back"}
		})
	})
	m.ask.plain, m.ask.bad = true, true
}
