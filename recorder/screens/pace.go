package screens

import (
	"context"
	"time"
)

// Clock is the time that the indexer lives in.
type Clock interface {
	Now() time.Time
	// Spent is the processor time that this process has used so far.
	Spent() time.Duration
	// Wait returns after d, or with the cause when ctx ends before.
	Wait(ctx context.Context, d time.Duration) error
}

// pace has the indexer give way to sessions, which live in the same process. It
// works for some milliseconds, then rests three times as long, and sees whether
// the process did anything meanwhile: that was not the indexer. If so it waits
// for a quiet second, but not for ever: a bastion that is never quiet makes its
// index at the least pace, a turn in each [mostLull].
type pace struct {
	ctx   context.Context
	clock Clock
	since time.Time // it works since then
}

const (
	turn      = 4 * time.Millisecond // of work between rests, at least
	restShare = 3                    // times as long as the work before it
	mostRest  = 500 * time.Millisecond

	// What others may use of a rest: grace, for timers and the collector, and of
	// a longer one a twentieth. A login takes 3 ms.
	grace      = 500 * time.Microsecond
	quietShare = 20

	lull     = time.Second
	mostLull = 2 * lull
)

func newPace(ctx context.Context, clock Clock) *pace {
	return &pace{ctx: ctx, clock: clock, since: clock.Now()}
}

// take is called between pieces of work. It rests when it is time for that,
// and says so.
func (p *pace) take() (rested bool, err error) {
	worked := p.clock.Now().Sub(p.since)
	if worked < turn {
		return false, nil
	}
	quiet, err := p.quietFor(min(restShare*worked, mostRest))
	for waited := time.Duration(0); err == nil && !quiet && waited < mostLull; waited += lull {
		quiet, err = p.quietFor(lull)
	}
	p.since = p.clock.Now()
	return true, err
}

// quietFor waits, and reports whether next to nothing went on meanwhile.
func (p *pace) quietFor(d time.Duration) (bool, error) {
	before := p.clock.Spent()
	err := p.clock.Wait(p.ctx, d)
	return p.clock.Spent()-before <= grace+d/quietShare, err
}

// process is the real clock.
type process struct{}

func (process) Now() time.Time { return time.Now() }

func (process) Spent() time.Duration { return spent() }

func (process) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
