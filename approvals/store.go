package approvals

import (
	"context"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Store is what the desk needs of the database. What is not there is an
// [*access.Error] with [access.ReasonNotFound].
type Store interface {
	// Write runs f in a writer transaction: f alone writes while it runs,
	// sees everything committed before, and its effects are durable when
	// Write returns nil, and nothing happened otherwise.
	Write(ctx context.Context, f func(Tx) error) error

	Request(ctx context.Context, id access.RequestID) (access.Request, error)
	// Requests gives requests with their decisions and grants, newest first.
	Requests(ctx context.Context, q access.RequestQuery) ([]access.Request, error)
	// Causes says, in plain words, why a request and its grant ended.
	Causes(ctx context.Context, id access.RequestID) (request, grant string, err error)
	// Locks gives all locks in force.
	Locks(ctx context.Context) ([]access.Lock, error)
	// NextDeadline is when a request or a grant next ends by itself.
	NextDeadline(ctx context.Context) (time.Time, bool, error)

	// The outbox: see outbox.go.
	NextNotice(ctx context.Context, now time.Time) (id access.RequestID, through int64, attempts int, err error)
	NextNoticeAt(ctx context.Context) (time.Time, bool, error)
	NoticeShown(ctx context.Context, id access.RequestID, through int64, channel, ts string) error
	NoticeFailed(ctx context.Context, id access.RequestID, next time.Time, cause string) error
	NoticeGivenUp(ctx context.Context, id access.RequestID, through int64, cause string) error
	// NoticeSkipped says that the request is not to be shown, nor anything told
	// in its thread.
	NoticeSkipped(ctx context.Context, id access.RequestID, through int64) error
	Message(ctx context.Context, id access.RequestID) (channel, ts string, err error)
	NextEffects(ctx context.Context, now time.Time, limit int) (list []access.Effect, attempts int, err error)
	NextEffectsAt(ctx context.Context) (time.Time, bool, error)
	EffectsTold(ctx context.Context, told []access.Effect) error
	EffectsFailed(ctx context.Context, first access.Effect, next time.Time, cause string) error
	EffectsGivenUp(ctx context.Context, lost []access.Effect, cause string) error
	// Usage tells what became of the right that an approval gave.
	Usage(ctx context.Context, id access.RequestID) (access.Usage, error)
	// History gives what was before a request.
	History(ctx context.Context, r access.Request) (access.History, error)
	// PruneOutbox forgets up to limit notices that ended before a moment.
	PruneOutbox(ctx context.Context, before time.Time, limit int) (n int64, err error)
}

// Tx is a writer transaction. Rows move compare-and-swap: a change whose row
// is not in the expected state is an error.
type Tx interface {
	Request(id access.RequestID) (access.Request, error)
	PendingRequests() ([]access.Request, error)
	DueRequests(now time.Time) ([]access.Request, error)
	// IdenticalPending finds the pending request with the person, key,
	// target, rule, kinds and extended grant of r. There is at most one.
	IdenticalPending(r access.Request) (access.Request, bool, error)
	InsertRequest(r access.Request) error
	AddDecision(id access.RequestID, d access.Decision) error
	// Confirm puts a word in the place of the same person's earlier one,
	// which did not count.
	Confirm(id access.RequestID, d access.Decision) error
	// BreakGlass notes that a pending request is approved in an emergency.
	BreakGlass(id access.RequestID) error
	// AutoApprove notes why a pending request is approved without a word.
	AutoApprove(id access.RequestID, why string) error
	// DueChases gives the pending requests about which somebody is to be
	// reminded or asked; Chase notes when next, and that it was done.
	DueChases(now time.Time) ([]access.Request, error)
	Chase(r access.Request) error
	EndRequest(id access.RequestID, next access.RequestState, at time.Time, cause string) error
	Review(id access.RequestID, v access.Review) error
	// Owed gives the break-glass requests of a person that nobody has
	// reviewed, oldest first.
	Owed(person access.PersonName) ([]access.Request, error)

	Grant(id access.GrantID) (access.Grant, error)
	LiveGrants() ([]access.Grant, error)
	LiveGrantsFor(person access.PersonName, t access.Target) ([]access.Grant, error)
	DueGrants(now time.Time) ([]access.Grant, error)
	InsertGrant(g access.Grant) error
	MoveGrant(from access.GrantState, g access.Grant, cause string) error

	// OpenSession counts a session under a live grant and binds to it what
	// was not bound yet: fingerprint and address are g's.
	OpenSession(g access.Grant) error
	// ExtendGrant moves the end of an active grant from a moment to g's.
	ExtendGrant(from time.Time, g access.Grant) error
	// Extensions gives the requests for more time under a grant, oldest
	// first. At most one is pending.
	Extensions(id access.GrantID) ([]access.Request, error)

	Locks() ([]access.Lock, error)
	SetLock(l access.Lock) error
	LiftLock(s access.Subject) error

	// Show puts into the outbox that the request is to be shown as it
	// stands after the transaction.
	Show(id access.RequestID) error
	// Tell puts into the outbox that people are to be told of something, once.
	Tell(e access.Effect) error
	Record(events ...audit.Event) error

	// Undo has f called if the transaction does not commit, before anybody
	// else writes, the last one first.
	Undo(f func())
}
