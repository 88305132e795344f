package approvals

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Before a grant ends, its sessions are warned at these times, longest first.
var warnAt = []time.Duration{5 * time.Minute, time.Minute}

// warningsKept is how many warnings a session may have unread. More come only
// if the session outlives several grants and nobody reads; they are dropped.
const warningsKept = 16

// session is one that was let in, or that is being evaluated.
type session struct {
	app      access.Application
	life     context.Context // the pass's
	end      context.CancelCauseFunc
	warnings chan access.Warning

	settling sync.Mutex // held while it is brought to what its watchers make of it; taken before mu

	// Guarded by Desk.mu. grant and ruling are set inside writer
	// transactions, so whoever ends a grant within a later one sees them.
	admitted bool
	ruling   ruling
	grant    access.Grant // zero with standing access
	warned   int          // how many of warnAt have passed for this grant

	vigil    *access.Vigil // nil unless its rule wants somebody to watch; set with admitted, once
	watchers map[*watcher]bool
	runs     bool              // somebody watches, as the audit chain has it
	lastEyes access.PersonName // who was the last to watch
	pausedAt time.Time
	nudged   time.Time // when the thread was last told that it waits for somebody
}

// register makes a session known, before it is evaluated: from here on a
// sweep sees it.
func (d *Desk) register(a access.Application) (*session, error) {
	s := &session{app: a, warnings: make(chan access.Warning, warningsKept), watchers: map[*watcher]bool{}}
	s.life, s.end = context.WithCancelCause(context.Background())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[a.Session] != nil {
		return nil, fmt.Errorf("approvals: session %s is known already", a.Session)
	}
	d.sessions[a.Session] = s
	return s, nil
}

func (d *Desk) unregister(s *session) {
	d.mu.Lock()
	delete(d.sessions, s.app.Session)
	var guests []*watcher
	for w := range s.watchers {
		if w.actor.Via == access.ViaConsole && !d.audits(w.actor.Person) {
			guests = append(guests, w) // who watched a session may not replay it for that
		}
	}
	d.mu.Unlock()
	for _, w := range guests {
		w.end(access.Refuse(access.ReasonNotFound, "the session is over", ""))
	}
	s.end(nil)
}

// pass is what the front door gets.
func (d *Desk) pass(s *session, approvers []access.PersonName) *access.Pass {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, g := s.ruling, s.grant
	return &access.Pass{
		Context:  s.life,
		Warnings: s.warnings,
		Done:     sync.OnceFunc(func() { d.unregister(s) }),

		Person:       r.person,
		Host:         r.host,
		Login:        r.target.Login,
		Rule:         r.rule.Name,
		Allow:        r.allow,
		Bulk:         r.rule.Record.Bulk,
		Input:        r.rule.Record.Input,
		PolicyDigest: r.policy.Digest,
		Request:      g.RequestID,
		Grant:        g.ID,
		BreakGlass:   g.BreakGlass,
		Approvers:    approvers,
		Vigil:        s.vigil,
		NotAfter:     g.NotAfter,
	}
}

// bind ties a session to what lets it in, within the transaction c. The caller
// must not hold mu.
func (c *change) bind(s *session, r ruling, g access.Grant) {
	d := c.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	admitted, ruling, grant, warned, vigil := s.admitted, s.ruling, s.grant, s.warned, s.vigil
	c.Undo(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		s.admitted, s.ruling, s.grant, s.warned, s.vigil = admitted, ruling, grant, warned, vigil
	})
	s.admitted, s.ruling, s.grant, s.warned = true, r, g, 0
	d.vigil(s)
}

// tellMoved has the session tell its person, once the transaction c is
// committed, that it may go on until g ends.
func (c *change) tellMoved(s *session, g access.Grant) {
	c.done = append(c.done, func() {
		s.warn(access.Warning{Left: g.NotAfter.Sub(c.now), NotAfter: g.NotAfter, Grant: g.ID, Moved: true})
	})
}

// warn never waits: whoever has not read the last sixteen misses this one.
func (s *session) warn(w access.Warning) {
	select {
	case s.warnings <- w:
	default:
	}
}

// under lists the sessions that live under a grant, oldest first: where another
// grant can take over some of them only, it is those.
func (d *Desk) under(id access.GrantID) []*session {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*session
	for _, s := range d.sessions {
		if s.admitted && s.grant.ID == id {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *session) int { return cmp.Compare(a.app.Session, b.app.Session) })
	return list
}

