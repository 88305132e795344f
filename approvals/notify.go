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
	Host     access.Host    // zero if it is not in the inventory any more
	Channel  string         // of the rule's approval; empty means the default
	Asked    []access.Person
	Missing  int           // approvals still needed while pending
	Cause    string        // why it ended, in plain words; empty while pending
	EndedWhy string        // why its grant ended, in plain words; empty while live
	Risks    []access.Risk // as of when it was asked
	Usage    access.Usage
}

// Telling is what a [Notifier] is asked to tell once, beside the card: effects of
// one place, in their order.
type Telling struct {
	Effects  []access.Effect  // at least one
	Notice   Notice           // of their request; in a digest of nothing
	Requests []access.Request // in a digest, one for each effect
	Card     MessageRef       // in whose thread; elsewhere zero
	Person   access.Person    // to whom, in private; elsewhere zero
	Asked    []access.Person
	// Again: some of them may have been told before, when the answer was lost
	// or the process died. Whoever can must look first.
	Again bool
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
	// Tell tells effects, and says how many of them, from the first, are told
	// by now.
	Tell(ctx context.Context, t Telling) (int, error)
}

// retryAfter is what an error may say about the next attempt.
type retryAfter interface{ RetryAfter() time.Duration }

// permanent is what an error may say about further attempts: that the same
// call would fail again.
type permanent interface{ Permanent() bool }

// tellRequester tells who asked, in private, what became of the request; unless
// nobody was asked, and they are in already.
func (c *change) tellRequester(r access.Request) error {
	if r.Auto != "" || r.BreakGlass {
		return nil
	}
	return c.tell(access.Effect{Request: r.ID, Kind: access.EffectDecided})
}

// showDecided shows a request that was just decided, and tells who asked.
func (c *change) showDecided(r access.Request) error {
	if err := c.tellRequester(r); err != nil {
		return err
	}
	return c.show(r.ID)
}

// tellExtensionAsked tells the thread of the request whose grant is to last
// longer that this was asked; the extension has a card of its own.
func (c *change) tellExtensionAsked(r access.Request, actor string) error {
	if r.Extends == "" {
		return nil
	}
	g, err := c.Grant(r.Extends)
	if err != nil {
		return err
	}
	return c.tell(access.Effect{Request: g.RequestID, Kind: access.EffectExtensionAsked, Person: access.PersonName(actor), Text: r.Reason, For: r.For})
}

// tellGrantEnded tells the thread how a grant ended; and its person, if it was
// taken from them.
func (c *change) tellGrantEnded(g access.Grant, e ending) error {
	told := access.Effect{Request: g.RequestID, Kind: access.EffectGrantEnded, Person: access.PersonName(e.actor), Text: e.words}
	if err := c.tell(told); err != nil || g.State != access.GrantRevoked {
		return err
	}
	told.Kind = access.EffectTaken
	return c.tell(told)
}

// Look makes [Desk.Deliver] look into the outbox: something was put there that
// did not come from the desk.
func (d *Desk) Look() { signal(d.shown) }
