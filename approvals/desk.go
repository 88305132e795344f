// Package approvals owns the desk: it lets sessions in, asks people, counts
// their decisions, and ends what is over. Requests and grants move here and
// nowhere else, along the state machine of package access.
//
// How it keeps its promises:
//
//   - A decision is one transaction that reads the request, asks the policy
//     who counts, and moves rows compare-and-swap, together with its audit
//     events. Whoever comes second finds the request decided (decide.go).
//   - Deadlines are rows. [Desk.Tick] ends what is due whenever it runs; the
//     timer in [Desk.Run] only makes it run in time.
//   - A session's life is a context. Each session registers before it is
//     evaluated and is bound to its grant inside the transaction that uses
//     the grant, so whatever ends the grant, later, finds the session.
//   - A reload publishes an epoch and then sweeps. What was evaluated under
//     an older epoch is evaluated again before it counts; what counted before
//     the new one was published is found by the sweep (sweep.go).
//   - A lock is a row. Everything that lets in, asks or decides looks at the
//     locks after it has registered, so whichever of the two commits later
//     sees the other (lock.go, locked.go). A lock takes away what it hits;
//     lifting it gives nothing back.
//   - An extension is a request that names a grant. Its approval moves the end
//     of that grant instead of making another, so the total is one difference
//     to hold against the rule's longest, and its sessions never change hands
//     (extend.go). A session that several grants cover lives while any does.
//   - Whatever approves goes the same way: a word of a person, a rule that asks
//     nobody (auto.go), somebody who lets themselves in and owes a review
//     (auto.go, review.go). Each is a decision row, so whoever looks later sees
//     why. A click that must be confirmed is a row that does not count
//     (confirm.go).
//   - What conditions say changes with the clock: they are asked at the door and
//     again while sessions run ([Desk.Recheck]); grants do not depend on them.
//
// It refuses to know SSH, SQL and Slack: the front door brings an
// [access.Application], the database is a [Store], and requests are shown by
// a [Notifier].
//
// Start reading at [Desk.Admit] and [Desk.Decide].
package approvals

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Config is what a [Desk] is made of. Everything is required but Shown.
type Config struct {
	Store     Store
	Policy    *policy.Live
	BastionID string
	Now       access.Clock
	NewID     access.NewID
	Log       *slog.Logger
	// Shown says that [Desk.Deliver] runs somewhere: requests go into the
	// outbox. Without it none do, or they would wait there for ever.
	Shown bool
	// Encrypted says that what recordings hold is for their recipients alone.
	// The command lines of sessions stay out of requests, and with them out of
	// the database and Slack; and nobody can watch.
	Encrypted bool
	// OnCall answers for rules that let in who is on call; without it nobody
	// is.
	OnCall OnCall
}

// Desk decides. It is safe for concurrent use. [Desk.Run] must run, or
// nothing ends by itself.
type Desk struct {
	Config

	// posting is held while somebody posts or joins a request, and while
	// the last waiter withdraws one: nobody may join what is being withdrawn.
	// Lock order: posting, then the store's writer, then mu.
	posting sync.Mutex

	mu        sync.Mutex
	sessions  map[access.SessionID]*session
	waiters   map[access.RequestID]map[*waiter]bool
	attending map[*attendance]bool
	nudges    map[access.RequestID][]time.Time // when threads were told of late that sessions wait for watchers
	swept     *policy.Policy                   // under which everything was last swept; nil before

	started time.Time // what was put into the outbox before may have been told

	due   chan struct{} // a deadline may have moved; holds one
	shown chan struct{} // the outbox may have more; holds one
}

// New makes a desk. It touches nothing before [Desk.Run].
func New(c Config) (*Desk, error) {
	if c.Store == nil || c.Policy == nil || c.BastionID == "" || c.Now == nil || c.NewID == nil || c.Log == nil {
		return nil, errors.New("approvals: store, policy, bastion ID, clock, IDs and log are needed")
	}
	return &Desk{
		Config:    c,
		sessions:  map[access.SessionID]*session{},
		waiters:   map[access.RequestID]map[*waiter]bool{},
		attending: map[*attendance]bool{},
		nudges:    map[access.RequestID][]time.Time{},
		started:   c.Now(),
		due:       make(chan struct{}, 1),
		shown:     make(chan struct{}, 1),
	}, nil
}

// change is a transaction under way, with what follows from its end.
type change struct {
	Tx
	desk   *Desk
	now    time.Time      // cut to what the database keeps
	done   []func()       // after it committed, in order
	doomed []access.Grant // live still, but about to end in this transaction
}

// write runs f in one writer transaction. Effects outside the database belong
// into c.done: nothing is told before it is committed.
func (d *Desk) write(ctx context.Context, f func(c *change) error) error {
	c := &change{desk: d, now: d.Now().UTC().Truncate(time.Microsecond)}
	err := d.Store.Write(ctx, func(tx Tx) error {
		c.Tx = tx
		return f(c)
	})
	if err != nil {
		return err
	}
	for _, f := range c.done {
		f()
	}
	signal(d.due)
	signal(d.shown)
	return nil
}

// audit appends an event of now.
func (c *change) audit(e audit.Event) error {
	e.Time = c.now
	return c.Record(e)
}

// show puts the request into the outbox, if anybody shows requests, and wakes
// those who wait for it.
func (c *change) show(id access.RequestID) error {
	c.done = append(c.done, func() { c.desk.wakeWaiters(id) })
	if !c.desk.Shown {
		return nil
	}
	return c.Show(id)
}

// tell puts an effect into the outbox, if anybody shows requests.
func (c *change) tell(e access.Effect) error {
	if !c.desk.Shown {
		return nil
	}
	if e.At.IsZero() {
		e.At = c.now
	}
	if e.Kind.Place() == access.InDigest {
		e.Due = nextDigest(c.now)
	}
	return c.Tell(e)
}

// record writes an event that goes with no change. That it could not be
// written is for the operator: the refusal it tells of stands.
func (d *Desk) record(ctx context.Context, e audit.Event) {
	err := d.write(context.WithoutCancel(ctx), func(c *change) error { return c.audit(e) })
	if err != nil {
		d.Log.Error("audit event lost", "kind", e.Kind, "err", err)
	}
}

// signal leaves a note in a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // there is one already
	}
}

// errStale says that the policy changed since the evaluation began; it is
// done again.
var errStale = errors.New("approvals: the policy changed meanwhile")

// current reports an error unless p is in force still.
func (d *Desk) current(p *policy.Policy) error {
	if d.Policy.Current().Epoch != p.Epoch {
		return errStale
	}
	return nil
}
