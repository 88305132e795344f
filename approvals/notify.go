package approvals

import (
	"context"
	"time"

	"github.com/sallyport/sallyport/access"
)

// MessageRef says where a request is shown, so that what is shown can be
// changed for as long as it stands there. For Slack: channel and ts.
type MessageRef struct {
	Channel string
	TS      string
}

// Notice is what a [Notifier] is asked to show: the request as it stands now,
// and what the policy says of it. It is made anew for each delivery, so a
// notice that was delayed tells the present, not the past.
type Notice struct {
	Request  access.Request // with decisions and grant
	Channel  string         // of the rule's approval; empty means the default
	Asked    []access.Person
	Missing  int    // approvals still needed while pending
	Cause    string // why it ended, in plain words; empty while pending
	EndedWhy string // why its grant ended, in plain words; empty while live
}

// Notifier shows requests to those who decide them. It is an effect of the
// database and never its source: each call may come again after a crash, and
// must then show the same thing once. Calls come from one goroutine; for one
// request they come in order. An error that has a method
// RetryAfter() time.Duration holds all deliveries back for so long; one whose
// method Permanent() bool says so is given up at once.
type Notifier interface {
	// Post shows a request for the first time.
	Post(ctx context.Context, n Notice) (MessageRef, error)
	// Update changes what was shown. It returns where it is shown now:
	// the same place, or another if the old one is gone.
	Update(ctx context.Context, at MessageRef, n Notice) (MessageRef, error)
}

// retryAfter is what an error may say about the next attempt.
type retryAfter interface{ RetryAfter() time.Duration }

// permanent is what an error may say about further attempts: that the same
// call would fail again.
type permanent interface{ Permanent() bool }
