package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const (
	pageOf   = 200 // sessions asked for at once
	mostScan = 50  // pages that one look-up with a local filter goes through
	mostLive = 1000
)

// loading is why sessions are loaded.
type loading int

const (
	loadHead    loading = iota // anew
	loadRefresh                // live ones and the newest others
	loadMore                   // older ones
)

type sessionsLoaded struct {
	gen    generation
	how    loading
	live   []access.Session
	ended  []access.Session
	before access.SessionID // where the next page begins
	more   bool
	hits   map[access.SessionID]access.Hit
	err    error
}

// sessionSet is what of the index has been loaded: the live sessions, and of
// the ended ones the newest, page by page. Both newest first.
type sessionSet struct {
	live, ended []access.Session
	before      access.SessionID
	more        bool
	hits        map[access.SessionID]access.Hit // the first in each session, with text:
}

func (s *sessionSet) len() int { return len(s.live) + len(s.ended) }

func (s *sessionSet) at(i int) (access.Session, bool) {
	switch {
	case i < 0 || i >= s.len():
		return access.Session{}, false
	case i < len(s.live):
		return s.live[i], true
	}
	return s.ended[i-len(s.live)], true
}

func (s *sessionSet) find(id access.SessionID) (int, bool) {
	for i := range s.len() {
		if at, _ := s.at(i); at.ID == id {
			return i, true
		}
	}
	return 0, false
}

// merge takes what was loaded. IDs sort by time, so a refreshed head replaces
// what is as new as its oldest.
func (s *sessionSet) merge(m sessionsLoaded) {
	switch m.how {
	case loadHead:
		s.live, s.ended, s.before, s.more, s.hits = m.live, m.ended, m.before, m.more, m.hits
	case loadMore:
		s.ended = append(s.ended, m.ended...)
		s.before, s.more = m.before, m.more
	case loadRefresh:
		s.live = m.live
		fresh := make(map[access.SessionID]bool, len(m.ended))
		for _, e := range m.ended {
			fresh[e.ID] = true
		}
		for _, e := range s.ended {
			if !fresh[e.ID] {
				m.ended = append(m.ended, e)
			}
		}
		s.ended = m.ended
		slices.SortFunc(s.ended, func(a, b access.Session) int {
			if a.ID > b.ID {
				return -1
			}
			return 1
		})
	}
}

// load asks the index in a command.
func (b *browser) load(how loading) tea.Cmd {
	q := sessionLoad{index: b.cfg.Sessions, search: b.cfg.Search, filter: b.filter, how: how, was: b.sessions.live, before: b.sessions.before}
	gen := b.gen
	return b.do(func(ctx context.Context) tea.Msg {
		m := q.run(ctx)
		m.gen, m.how = gen, how
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
}

func (q sessionLoad) run(ctx context.Context) (m sessionsLoaded) {
	if q.filter.said != "" {
		return q.found(ctx)
	}
	if q.how != loadMore {
		q.before = ""
		if m.live, m.err = q.running(ctx); m.err != nil {
			return m
		}
	}
	if q.how == loadRefresh {
		m.ended, m.err = q.justEnded(ctx, m.live)
		if m.err != nil {
			return m
		}
	}
	if q.filter.query.State == access.SessionLive {
		return m
	}
	pages := mostScan
	if q.how == loadRefresh {
		pages = 1
	}
	for range pages {
		page, err := q.page(ctx)
		if err != nil {
			m.err = err
			return m
		}
		for _, s := range page {
			if s.State != access.SessionLive && q.filter.has(s) {
				m.ended = append(m.ended, s)
			}
		}
		m.more = len(page) == pageOf
		if len(page) > 0 {
			q.before = page[len(page)-1].ID
		}
		m.before = q.before
		if !m.more || len(m.ended) >= pageOf/2 {
			break
		}
	}
	return m
}

func (q sessionLoad) page(ctx context.Context) ([]access.Session, error) {
	query := q.filter.query
	query.Before, query.Limit = q.before, pageOf
	return q.index.Sessions(ctx, query)
}

func (q sessionLoad) running(ctx context.Context) ([]access.Session, error) {
	query := q.filter.query
	if query.State != "" && query.State != access.SessionLive {
		return nil, nil
	}
	query.State, query.Limit = access.SessionLive, mostLive
	live, err := q.index.Sessions(ctx, query)
	return slices.DeleteFunc(live, func(s access.Session) bool { return !q.filter.has(s) }), err
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
		if state := q.filter.query.State; state == "" || state == s.State {
			ended = append(ended, s)
		}
	}
	return ended, nil
}
