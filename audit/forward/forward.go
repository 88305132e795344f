// Package forward owns the way of the audit chain to other systems: a
// [Forwarder] sends the rows of the chain, in order and in bounded batches, to
// one [Target] (syslog over TLS, or an HTTPS hook), at least once each. How far
// a target has come is a row in the database, moved only after the other side
// has taken a batch, so that a lost connection or a crash repeats rows and
// never leaves one out.
//
// It refuses to be waited for: it reads what is committed already, in a
// goroutine of its own, and a receiver that is down holds up nobody. It leaves
// out no row that a receiver does not like, and changes none: what arrives is
// the line of the audit file, which proves itself.
//
// Start reading at [Forwarder.Run], then [Syslog.Send] and [HTTPS.Send].
package forward

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// Bounds of a batch, and of the time that one may take.
const (
	batchRows  = 500
	batchBytes = 1 << 20 // of stored events; one that is longer goes alone
	sendTime   = 30 * time.Second
)

const (
	defaultEvery      = time.Second
	defaultLongest    = time.Minute
	maxReceiversPause = 10 * time.Minute
)

// Target is a receiver. Send returns nil only when the other side has taken all
// rows; else it may have taken some. Its error is an [*Error].
type Target interface {
	Send(ctx context.Context, rows []audit.Row) error
}

// Chain is where rows come from, and where it is kept how far they went.
type Chain interface {
	Audit(ctx context.Context, after int64, limit int) ([]audit.Row, error)
	AuditSent(ctx context.Context, target string) (int64, error)
	SetAuditSent(ctx context.Context, target string, seq int64) error
}

// Config says what goes where.
type Config struct {
	Name   string // of the target: its row in the database, its label in metrics
	Target Target
	Chain  Chain

	Every   time.Duration // how often it is looked for rows, and the first pause after a failure; default 1 s
	Longest time.Duration // between attempts; default a minute

	Now func() time.Time
	Log *slog.Logger
}

// Health is how a target is.
type Health struct {
	Sent   int64            // the last row that it took; -1 before that is known
	State  State            // why the last attempt failed; empty when it did not
	Since  time.Time        // when State became what it is
	Failed map[State]uint64 // attempts that failed, since the start
}

// Forwarder sends the chain to one target.
type Forwarder struct {
	Config

	mu     sync.Mutex
	health Health
}

// New makes one, which does nothing before it runs.
func New(c Config) *Forwarder {
	if c.Every <= 0 {
		c.Every = defaultEvery
	}
	if c.Longest <= 0 {
		c.Longest = defaultLongest
	}
	return &Forwarder{Config: c, health: Health{Sent: -1, Since: c.Now(), Failed: map[State]uint64{}}}
}

// Health is how the target is now.
func (f *Forwarder) Health() Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.health
	h.Failed = make(map[State]uint64, len(f.health.Failed))
	for state, n := range f.health.Failed {
		h.Failed[state] = n
	}
	return h
}

// Run sends until ctx ends. What is left then is for the next start.
func (f *Forwarder) Run(ctx context.Context) {
	rows, failures := batchRows, 0
	for ctx.Err() == nil {
		n, err := f.step(ctx, rows)
		if ctx.Err() != nil {
			return
		}
		f.note(err)
		switch {
		case err != nil:
			// Perhaps it was too much at once.
			rows = max(1, rows/2)
			sleep(ctx, f.backoff(failures, err))
			failures++
		case n == rows:
			rows, failures = min(batchRows, 2*rows), 0 // there may be more
		default:
			rows, failures = batchRows, 0
			sleep(ctx, f.Every)
		}
	}
}

// step sends one batch of at most limit rows and gives how many it had.
func (f *Forwarder) step(ctx context.Context, limit int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	after, err := f.Chain.AuditSent(ctx, f.Name)
	if err != nil {
		return 0, &Error{State: Unread, Err: err}
	}
	f.sent(after)
	rows, err := f.Chain.Audit(ctx, after, limit)
	if err != nil {
		return 0, &Error{State: Unread, Err: err}
	}
	rows = bounded(rows)
	if len(rows) == 0 {
		return 0, nil
	}
	if err := f.Target.Send(ctx, rows); err != nil {
		return 0, err
	}
	last := rows[len(rows)-1].Seq
	if err := f.Chain.SetAuditSent(ctx, f.Name, last); err != nil {
		return 0, &Error{State: Unread, Err: err} // they are sent again
	}
	f.sent(last)
	return len(rows), nil
}

// bounded is as many of the rows as one batch may hold, and at least one.
func bounded(rows []audit.Row) []audit.Row {
	size := 0
	for i, r := range rows {
		if size += len(r.Stored); size > batchBytes && i > 0 {
			return rows[:i]
		}
	}
	return rows
}

func (f *Forwarder) sent(seq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.health.Sent = seq
}

// note keeps how an attempt went, and logs when that changes.
func (f *Forwarder) note(err error) {
	state := stateOf(err)
	f.mu.Lock()
	before := f.health.State
	if state != "" {
		f.health.Failed[state]++
	}
	if state != before {
		f.health.State, f.health.Since = state, f.Now()
	}
	sent := f.health.Sent
	f.mu.Unlock()
	switch {
	case state == before:
	case state == "":
		f.Log.Info("audit events reach their receiver again", "target", f.Name, "sent", sent)
	default:
		f.Log.Error("audit events do not reach their receiver; they wait in the database", "target", f.Name, "state", string(state), "sent", sent, "err", err)
	}
}

// backoff is how long to wait after a failure, with so many before it: ever
// longer, and never in step with other bastions.
func (f *Forwarder) backoff(failures int, err error) time.Duration {
	d := min(f.Longest, f.Every<<min(failures, 16))
	var refused *Error
	if errors.As(err, &refused) && refused.After > d {
		d = min(refused.After, maxReceiversPause)
	}
	return d/2 + rand.N(d/2+1)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