// pick gives the live grant that lets a session in: one whose clock runs, the
// longest of them, before one that would have to be started.
func (c *change) pick(s *session, r ruling) (best access.Grant, found bool, err error) {
	list, err := c.LiveGrantsFor(r.person.Name, r.target)
	if err != nil {
		return best, false, err
	}
	for _, g := range list {
		doomed := slices.ContainsFunc(c.doomed, func(o access.Grant) bool { return o.ID == g.ID })
		if doomed || !alive(g, c.now) || !g.Covers(s.app.Identity, r.target, r.rule.Name, s.app.Kind) {
			continue
		}
		if !found || better(g, best) {
			best, found = g, true
		}
	}
	return best, found, nil
}

// alive reports whether a live grant's deadline is still to come, whether or
// not anybody has ended it yet.
func alive(g access.Grant, now time.Time) bool {
	if g.State == access.GrantActive {
		return now.Before(g.NotAfter)
	}
	return g.State == access.GrantReady && now.Before(g.UseBy)
}

func better(a, b access.Grant) bool {
	if a.State != b.State {
		return a.State == access.GrantActive
	}
	if a.State == access.GrantActive {
		return a.NotAfter.After(b.NotAfter)
	}
	return a.UseBy.Before(b.UseBy)
}

// use lets a session in under g, whose clock starts if it has not yet.
func (c *change) use(s *session, r ruling, g access.Grant) error {
	if g.State == access.GrantReady {
		g.State, g.StartedAt, g.NotAfter = access.GrantActive, c.now, c.now.Add(g.For)
		if err := c.MoveGrant(access.GrantReady, g, ""); err != nil {
			return err
		}
		e := grantEvent(audit.GrantActivated, string(g.Person), g)
		e.Session, e.Connection = string(s.app.Session), string(s.app.Connection)
		e.Detail["not_after"] = g.NotAfter.Format(time.RFC3339)
		if err := c.audit(e); err != nil {
			return err
		}
		if err := c.show(g.RequestID); err != nil {
			return err
		}
	}
	g, err := c.open(s, g)
	if err != nil {
		return err
	}
	c.bind(s, r, g)
	return nil
}

// open counts a session under a grant. The first one binds what was not known
// when it was asked for; each is told of in the
// thread by the transaction that opens its recording.
func (c *change) open(s *session, g access.Grant) (access.Grant, error) {
	if g.Binds(access.BindKey) && g.Fingerprint == "" {
		g.Fingerprint = s.app.Identity.Fingerprint
	}
	if g.Binds(access.BindAddress) && g.Address == "" {
		g.Address = s.app.Identity.Address()
	}
	if err := c.OpenSession(g); err != nil {
		return g, err
	}
	g.Opened++
	return g, nil
}

// endGrant ends a live grant. Each session under it goes on under another
// grant that covers it, or ends with cause. (Complaint of others: of two
// overlapping grants the first expiry killed what the second still covered.)
func (c *change) endGrant(g access.Grant, next access.GrantState, e ending) error {
	from := g.State
	g.State, g.EndedAt = next, c.now
	if err := c.MoveGrant(from, g, e.words); err != nil {
		return err
	}
	event := grantEvent(grantEnd[next], e.actor, g)
	event.Source = e.source
	event.Detail["cause"], event.Detail["reason"] = string(e.cause.Reason), e.reason
	if err := c.audit(event); err != nil {
		return err
	}
	if err := c.endExtensions(g, e); err != nil {
		return err
	}
	if err := c.tellGrantEnded(g, e); err != nil {
		return err
	}
	if err := c.showGrant(g); err != nil {
		return err
	}
	for _, s := range c.desk.under(g.ID) {
		other, found, err := c.pick(s, s.ruling)
		if err != nil {
			return err
		}
		if found {
			if err := c.use(s, s.ruling, other); err != nil {
				return err
			}
			// Its clock may just have started.
			c.tellMoved(s, s.grant)
			continue
		}
		c.done = append(c.done, func() { s.end(e.cause.About(string(g.ID))) })
	}
	return nil
}

// ending says why something ends, to each audience.
type ending struct {
	actor  string        // for the audit chain
	source string        // address of who did it
	reason string        // what they gave as reason
	words  string        // for what is shown of the request
	cause  *access.Error // for the person whose session it is
}
