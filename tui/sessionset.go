package tui

import (
	"slices"

	"github.com/sallyport/sallyport/access"
)

// sessionSet is what of the index has been loaded: the live sessions, and of
// the ended ones the first in order, page by page.
type sessionSet struct {
	live, ended []access.Session
	before      access.SessionID // where the next page begins, newest first
	more        bool
	cut         bool                            // there are more, but no page after
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

// merge takes what was loaded.
func (s *sessionSet) merge(m sessionsLoaded) {
	switch {
	case m.how == loadHead || m.again:
		*s = sessionSet{live: m.live, ended: m.ended, before: m.before, more: m.more, hits: m.hits, cut: m.cut}
	case m.how == loadMore:
		s.ended = append(s.ended, s.fresh(m.ended)...)
		s.before, s.more = m.before, m.more
	case m.sorted:
		s.live = m.live
	default:
		// IDs sort by time, so a refreshed head replaces what is as new as its oldest.
		s.live = m.live
		s.ended = append(s.ended, s.fresh(m.ended)...)
		slices.SortFunc(s.ended, access.SessionQuery{}.Compare)
	}
}

// fresh are those that are not there yet: pages shift as sessions end.
func (s *sessionSet) fresh(page []access.Session) []access.Session {
	known := make(map[access.SessionID]bool, len(s.ended))
	for _, e := range s.ended {
		known[e.ID] = true
	}
	return slices.DeleteFunc(page, func(p access.Session) bool { return known[p.ID] })
}
