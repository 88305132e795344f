package main

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/tui"
)

// How often a watcher's client is asked for a sign of life, and how long it may
// take. Whoever is gone without a word keeps no session running for longer than
// both.
const (
	askEvery  = 5 * time.Second
	answerMax = 10 * time.Second
)

// watching is a live recording while somebody looks on in the player. It tells
// the desk whether they see it: the player follows the present, and their
// client answers. It has no keyframes: those are made when it is over.
type watching struct {
	tui.Recording
	look    *access.Watching
	answers func(context.Context) bool
	changed chan struct{} // holds one

	mu      sync.Mutex
	present bool // the player shows the present
	alive   bool // the client answered when it was last asked
}

func newWatching(r tui.Recording, look *access.Watching, answers func(context.Context) bool) *watching {
	w := &watching{Recording: r, look: look, answers: answers, changed: make(chan struct{}, 1)}
	go w.tell()
	if answers != nil {
		go w.ask()
	}
	return w
}

// Present is told by the player.
func (w *watching) Present(shown bool) {
	w.mu.Lock()
	w.present = shown
	w.mu.Unlock()
	w.touch()
}

func (w *watching) touch() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// tell tells the desk what the watcher sees, again with each answer of their
// client: a session that could not go on for a fault may then.
func (w *watching) tell() {
	for {
		select {
		case <-w.look.Context.Done():
			return
		case <-w.changed:
		}
		w.mu.Lock()
		shown := w.present && w.alive
		w.mu.Unlock()
		w.look.Shown(shown)
	}
}

// ask asks the client whether it is there.
func (w *watching) ask() {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(w.look.Context, answerMax)
		alive := w.answers(ctx)
		cancel()
		w.mu.Lock()
		w.alive = alive
		w.mu.Unlock()
		w.touch()
		select {
		case <-w.look.Context.Done():
			return
		case <-tick.C:
		}
	}
}

// Read shows nothing any more to who may not look on.
func (w *watching) Read(ctx context.Context, offset int64, limit int) ([]tui.Event, error) {
	if w.look.Context.Err() != nil {
		return nil, context.Cause(w.look.Context)
	}
	return w.Recording.Read(ctx, offset, limit)
}

func (w *watching) Close() error {
	w.look.Leave()
	return w.Recording.Close()
}

// sessions is the index together with what the desk alone knows of live ones:
// which of them must be watched, and who does.
type sessions struct {
	*store.Store
	desk *approvals.Desk
}

func (s *screen) watchable() sessions { return sessions{s.store, s.desk} }

// Sessions is [store.Store.Sessions].
func (s sessions) Sessions(ctx context.Context, q access.SessionQuery) ([]access.Session, error) {
	list, err := s.Store.Sessions(ctx, q)
	vigils := s.desk.Vigils()
	for i := range list {
		list[i] = withVigil(list[i], vigils)
	}
	return list, err
}

// Session is [store.Store.Session].
func (s sessions) Session(ctx context.Context, id access.SessionID) (access.Session, error) {
	found, err := s.Store.Session(ctx, id)
	return withVigil(found, s.desk.Vigils()), err
}

func withVigil(s access.Session, vigils map[access.SessionID][]access.PersonName) access.Session {
	if watchers, there := vigils[s.ID]; there && s.State == access.SessionLive {
		s.Vigil, s.Watchers, s.Paused = true, watchers, len(watchers) == 0
	}
	return s
}
