package policy

import (
	"sync"
	"sync/atomic"
)

// Live is the policy in force. Each one published has an epoch: a decision
// commits only under the epoch it was made in, and whoever sweeps after a
// reload does so under the new one. It is safe for concurrent use.
type Live struct {
	current atomic.Pointer[Policy]

	mu      sync.Mutex // guards what follows, and the order of epochs
	changed chan struct{}
}

// NewLive puts the first policy in force, as epoch 1.
func NewLive(first *Policy) *Live {
	l := &Live{changed: make(chan struct{})}
	l.Publish(first)
	return l
}

// Current is the policy in force.
func (l *Live) Current() *Policy { return l.current.Load() }

// Publish puts next in force under a new epoch and returns it as it is now in
// force; next itself is not changed. It returns before anybody has swept.
func (l *Live) Publish(next *Policy) *Policy {
	l.mu.Lock()
	defer l.mu.Unlock()
	published := *next
	published.Epoch = 1
	if old := l.current.Load(); old != nil {
		published.Epoch = old.Epoch + 1
	}
	l.current.Store(&published)
	close(l.changed)
	l.changed = make(chan struct{})
	return &published
}

// Changed returns a channel that is closed at the next [Live.Publish]. To miss
// nothing, take the channel first and read Current after.
func (l *Live) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}
