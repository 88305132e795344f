package approvals

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Tick ends every request and grant whose time is over, and sends the
// warnings that are due. It gives the moment at which it is needed next;
// false if nothing runs out by itself. Whoever calls it, and when, changes
// nothing about what is over: every use checks the deadline itself.
func (d *Desk) Tick(ctx context.Context) (next time.Time, ok bool, err error) {
	next, ok, err = d.Store.NextDeadline(ctx)
	if err != nil {
		return time.Time{}, false, err
	}
	if ok && !d.Now().Before(next) {
		if err := d.write(ctx, (*change).endDue); err != nil {
			return time.Time{}, false, err
		}
		if next, ok, err = d.Store.NextDeadline(ctx); err != nil {
			return time.Time{}, false, err
		}
	}
	if warning, any := d.warn(); any && (!ok || warning.Before(next)) {
		next, ok = warning, true
	}
	return next, ok, nil
}

// endDue ends what is over, and chases what waits. What ran out while nobody
// ran ends here too, with the same cause: it says when its time was over, not
// when it was noticed.
func (c *change) endDue() error {
	requests, err := c.DueRequests(c.now)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if err := c.lapse(r); err != nil {
			return err
		}
	}
	if err := c.chaseDue(); err != nil {
		return err
	}
	grants, err := c.DueGrants(c.now)
	if err != nil {
		return err
	}
	for _, g := range grants {
		next, e := access.GrantLapsed, ending{actor: audit.ActorSystem, words: "not used in time",
			cause: access.Refuse(access.ReasonLapsed, "the grant was not used in time", "Connect again to ask again")}
		if g.State == access.GrantActive {
			next, e = access.GrantExpired, ending{actor: audit.ActorSystem, words: "its time was over",
				cause: access.Refuse(access.ReasonExpired, fmt.Sprintf("your %s on %s are over", exact(g.NotAfter.Sub(g.StartedAt)), g.Target), "Connect again to ask again")}
		}
		if err := c.endGrant(g, next, e); err != nil {
			return err
		}
	}
	return nil
}

// warn sends the warnings that are due and gives when the next one is. A
// session that begins late under a grant gets one warning, not two at once.
func (d *Desk) warn() (next time.Time, any bool) {
	now := d.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sessions {
		if !s.admitted || s.grant.ID == "" || s.life.Err() != nil {
			continue
		}
		left := s.grant.NotAfter.Sub(now)
		passed := s.warned
		for passed < len(warnAt) && left <= warnAt[passed] {
			passed++
		}
		if passed > s.warned && left > 0 {
			s.warn(access.Warning{Left: left, NotAfter: s.grant.NotAfter, Grant: s.grant.ID})
		}
		s.warned = passed
		if passed < len(warnAt) {
			if at := s.grant.NotAfter.Add(-warnAt[passed]); !any || at.Before(next) {
				next, any = at, true
			}
		}
	}
	return next, any
}
