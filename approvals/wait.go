package approvals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// waiter is one session that waits for a request. The request is a row; the
// waiter is only who is to be told.
type waiter struct {
	session *session
	ruling  ruling // under which it began to wait
	request access.RequestID
	joined  bool
	changed chan struct{} // the request may have changed; holds one
	swept   bool          // the policy ended the request; guarded by Desk.mu
}

func (d *Desk) addWaiter(w *waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiters[w.request] == nil {
		d.waiters[w.request] = map[*waiter]bool{}
	}
	d.waiters[w.request][w] = true
}

// wakeWaiters makes those who wait for a request look at it again.
func (d *Desk) wakeWaiters(id access.RequestID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.waiters[id] {
		signal(w.changed)
	}
}

// wakeAll makes everybody who waits look again.
func (d *Desk) wakeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, waiting := range d.waiters {
		for w := range waiting {
			signal(w.changed)
		}
	}
}

// wait returns nil when it is worth trying to enter again, and an error when
// the request came to another end, or ctx did.
func (d *Desk) wait(ctx context.Context, w *waiter) error {
	var told access.Waiting
	for {
		request, err := d.Store.Request(ctx, w.request)
		if err != nil {
			if ctx.Err() != nil {
				return gone(ctx)
			}
			return access.AsError(err).About(string(w.request))
		}
		if request.State != access.RequestPending && request.State != access.RequestApproved {
			return d.ended(w, request)
		}
		list, err := d.Store.Locks(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return gone(ctx)
			}
			return access.AsError(err).About(string(w.request))
		}
		if now, ok := d.waiting(w, request, list); ok && w.session.app.Tell != nil && !same(now, told) {
			told = now
			w.session.app.Tell(now)
		}
		if g := request.Grant; g != nil && !g.State.Live() {
			return overBefore(*g)
		}
		if request.State == access.RequestApproved {
			return nil
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			return gone(ctx)
		}
	}
}

// waiting is how the wait stands, for the person; false if its rule is gone
// and the sweep that ends it is under way.
func (d *Desk) waiting(w *waiter, r access.Request, l locks) (access.Waiting, bool) {
	state := access.Waiting{Request: r.ID, Target: r.Target, Until: r.WaitUntil, Joined: w.joined}
	if r.State == access.RequestApproved {
		state.Approved, state.BreakGlass, state.Auto = r.ApprovedBy(), r.BreakGlass, r.Auto
		return state, true
	}
	p := d.Policy.Current()
	rule, ok := ruleFor(p, r)
	if !ok || rule.Approval == nil {
		return state, false
	}
	state.Asked = names(l.approvers(p, rule, w.ruling.person))
	state.Unconfirmed = r.UnconfirmedBy()
	for _, name := range rule.Approval.Counting(r) {
		if slices.Contains(state.Asked, name) {
			state.Approved = append(state.Approved, name)
		}
	}
	state.Missing = p.Met(rule, w.ruling.person, state.Approved)
	return state, true
}

func same(a, b access.Waiting) bool {
	return a.Request == b.Request && a.Missing == b.Missing && a.Until.Equal(b.Until) &&
		slices.Equal(a.Asked, b.Asked) && slices.Equal(a.Unconfirmed, b.Unconfirmed) && slices.Equal(a.Approved, b.Approved)
}

// ended says how a request ended that was not approved; nil if the policy
// ended it, for then the new one may let the session in, or ask others.
func (d *Desk) ended(w *waiter, r access.Request) error {
	d.mu.Lock()
	swept := w.swept
	d.mu.Unlock()
	var e *access.Error
	switch {
	case r.State == access.RequestCancelled && swept:
		return nil
	case r.State == access.RequestDenied:
		by := r.Decisions[len(r.Decisions)-1]
		e = access.Refuse(access.ReasonDenied, because(fmt.Sprintf("%s denied it", by.Person), by.Reason), fmt.Sprintf("Talk to %s", by.Person))
	case r.State == access.RequestLapsed:
		asked := strings.Join(asWords(names(w.ruling.policy.Approvers(w.ruling.rule, w.ruling.person))), ", ")
		e = access.Refuse(access.ReasonLapsed, fmt.Sprintf("nobody decided it in %s", exact(r.WaitUntil.Sub(r.RequestedAt))),
			"Ask again when one of these is there: "+access.Plain(asked, 200))
	default:
		e = access.Refuse(access.ReasonCancelled, "the request was withdrawn", "Connect again to ask again")
	}
	return e.About(string(r.ID))
}

// overBefore says how a grant ended before the session that waited for it
// could use it.
func overBefore(g access.Grant) error {
	reason := map[access.GrantState]access.Reason{
		access.GrantLapsed: access.ReasonLapsed, access.GrantExpired: access.ReasonExpired,
		access.GrantReleased: access.ReasonReleased, access.GrantRevoked: access.ReasonRevoked,
	}[g.State]
	return access.Refuse(reason, fmt.Sprintf("it was approved, but the grant is %s already", g.State), "Connect again to ask again").About(string(g.ID))
}

// leave ends a wait. If the person withdrew (or the session was killed) and
// nobody else waits, the request is cancelled, unless it was asked ahead: that
// one is withdrawn by the cancel command.
func (d *Desk) leave(ctx context.Context, w *waiter) {
	d.posting.Lock()
	defer d.posting.Unlock()
	d.mu.Lock()
	delete(d.waiters[w.request], w)
	last := len(d.waiters[w.request]) == 0
	if last {
		delete(d.waiters, w.request)
	}
	d.mu.Unlock()

	var e *access.Error
	if !last || ctx.Err() == nil || !errors.As(context.Cause(ctx), &e) ||
		e.Reason != access.ReasonCancelled && e.Reason != access.ReasonKilled {
		return
	}
	err := d.write(context.WithoutCancel(ctx), func(c *change) error {
		r, err := c.Request(w.request)
		if err != nil || r.State != access.RequestPending || r.Kind == "" {
			return err
		}
		return c.endRequest(r, access.RequestCancelled, ending{actor: string(r.Person), words: "withdrawn", cause: e})
	})
	if err != nil {
		d.Log.Error("request stays pending although it was withdrawn", "request", w.request, "err", err)
	}
}

// requestEnd is the event of each end of a request that is no decision.
var requestEnd = map[access.RequestState]audit.Kind{
	access.RequestCancelled: audit.RequestCancelled,
	access.RequestLapsed:    audit.RequestLapsed,
}

// endRequest ends a pending request without a decision.
func (c *change) endRequest(r access.Request, next access.RequestState, e ending) error {
	if err := c.EndRequest(r.ID, next, c.now, e.words); err != nil {
		return err
	}
	event := requestEvent(requestEnd[next], e.actor, r)
	event.Source = e.source
	event.Detail["cause"] = e.words
	if err := c.audit(event); err != nil {
		return err
	}
	return c.show(r.ID)
}

// lapse ends a request that nobody decided in time.
func (c *change) lapse(r access.Request) error {
	err := c.endRequest(r, access.RequestLapsed, ending{actor: audit.ActorSystem,
		words: "nobody decided it by " + r.WaitUntil.UTC().Format(time.DateTime) + " UTC"})
	if err != nil {
		return err
	}
	return c.tellRequester(r)
}
