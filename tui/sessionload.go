package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const (
	pageOf    = 200  // sessions asked for at once
	pageToEnd = 1000 // on the way to the end
	mostToEnd = 10_000
	mostLive  = 1000
)

// loading is why sessions are loaded.
type loading int

const (
	loadHead    loading = iota // anew
	loadRefresh                // live ones and the newest others
	loadMore                   // the page after
)

type sessionsLoaded struct {
	gen    generation
	how    loading
	sorted bool // not newest first
	live   []access.Session
	ended  []access.Session
	before access.SessionID // where the next page begins
	more   bool
	again  bool // a refresh that took all anew
	cut    bool // a search that found more than is shown
	hits   map[access.SessionID]access.Hit
	err    error
}

// load asks the index in a command.
func (b *browser) load(how loading) tea.Cmd {
	q := sessionLoad{index: b.cfg.Sessions, search: b.cfg.Search, filter: b.filter, how: how,
		was: b.sessions.live, before: b.sessions.before, skip: len(b.sessions.ended)}
	q.filter.query.Order, q.filter.query.Backward = b.order, b.backward
	q.size = pageOf
	if b.toEnd && how == loadMore {
		q.size = pageToEnd
	}
	gen := b.gen
	return b.do(func(ctx context.Context) tea.Msg {
		m := q.run(ctx)
		m.gen, m.how, m.sorted = gen, how, q.sorted()
		return m
	})
}

// sessionLoad is one look-up.
type sessionLoad struct {
	index  Sessions
	search func(context.Context, access.SearchQuery) (access.Found, error)
	filter filter
	how    loading
	was    []access.Session // live before
	before access.SessionID
	skip   int
	size   int
}

func (q sessionLoad) run(ctx context.Context) (m sessionsLoaded) {
	if q.filter.said != "" {
		return q.found(ctx)
	}
	size := q.size
	if q.how != loadMore {
		if m.live, m.err = q.running(ctx); m.err != nil {
			return m
		}
		was := q.skip
		q.before, q.skip = "", 0
		switch {
		case q.how == loadHead:
		case q.sorted():
			// Where those that just ended belong, only the index knows.
			if m.again = q.someEnded(m.live); !m.again {
				return m
			}
			size = max(size, min(was, 1000))
		default:
			if m.ended, m.err = q.justEnded(ctx, m.live); m.err != nil {
				return m
			}
		}
	}
	if q.filter.query.State == access.SessionLive {
		return m
	}
	page, err := q.page(ctx, size)
	if err != nil {
		m.err = err
		return m
	}
	for _, s := range page {
		if !slices.ContainsFunc(m.ended, func(e access.Session) bool { return e.ID == s.ID }) {
			m.ended = append(m.ended, s)
		}
	}
	m.more = len(page) == size
	if len(page) > 0 {
		m.before = page[len(page)-1].ID
	}
	return m
}

// sorted reports whether pages are not of the newest first.
func (q sessionLoad) sorted() bool {
	return q.filter.query.Order != access.ByStart || q.filter.query.Backward
}

// page is the next of those that have ended.
func (q sessionLoad) page(ctx context.Context, size int) ([]access.Session, error) {
	query := q.filter.query
	query.Ended, query.Limit = true, size
	if q.sorted() {
		query.Skip = q.skip
	} else {
		query.Before = q.before
	}
	return q.index.Sessions(ctx, query)
}

func (q sessionLoad) running(ctx context.Context) ([]access.Session, error) {
	query := q.filter.query
	if query.State != "" && query.State != access.SessionLive {
		return nil, nil
	}
	if query.Order == access.ByLength { // those that run the longest began first
		query.Order = access.ByStart
	}
	query.State, query.Limit = access.SessionLive, mostLive
	live, err := q.index.Sessions(ctx, query)
	slices.SortStableFunc(live, unwatchedFirst)
	return live, err
}

// unwatchedFirst puts on top what waits for somebody to watch it, whatever the
// order of the rest.
func unwatchedFirst(a, b access.Session) int {
	switch {
	case a.Paused == b.Paused:
		return 0
	case a.Paused:
		return -1
	}
	return 1
}

// someEnded reports whether a session that was live is not.
func (q sessionLoad) someEnded(live []access.Session) bool {
	return slices.ContainsFunc(q.was, func(was access.Session) bool {
		return !slices.ContainsFunc(live, func(s access.Session) bool { return s.ID == was.ID })
	})
}

// justEnded are the sessions that were live and are not: they may be too old
// for the first page.
func (q sessionLoad) justEnded(ctx context.Context, live []access.Session) ([]access.Session, error) {
	var ended []access.Session
	for _, was := range q.was {
		if slices.ContainsFunc(live, func(s access.Session) bool { return s.ID == was.ID }) {
			continue
		}
		s, err := q.index.Session(ctx, was.ID)
		if err != nil {
			return nil, err
		}
		if q.filter.query.Has(s) {
			ended = append(ended, s)
		}
	}
	return ended, nil
}
