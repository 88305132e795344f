package approvals

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Review keeps what somebody found who looked at a break-glass access: with it
// the person may break glass again. Approvers of its rule may, and admins, but
// never the human who did it. The error is an [*access.Error]; refusals are
// audited.
func (d *Desk) Review(ctx context.Context, actor access.Actor, id access.RequestID, note string) (access.Request, error) {
	note = plainReason(note)
	for {
		r, err := d.review(ctx, actor, id, note)
		switch {
		case errors.Is(err, errStale):
			continue
		case err != nil:
			return access.Request{}, d.refuseDecision(ctx, actor, string(id), "review", err)
		}
		return r, nil
	}
}

func (d *Desk) review(ctx context.Context, actor access.Actor, id access.RequestID, note string) (after access.Request, err error) {
	p := d.Policy.Current()
	who, refused := deciderOf(p, actor)
	switch {
	case refused != nil:
		return after, refused
	case note == "":
		return after, access.Refuse(access.ReasonNoReason, "a review says what was found", "Give it with --note TEXT")
	}
	err = d.write(ctx, func(c *change) error {
		if err := c.freeActor(p, actor); err != nil {
			return err
		}
		r, err := c.Request(id)
		if err != nil {
			return err
		}
		switch {
		case !r.BreakGlass:
			return access.Refuse(access.ReasonMalformed, "it was no break-glass access: there is nothing to review", "")
		case !r.Owed():
			return access.Refuse(access.ReasonDecided, fmt.Sprintf("%s has reviewed it already", r.Review.By), "")
		case !slices.Contains(c.reviewers(p, r), who.person.Name):
			return access.Refuse(access.ReasonNotAllowed, "only approvers of its rule and admins may review it, and never who did it", "")
		}
		v := access.Review{By: who.person.Name, Note: note, At: c.now}
		if err := c.Tx.Review(id, v); err != nil {
			return err
		}
		e := requestEvent(audit.RequestReviewed, who.name, r)
		e.Source, e.Detail["note"], e.Detail["via"] = sourceOf(actor), note, string(actor.Via)
		if err := c.audit(e); err != nil {
			return err
		}
		if err := c.tell(access.Effect{Request: id, Kind: access.EffectReviewed, Person: v.By, Text: note}); err != nil {
			return err
		}
		if err := c.show(id); err != nil {
			return err
		}
		if after, err = c.Request(id); err != nil {
			return err
		}
		return d.current(p)
	})
	return after, err
}

// reviewers are who may review a break-glass access: approvers of its rule, if
// that is still there, and admins, but not the human who did it. Who has left
// the access file owes to nobody but the admins.
func (c *change) reviewers(p *policy.Policy, r access.Request) []access.PersonName {
	requester, known := p.Person(r.Person)
	human := r.Person
	if known {
		human = requester.Human()
	}
	var list []access.PersonName
	if rule, there := p.Rule(r.Rule); there && known {
		list = names(p.Approvers(rule, requester))
	}
	for _, person := range p.People {
		if p.Role(person).Admin && person.Human() != human && !slices.Contains(list, person.Name) {
			list = append(list, person.Name)
		}
	}
	return list
}
