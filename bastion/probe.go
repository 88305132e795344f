package bastion

import (
	"context"
	"sync"
)

// probe asks a client for signs of life, one at a time: an answer that never
// comes would hold a goroutine for each question.
type probe struct {
	mu    sync.Mutex
	under chan struct{} // closed at the answer; nil while nothing is asked
	alive bool          // the last answer was one, and no end of the connection
}

// answers reports whether the client answers before ctx ends. ssh does as long
// as its process runs (it is the question of its own ServerAliveInterval); one
// that is stopped, or behind a network that is gone, does not, long before TCP
// would notice.
func (c *connection) answers(ctx context.Context) bool {
	p := &c.probe
	p.mu.Lock()
	if p.under == nil {
		p.under = make(chan struct{})
		go c.ask(p.under)
	}
	under := p.under
	p.mu.Unlock()
	select {
	case <-under:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.alive
	case <-ctx.Done():
		return false
	}
}

// ask ends with the answer, any answer, or with the connection.
func (c *connection) ask(under chan struct{}) {
	_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
	p := &c.probe
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive, p.under = err == nil, nil
	close(under)
}
