package vaultclient

import (
	"maps"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Health is how it stands with Vault, for /readyz and metrics.
type Health struct {
	State State
	Cause string    // one line, safe to show to anybody; empty when ready
	Since time.Time // of State
}

// Health tells how it stands. It never blocks on Vault: Run asks every few
// seconds.
func (c *Client) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

// Orders tells how orders for certificates went since the start: how many were
// signed, and how many failed, by why. Orders that nobody waited for to the end
// are in neither.
func (c *Client) Orders() (signed uint64, failed map[State]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signed, maps.Clone(c.failed)
}

// count counts an order; nil went well.
func (c *Client) count(f *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil {
		c.signed++
		return
	}
	c.failed[f.State]++
}

// note remembers how a call went; nil is well. Faults of a single role say
// nothing about Vault.
func (c *Client) note(f *Fault) {
	if f != nil && !f.Outage() && f.State != Misset {
		f = nil
	}
	c.mu.Lock()
	next := Health{State: Ready}
	switch {
	case f != nil:
		next = Health{State: f.State, Cause: lines[f.State][0]}
	case c.fault != nil: // the last login failed; that a call went well with the old token is no cure
		next = Health{State: c.fault.State, Cause: lines[c.fault.State][0]}
	case c.token == 0 || len(c.cas) == 0:
		next = Health{State: Starting, Cause: lines[Starting][0]}
	}
	changed := next.State != c.health.State
	if changed {
		next.Since = c.now()
		c.health = next
	}
	c.mu.Unlock()
	if !changed {
		return
	}
	if f != nil {
		c.log.Warn("vault: not usable", "state", next.State, "cause", access.Plain(f.Cause.Error(), 500))
	} else {
		c.log.Info("vault: state changed", "state", next.State)
	}
}
