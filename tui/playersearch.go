package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
)

// mostPlaces bounds what is kept of one search.
const mostPlaces = 10_000

// foundText is what a search that found something says.
const foundText = "found"

// hits are all moments at which a text appears: found in the background, for
// the lane and for going back. Searching on does not wait for them.
type hits struct {
	gen     generation
	at      []time.Duration // in order
	through bool
}

// scan is that search under way, with a deck of its own.
type scan struct {
	deck *deck
	hunt *hunt
}

// scanned is what a part of it found.
type scanned struct {
	gen  generation
	scan *scan
	at   []time.Duration
	end  bool
	err  error
}

// seekText looks for a text from here on, and for all its places beside.
func (p *player) seekText(needle string) tea.Cmd {
	p.needle = needle
	return tea.Batch(p.search(), p.scan())
}

// search goes to the next moment at which the text appears.
func (p *player) search() tea.Cmd {
	if p.needle == "" {
		return nil
	}
	p.playing, p.follow = false, false
	return p.give(&order{what: find, needle: p.needle, from: p.survey.keyframeBefore(p.frame.offset)})
}

// searchBack goes to the one before, as far as is known by now.
func (p *player) searchBack() tea.Cmd {
	at, ok := before(p.hits.at, p.aim())
	switch {
	case p.needle == "":
		return nil
	case !ok && !p.hits.through:
		p.found, p.searched = "still searching for", true
		return nil
	case !ok:
		p.found, p.searched = "not found before here", true
		return nil
	}
	p.playing = false
	p.found, p.searched = foundText, true
	return p.goTo(at)
}

// scan begins the search for all places, once the recording is open.
func (p *player) scan() tea.Cmd {
	if p.needle == "" || !p.ready {
		return nil
	}
	p.hits = hits{gen: p.next()}
	d := newDeck(p.deck.rec, p.session, p.deck.textCols)
	return p.scanOn(&scan{d, newHunt(d.screen, p.needle)})
}

func (p *player) scanOn(s *scan) tea.Cmd {
	gen := p.hits.gen
	return p.do(func(ctx context.Context) tea.Msg { return s.on(ctx, gen) })
}

// on looks for a while.
func (s *scan) on(ctx context.Context, gen generation) scanned {
	m := scanned{gen: gen, scan: s}
	for started := time.Now(); !m.end && m.err == nil && len(m.at) < mostPlaces && time.Since(started) < sliceOfCPU; {
		var found bool
		found, m.end, m.err = s.hunt.on(ctx, s.deck)
		if n := len(m.at); found && (n == 0 || m.at[n-1] != s.deck.last) {
			m.at = append(m.at, s.deck.last)
		}
	}
	return m
}

func (p *player) scanned(m scanned) tea.Cmd {
	p.hits.at = append(p.hits.at, m.at...)
	switch {
	case m.err != nil: // the player's own reading tells of it
		return nil
	case len(p.hits.at) >= mostPlaces:
		p.hits.through = true
	case !m.end:
		return p.scanOn(m.scan)
	case p.live():
		return p.after(time.Second, scanned{gen: m.gen, scan: m.scan})
	default:
		p.hits.through = true
	}
	return nil
}

// tally says which of how many hits the player stands at.
func (p *player) tally() string {
	n := len(p.hits.at)
	for i, at := range p.hits.at {
		if at == p.frame.at && p.found == foundText {
			return fmt.Sprintf(" %d of %s", i+1, p.hitCount(n))
		}
	}
	return ""
}

func (p *player) hitCount(n int) string {
	if p.hits.through && n < mostPlaces {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d+", n)
}
