package screens

import (
	"context"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Index is where text is found again; the store implements it. Its list of
// unread sessions is the queue: rows, so that no crash and no backlog loses or
// holds anything in memory.
type Index interface {
	// Unread gives ended sessions that are not read yet, those first that
	// should be read first.
	Unread(ctx context.Context, limit int) ([]access.Session, error)
	// BeginReading drops what an earlier reading of a session left.
	BeginReading(ctx context.Context, id access.SessionID) error
	// AddText adds segments of a session. It is called with little at once,
	// as others write there, too.
	AddText(ctx context.Context, id access.SessionID, segments []access.TextSegment) error
	// EndReading says how far a session was read; it is not unread any more,
	// unless it is worth another try.
	EndReading(ctx context.Context, id access.SessionID, r Read) error
}

// Extent is how far a recording was read.
type Extent string

// The extents.
const (
	Whole Extent = "whole"
	Cut   Extent = "cut"  // it has more text than is kept
	None  Extent = "none" // see Fault
)

// Read is how far a recording was read.
type Read struct {
	Extent Extent
	Text   int64         // bytes
	Until  time.Duration // since the session's start
	Fault  string        // holds no content
	Again  bool          // with None: it may go well another time
}
