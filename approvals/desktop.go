package approvals

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
)

// lookBack is how far back a desktop looks for what is open still.
const lookBack = 30 * 24 * time.Hour

// Desktop is what lies before a person: what they asked for and have not got,
// or have and could give back; and what waits for their word. Newest first.
func (d *Desk) Desktop(ctx context.Context, actor access.Actor) (mine, waiting []access.Request, err error) {
	p := d.Policy.Current()
	me, ok := p.Person(actor.Person)
	if !ok {
		return nil, nil, access.Refuse(access.ReasonNotAllowed, "you are not in the access file any more", "")
	}
	mine, err = d.Store.Requests(ctx, access.RequestQuery{Person: me.Name, Since: d.Now().Add(-lookBack), Limit: 200})
	if err != nil {
		return nil, nil, err
	}
	mine = slices.DeleteFunc(mine, func(r access.Request) bool {
		return r.State != access.RequestPending && (r.Grant == nil || !r.Grant.State.Live() || r.Extends != "")
	})
	if waiting, err = d.Store.Requests(ctx, access.RequestQuery{State: access.RequestPending, Limit: 200}); err != nil {
		return nil, nil, err
	}
	list, err := d.Store.Locks(ctx)
	if err != nil {
		return nil, nil, err
	}
	waiting = slices.DeleteFunc(waiting, func(r access.Request) bool {
		requester, known := p.Person(r.Person)
		rule, there := ruleFor(p, r)
		return !known || !there || slices.Contains(r.ApprovedBy(), me.Name) ||
			!slices.Contains(names(locks(list).approvers(p, rule, requester)), me.Name)
	})
	return mine, waiting, nil
}
