package slacktest

import (
	"context"
	"sync"
)

// gate holds deliveries back, so that a test can let them through in another order.
type gate struct {
	mu      sync.Mutex
	held    bool
	queue   []*turn
	changed chan struct{}
}

type turn struct{ start, done chan struct{} }

// HoldDeliveries makes every later delivery wait until ReleaseDeliveries.
func (s *Server) HoldDeliveries() {
	g := &s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.changed = true, make(chan struct{})
}

// WaitHeld waits until n deliveries are being held.
func (s *Server) WaitHeld(ctx context.Context, n int) error {
	g := &s.gate
	for {
		g.mu.Lock()
		have, changed := len(g.queue), g.changed
		g.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ReleaseDeliveries lets the held deliveries go one after the other, each when the one before has
// been acknowledged or given up: in the order given (positions in order of arrival), else as they
// came. Positions left out go last. Deliveries are no longer held afterwards.
func (s *Server) ReleaseDeliveries(order ...int) {
	g := &s.gate
	g.mu.Lock()
	queue := g.queue
	g.held, g.queue = false, nil
	g.mu.Unlock()
	for i := range queue {
		order = append(order, i)
	}
	gone := map[int]bool{}
	for _, i := range order {
		if i < 0 || i >= len(queue) || gone[i] {
			continue
		}
		gone[i] = true
		close(queue[i].start)
		<-queue[i].done
	}
}

// wait waits for this delivery's turn; the caller calls done when the delivery is over.
func (g *gate) wait(ctx context.Context) (done func(), err error) {
	g.mu.Lock()
	if !g.held {
		g.mu.Unlock()
		return func() {}, nil
	}
	t := &turn{start: make(chan struct{}), done: make(chan struct{})}
	g.queue = append(g.queue, t)
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	select {
	case <-t.start:
		return sync.OnceFunc(func() { close(t.done) }), nil
	case <-ctx.Done():
		close(t.done)
		return nil, ctx.Err()
	}
}
