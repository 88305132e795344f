package approvals

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Bounds of delivery. Backing off to five minutes, forty attempts last about
// three hours.
const (
	maxAttempts  = 40
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	callTimeout  = 30 * time.Second
)

// What is over stays in the outbox for a week, for who wonders why something
// was not shown, and goes a few rows at a time: decisions wait for the writer
// meanwhile.
const (
	keepNotices = 7 * 24 * time.Hour
	pruneEvery  = time.Hour
	pruneAtOnce = 200
)

// Deliver shows what is in the outbox through n, until ctx ends: each request
// at least once as it stands, in order, the longest waiting first; and, between
// them, effects. One Deliver runs per database.
func (d *Desk) Deliver(ctx context.Context, n Notifier) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pruned, effects time.Time // effects: when the next may be told
	for ctx.Err() == nil {
		now := d.Now()
		if now.Sub(pruned) >= pruneEvery {
			pruned = now
			if err := d.PruneNotices(ctx); err != nil && ctx.Err() == nil {
				d.Log.Error("the outbox is not pruned", "err", err)
			}
		}
		wait, firm, err := d.DeliverNext(ctx, n)
		if err == nil && wait > 0 && !firm { // cards come first
			wait, firm, effects, err = d.deliverEffects(ctx, n, wait, effects)
		}
		if err != nil && ctx.Err() == nil {
			d.Log.Error("the outbox is held up", "err", err)
			wait = afterFault
		}
		more := d.shown
		if firm {
			more = nil // the other side set the pace: more to show is no reason to ask sooner
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-more:
		}
	}
}

// deliverEffects tells effects at their pace: at next or later. It gives the
// shorter wait, of cards and of effects, and when these may be told again.
func (d *Desk) deliverEffects(ctx context.Context, n Notifier, cards time.Duration, next time.Time) (time.Duration, bool, time.Time, error) {
	now := d.Now()
	if early := next.Sub(now); early > 0 && early <= effectsEvery { // longer if the clock was set back
		return min(cards, early), false, next, nil
	}
	wait, firm, err := d.TellNext(ctx, n)
	if err != nil || firm {
		return wait, firm, next, err
	}
	if wait <= effectsEvery {
		next = d.Now().Add(wait)
	}
	return min(cards, wait), false, next, nil
}

// DeliverNext shows the request that is due first. It gives how long to wait
// before the next call, firmly if the other side said so. An error is the
// database's.
func (d *Desk) DeliverNext(ctx context.Context, n Notifier) (wait time.Duration, firm bool, err error) {
	id, through, attempts, err := d.Store.NextNotice(ctx, d.Now())
	if err != nil {
		return 0, false, err
	}
	if id == "" {
		wait, err = d.untilNotice(ctx)
		return wait, false, err
	}
	at, err := d.showRequest(ctx, n, id)
	switch {
	case err == nil && at.TS == "":
		return 0, false, d.Store.NoticeSkipped(ctx, id, through)
	case err == nil:
		return 0, false, d.Store.NoticeShown(ctx, id, through, at.Channel, at.TS)
	case ctx.Err() != nil:
		return 0, false, ctx.Err()
	case attempts+1 >= maxAttempts, isPermanent(err):
		d.Log.Error("a request could not be shown and is given up", "request", id, "attempts", attempts+1, "err", err)
		return 0, false, d.Store.NoticeGivenUp(ctx, id, through, err.Error())
	}
	again := min(maxBackoff, firstBackoff<<min(attempts, 20))
	var limited retryAfter
	if errors.As(err, &limited) {
		again = max(limited.RetryAfter(), firstBackoff)
		wait, firm = again, true
	}
	d.Log.Warn("a request could not be shown", "request", id, "attempt", attempts+1, "again_in", again, "err", err)
	return wait, firm, d.Store.NoticeFailed(ctx, id, d.Now().Add(again), err.Error())
}

// isPermanent reports whether trying again is of no use.
func isPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p) && p.Permanent()
}

// PruneNotices forgets what was shown or given up long ago.
func (d *Desk) PruneNotices(ctx context.Context) error {
	before := d.Now().Add(-keepNotices)
	for {
		n, err := d.Store.PruneOutbox(ctx, before, pruneAtOnce)
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}

// untilNotice gives how long nothing is due.
func (d *Desk) untilNotice(ctx context.Context) (time.Duration, error) {
	next, ok, err := d.Store.NextNoticeAt(ctx)
	if err != nil || !ok {
		return longestSleep, err
	}
	return min(longestSleep, max(time.Millisecond, next.Sub(d.Now()))), nil
}

// showRequest posts or updates; what is quiet it leaves alone. The request is read after the row of the
// outbox, so what is shown is at least as new as what the row tells of.
func (d *Desk) showRequest(ctx context.Context, n Notifier, id access.RequestID) (MessageRef, error) {
	notice, err := d.Notice(ctx, id)
	if err != nil {
		return MessageRef{}, err
	}
	channel, ts, err := d.Store.Message(ctx, id)
	if err != nil {
		return MessageRef{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if ts == "" && quiet(notice.Request) {
		return MessageRef{}, nil
	}
	if ts == "" {
		return n.Post(ctx, notice)
	}
	return n.Update(ctx, MessageRef{Channel: channel, TS: ts}, notice)
}

// quiet reports whether a request has no message of its own: nobody was asked,
// and a digest tells of it.
func quiet(r access.Request) bool { return r.Auto != "" && !r.BreakGlass }

// Notice is a request as it stands, with what the policy says of it now: what
// whoever shows it to its approvers shows.
func (d *Desk) Notice(ctx context.Context, id access.RequestID) (Notice, error) {
	r, err := d.Store.Request(ctx, id)
	if err != nil {
		return Notice{}, err
	}
	n := Notice{Request: r}
	if n.Cause, n.EndedWhy, err = d.Store.Causes(ctx, id); err != nil {
		return Notice{}, err
	}
	if n.Usage, err = d.Store.Usage(ctx, id); err != nil {
		return Notice{}, err
	}
	if n.Risks, err = d.Risks(ctx, r); err != nil { // worth knowing, but nobody should wait for it
		d.Log.Error("the history of a request cannot be read", "request", id, "err", err)
	}
	p := d.Policy.Current()
	n.Host, _ = p.Host(r.Target.Host)
	if r.BreakGlass {
		n.Asked = alarmed(p, r)
	}
	rule, ok := ruleFor(p, r)
	if !ok || rule.Approval == nil {
		return n, nil
	}
	n.Channel = rule.Approval.Channel
	if requester, ok := p.Person(r.Person); ok && r.State == access.RequestPending {
		list, err := d.Store.Locks(ctx)
		if err != nil {
			return Notice{}, err
		}
		n.Asked = locks(list).approvers(p, rule, requester)
		n.Missing = locks(list).missing(p, rule, requester, r)
	}
	return n, nil
}
