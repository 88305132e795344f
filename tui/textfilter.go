package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
)

const (
	mostHits  = 1000 // lines that one look-up of text: asks for
	mostFound = 200  // sessions that it shows
)

// found looks text: up: sessions by what stood on their screens, newest first,
// each with its first hit.
func (q sessionLoad) found(ctx context.Context) (m sessionsLoaded) {
	if q.search == nil {
		m.err = access.Refuse(access.ReasonNotFound, "there is no search here", "Use sallyport search on the folder")
		return m
	}
	f := q.filter.query
	host := f.Host
	if access.IsPattern(host) { // narrowed down below
		host = ""
	}
	found, err := q.search(ctx, access.SearchQuery{
		Text: q.filter.said, Person: f.Person, Host: host, Kind: f.Kind, Since: f.Since, Until: f.Until, Limit: mostHits,
	})
	if err != nil {
		m.err = err
		return m
	}
	m.cut = found.More
	m.hits = make(map[access.SessionID]access.Hit)
	for _, hit := range found.Hits {
		if first, again := m.hits[hit.Session]; again && first.Line.At <= hit.Line.At {
			continue
		}
		if _, again := m.hits[hit.Session]; !again && len(m.hits) == mostFound {
			m.cut = true
			continue
		} else if m.hits[hit.Session] = hit; again {
			continue
		}
		s, err := q.index.Session(ctx, hit.Session)
		if err != nil {
			m.err = err
			return m
		}
		if f.Has(s) {
			m.ended = append(m.ended, s)
		}
	}
	slices.SortStableFunc(m.ended, f.Compare)
	return m
}

// hitFact tells what was found in a session.
func hitFact(h access.Hit) fact {
	return fact{"found", fmt.Sprintf("%s %s", clock(h.Line.At), access.Plain(h.Line.Text, 200))}
}

// jump opens the player at a hit, standing still, with the text as what n
// searches for.
func (p *player) jump(h access.Hit, said string) {
	p.playing, p.needle = false, strings.ToLower(said)
	p.wish = &order{what: seek, to: h.Line.At}
}
