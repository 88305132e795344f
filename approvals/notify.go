package approvals

import (
	"context"
	"time"

	"github.com/sallyport/sallyport/access"
)

// What a notifier is given, and gives back.
type (
	MessageRef = access.MessageRef
	Notice     = access.Notice
	Telling    = access.Telling
)

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
