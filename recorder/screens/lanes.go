package screens

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
)

// lanes share the indexer's time between recordings that cost little and those
// that cost much, so that nobody delays others with a flood of output. Each
// lane reads one recording, the oldest of its own, and they take turns: a
// session waits for older ones of its lane, at a third of the pace at least.
//
// A session begins in the lane of its size. One that takes more turns than its
// lane allows, as small output may cost much, goes on in the next lane, or
// begins anew there when that has one. What is where is in memory only: a
// crash loses no more than work.
type lanes struct {
	x       *Indexer
	pace    *pace
	open    [len(lanesOf)]*slow
	waiting []access.Session // of the last look, those that were not begun
	looked  time.Time
	full    bool                     // it may not have seen all
	demoted map[access.SessionID]int // the lanes of those that begin anew
}

// lanesOf is what a session has in a lane at most: output in bytes, and turns.
var lanesOf = [...]struct {
	bytes int64
	turns int
}{
	{256 << 10, 16},
	{4 << 20, 256},
	{math.MaxInt64, math.MaxInt},
}

// lookAt bounds how many of the oldest sessions are looked at for one of each lane.
const lookAt = 500

// slow is a session that is read in turns.
type slow struct {
	session access.Session
	turns   int
	next    func() (err error, more bool)
	stop    func()
}

// errAside ends a reading that begins anew in another lane.
var errAside = errors.New("set aside")

// round gives each lane a turn, and reports whether one had anything to do.
func (l *lanes) round(ctx context.Context) (busy bool, err error) {
	if err := l.look(ctx); err != nil {
		return false, err
	}
	for i := range l.open {
		worked, err := l.turn(ctx, i)
		if err != nil {
			return true, err
		}
		busy = busy || worked
	}
	return busy, nil
}

// turn reads in lane i until there was a rest, or nothing is left there.
func (l *lanes) turn(ctx context.Context, i int) (worked bool, err error) {
	for {
		if l.open[i] == nil {
			l.open[i] = l.begin(ctx, i)
		}
		r := l.open[i]
		if r == nil {
			return worked, nil
		}
		worked = true
		err, more := r.next()
		if err != nil {
			return true, err
		}
		if more {
			if r.turns++; r.turns > lanesOf[i].turns {
				l.demote(i)
			}
			return true, nil
		}
		delete(l.demoted, r.session.ID)
		l.open[i] = nil
	}
}

// look renews what waits when a lane has nothing to read, but not too often.
func (l *lanes) look(ctx context.Context) error {
	idle := false
	for i := range l.open {
		idle = idle || l.open[i] == nil && l.oldest(i) < 0
	}
	now := l.pace.clock.Now()
	if !idle || now.Sub(l.looked) < l.x.config.Every && (!l.full || len(l.waiting) > 0) {
		return nil
	}
	list, err := l.x.config.Index.Unread(ctx, lookAt)
	if err != nil {
		return err
	}
	l.looked, l.full, l.waiting = now, len(list) == lookAt, l.waiting[:0]
	known := map[access.SessionID]int{} // no more than there are: some were deleted
	for _, s := range list {
		if n, ok := l.demoted[s.ID]; ok {
			known[s.ID] = n
		}
		if !l.reading(s.ID) {
			l.waiting = append(l.waiting, s)
		}
	}
	l.demoted = known
	return nil
}

func (l *lanes) reading(id access.SessionID) bool {
	for _, r := range l.open {
		if r != nil && r.session.ID == id {
			return true
		}
	}
	return false
}

// oldest is the place of the oldest session of lane i in waiting, or -1.
func (l *lanes) oldest(i int) int {
	for at, s := range l.waiting {
		lane := l.demoted[s.ID]
		for s.BytesOut > lanesOf[lane].bytes {
			lane++
		}
		if lane == i {
			return at
		}
	}
	return -1
}

// begin begins to read the oldest session of lane i, nil when there is none.
func (l *lanes) begin(ctx context.Context, i int) *slow {
	at := l.oldest(i)
	if at < 0 {
		return nil
	}
	r := &slow{session: l.waiting[at]}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	r.next, r.stop = iter.Pull(func(yield func(error) bool) {
		aside := false
		_, err := l.x.read(ctx, r.session, func() error {
			if aside {
				return errAside
			}
			rested, err := l.pace.take()
			if err == nil && rested && !yield(nil) {
				aside = true
				return errAside
			}
			return err
		})
		if err != nil && !aside {
			yield(err)
		}
	})
	return r
}

// demote puts what lane i reads into the next one.
func (l *lanes) demote(i int) {
	r := l.open[i]
	l.open[i] = nil
	if l.open[i+1] == nil {
		l.open[i+1] = r
		return
	}
	r.stop()
	l.demoted[r.session.ID] = i + 1
	l.waiting = append(l.waiting, r.session)
}

// stop ends all readings. They begin anew the next time.
func (l *lanes) stop() {
	for i, r := range l.open {
		if r != nil {
			r.stop()
			l.open[i] = nil
		}
	}
	l.waiting, l.looked = nil, time.Time{}
}
