package approvals

import (
	"context"
	"net/netip"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Sweep ends what the policy in force no longer covers: pending requests,
// grants, sessions, and consoles. It runs after each [policy.Live.Publish], and once at
// the start, since the access file may have changed while nobody ran. It is
// harmless to run it again.
func (d *Desk) Sweep(ctx context.Context) error {
	p := d.Policy.Current()
	d.mu.Lock()
	before := d.swept
	d.mu.Unlock()
	d.posting.Lock() // who has posted is waiting before we mark who waits
	err := d.write(ctx, func(c *change) error {
		if err := c.sweepRequests(before, p); err != nil {
			return err
		}
		return c.sweepGrants(before, p)
	})
	d.posting.Unlock()
	if err != nil {
		return err
	}
	// Sessions come last: those of a grant that was revoked have their
	// cause already, and keep the first one.
	d.endUncovered(p)
	d.sweepConsoles(p)
	d.sweepWatchers(p)
	d.mu.Lock()
	d.swept = p
	d.mu.Unlock()
	d.wakeAll() // others may be asked now
	return nil
}

// endUncovered ends the sessions that p does not let go on.
func (d *Desk) endUncovered(p *policy.Policy) {
	for s, cause := range d.uncovered(p) {
		s.end(cause)
	}
}

// Recheck ends the sessions whose rule no longer lets them in although the file
// stands: its condition no longer holds. [Desk.Run] calls it every ten seconds
// while there are such rules. Grants stay: they open sessions again when the
// condition holds again, for as long as they last.
func (d *Desk) Recheck() { d.endUncovered(d.Policy.Current()) }

func removed(t access.Target) *access.Error {
	return access.Refuse(access.ReasonRemoved, "the access rules no longer let you use "+t.String(), "Ask an admin of the bastion")
}

// Ended counts the people whose live sessions here would end if next were
// published, and all people who have one. Nothing changes.
func (d *Desk) Ended(next *policy.Policy) (ended, of int) {
	count := func(list map[*session]*access.Error) int {
		people := map[access.PersonName]bool{}
		for s := range list {
			people[s.app.Identity.Person] = true
		}
		return len(people)
	}
	d.mu.Lock()
	all := map[*session]*access.Error{}
	for _, s := range d.sessions {
		if s.admitted {
			all[s] = nil
		}
	}
	d.mu.Unlock()
	return count(d.uncovered(next)), count(all)
}

// uncovered lists the admitted sessions that p would not let in as they are:
// with this access, under this rule, its condition met, and with all that the
// gate lets through; and what to tell each.
func (d *Desk) uncovered(p *policy.Policy) map[*session]*access.Error {
	now := d.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	list := map[*session]*access.Error{}
	for _, s := range d.sessions {
		if !s.admitted {
			continue // it will be evaluated again before it is let in
		}
		r, refused := judge(p, s.app.Identity, s.app.Target, s.app.Kind, now)
		covered := refused == nil && r.target == s.ruling.target && within(s.ruling.allow, r.allow) &&
			(r.standing || s.grant.ID != "" && s.grant.Rule == r.rule.Name) &&
			(r.rule.Watch != access.WatchRequired || s.vigil != nil)
		switch {
		case covered:
		case refused != nil && refused.Reason == access.ReasonCondition:
			list[s] = refused
		case refused == nil && r.rule.Watch == access.WatchRequired && s.vigil == nil:
			list[s] = access.Refuse(access.ReasonRemoved, "the access rules now want this watched", "Connect again")
		default:
			list[s] = removed(s.app.Target)
		}
	}
	return list
}

func (c *change) sweepRequests(before, p *policy.Policy) error {
	list, err := c.PendingRequests()
	if err != nil {
		return err
	}
	for _, r := range list {
		allowed, asks := c.covered(before, p, holding{r.Person, r.Fingerprint, r.Source, r.Target, r.Rule, r.Kinds})
		if allowed && asks { // what is standing access now need not be asked for
			continue
		}
		err := c.endRequest(r, access.RequestCancelled, ending{actor: audit.ActorPolicy, words: "the access rules changed"})
		if err != nil {
			return err
		}
		d, id := c.desk, r.ID
		// Runs after what endRequest put there: waking early is harmless only
		// if the mark is set first, so it goes to the front.
		c.done = slices.Insert(c.done, 0, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			for w := range d.waiters[id] {
				w.swept = true
			}
		})
	}
	return nil
}

func (c *change) sweepGrants(before, p *policy.Policy) error {
	list, err := c.LiveGrants()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(g access.Grant) bool {
		allowed, _ := c.covered(before, p, holding{g.Person, g.Fingerprint, "", g.Target, g.Rule, g.Kinds})
		return allowed
	})
	c.doomed = list // none of them may take over a session of another
	for _, g := range list {
		err := c.endGrant(g, access.GrantRevoked, ending{actor: audit.ActorPolicy, words: "the access rules changed", cause: removed(g.Target)})
		if err != nil {
			return err
		}
	}
	return nil
}

// holding is what a request and a grant have in common for the policy.
type holding struct {
	person      access.PersonName
	fingerprint string
	source      string
	target      access.Target
	rule        string
	kinds       []access.Kind
}

// covered reports whether the policy p still gives what is held, under the
// same rule or by standing access, for all of the kinds; and whether the rule
// still has to be asked for any. Of the key nothing is kept but its
// fingerprint, and who came with a certificate has none in the policy: so a
// key counts as removed only if the policy before had it.
func (c *change) covered(before, p *policy.Policy, h holding) (allowed, asks bool) {
	if before != nil && hasKey(before, h) && !hasKey(p, h) {
		return false, false
	}
	id := access.Identity{Person: h.person, Fingerprint: h.fingerprint}
	if source, err := netip.ParseAddrPort(h.source); err == nil {
		id.Source = source
	}
	for _, k := range h.kinds {
		r, refused := weigh(p, id, h.target, k, c.now, policy.Held(h.rule))
		if refused != nil || r.target != h.target || !r.standing && r.rule.Name != h.rule {
			return false, false
		}
		asks = asks || !r.standing
	}
	return true, asks
}

func hasKey(p *policy.Policy, h holding) bool {
	person, ok := p.Person(h.person)
	return ok && slices.ContainsFunc(person.Keys, func(k access.PersonKey) bool {
		return k.Fingerprint == h.fingerprint && k.May(access.UseLogin)
	})
}
