package console

import (
	"context"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Desk decides. It checks who may decide, withdraw or end what, and writes the
// audit events of it, refusals included. Its errors are [*access.Error].
type Desk interface {
	Ask(ctx context.Context, actor access.Actor, ask access.Ask) (access.Request, error)
	Decide(ctx context.Context, actor access.Actor, word access.Word) (access.Request, error)
	Review(ctx context.Context, actor access.Actor, id access.RequestID, note string) (access.Request, error)
	Cancel(ctx context.Context, actor access.Actor, id access.RequestID) error
	// Extend takes the ID of a grant or of its request. At the socket it is
	// approved at once.
	Extend(ctx context.Context, actor access.Actor, id string, d time.Duration, reason string) (access.Request, error)
	Release(ctx context.Context, actor access.Actor, id access.GrantID) error
	// Revoke takes the ID of a grant or of its request.
	Revoke(ctx context.Context, actor access.Actor, id string, reason string) error
	Kill(ctx context.Context, actor access.Actor, id access.SessionID, reason string) error
	// Watch lets the actor look on at a live session until they leave. screen
	// says that it is shown on a terminal and that Shown will be told what is.
	Watch(ctx context.Context, actor access.Actor, id access.SessionID, screen bool) (*access.Watching, error)
	Lock(ctx context.Context, actor access.Actor, s access.Subject, reason string) error
	Unlock(ctx context.Context, actor access.Actor, s access.Subject, reason string) error
}

// Store answers questions. Its lists are newest first; what is not there is an
// [*access.Error] with [access.ReasonNotFound].
type Store interface {
	Sessions(ctx context.Context, q access.SessionQuery) ([]access.Session, error)
	Session(ctx context.Context, id access.SessionID) (access.Session, error)
	Request(ctx context.Context, id access.RequestID) (access.Request, error)
	Requests(ctx context.Context, q access.RequestQuery) ([]access.Request, error)
	Grants(ctx context.Context, q access.GrantQuery) ([]access.Grant, error)
	// Locks lists all in force, people first.
	Locks(ctx context.Context) ([]access.Lock, error)
	// Hold and Unhold write their audit events themselves.
	Hold(ctx context.Context, h access.Hold) error
	Unhold(ctx context.Context, h access.Hold) error
	Holds(ctx context.Context) ([]access.Hold, error)
	// AddNote writes its audit event itself.
	AddNote(ctx context.Context, n access.Note) (access.Note, error)
	Notes(ctx context.Context, id access.SessionID) ([]access.Note, error)
	// Audit lists rows of the chain after seq, oldest first.
	Audit(ctx context.Context, after int64, limit int) ([]audit.Row, error)
	Record(ctx context.Context, e audit.Event) error
	// Search finds lines in recordings; a [*screens.PatternError] is its
	// asker's.
	Search(ctx context.Context, q access.SearchQuery) (access.Found, error)
}

// Directory is the access file in force; [*policy.Live] fits.
type Directory interface {
	Current() *policy.Policy
}
