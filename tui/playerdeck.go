package tui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// deckBack is the deck, back from an order that was carried out for a while.
type deckBack struct {
	gen   generation
	order *order
	frame frame
	done  bool
	end   bool
	text  string
	err   error
}

// give hands an order to the deck, now or when it is back.
func (p *player) give(o *order) tea.Cmd {
	if p.busy || !p.ready {
		switch w := p.wish; {
		case o.what == advance || o.quiet:
		case w != nil && w.what == o.what && (o.what == step || o.what == stepBack):
			w.more++
		default:
			p.wish = o
		}
		return nil
	}
	p.busy = true
	if o.what != advance && !o.quiet {
		p.seeking = o
	}
	gen, d, typed := p.gen, p.deck, p.typedOn
	return p.do(func(ctx context.Context) tea.Msg {
		m := o.run(ctx, d)
		m.gen, m.order, m.frame = gen, o, d.frame()
		if typed && m.err == nil {
			m.frame.typed, m.err = d.rec.Typed(ctx, d.at)
		}
		return m
	})
}

// back takes the deck back from a command.
func (p *player) back(m deckBack) tea.Cmd {
	p.busy, p.frame = false, m.frame
	if m.frame.skipped > time.Second {
		p.skipped, p.skipUntil = m.frame.skipped, p.now().Add(2*time.Second)
	}
	if p.failing = m.err != nil; p.failing {
		p.playing, p.follow, p.seeking, p.wish = false, false, nil, nil
		return say(failed{readFailed(m.err)})
	}
	if o := p.wish; o != nil {
		p.wish, p.seeking = nil, nil
		return p.give(o)
	}
	if !m.done {
		return p.give(m.order)
	}
	if p.seeking == m.order {
		p.seeking = nil
	}
	if p.ended = m.end; m.end {
		p.endedAt = p.now()
	}
	if m.text != "" {
		p.found, p.searched = m.text, true
	}
	if m.end && !p.live() {
		p.follow = false
		if m.order.what == advance {
			p.playing = false
		}
	}
	return nil
}

func readFailed(err error) error {
	var e *access.Error
	if errors.As(err, &e) {
		return err
	}
	return access.Fail(access.ReasonRecording, "the recording cannot be read here", "sallyport verify tells what is wrong with it", err)
}
