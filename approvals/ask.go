package approvals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// Ask posts a request ahead of time, without a connection that waits: its
// grant stays ready until use_within. Without kinds it is for all that the
// rule covers; without a duration for the rule's default. An identical one
// that is pending comes back instead of a second. The error is an
// [*access.Error].
func (d *Desk) Ask(ctx context.Context, actor access.Actor, a access.Ask) (access.Request, error) {
	a.Reason = plainReason(a.Reason)
	for {
		r, err := d.ask(ctx, actor, a)
		if errors.Is(err, errStale) {
			continue
		}
		if err == nil {
			return r, nil
		}
		e := access.AsError(err)
		d.record(ctx, audit.Event{
			Kind: audit.AccessRefused, Actor: actorName(actor), Person: string(actor.Person), Host: a.Target.Host, Login: a.Target.Login, Source: sourceOf(actor),
			Detail: map[string]string{"reason": string(e.Reason), "why": e.Why},
		})
		return access.Request{}, e
	}
}

// ask is one attempt, under one policy.
func (d *Desk) ask(ctx context.Context, actor access.Actor, a access.Ask) (access.Request, error) {
	p := d.Policy.Current()
	id, refused := asker(p, actor)
	if refused != nil {
		return access.Request{}, refused
	}
	if a.BreakGlass && actor.Identity == nil {
		return access.Request{}, access.Refuse(access.ReasonNotAllowed, "break-glass takes a key of yours", "Ask over SSH: ssh bastion request LOGIN@HOST --break-glass --reason TEXT")
	}
	r, refused := d.ruleToAsk(p, id, a.Target, a.Kinds)
	if refused != nil {
		return access.Request{}, refused
	}
	length, refused := r.length(a.For)
	if refused != nil {
		return access.Request{}, refused
	}
	request := d.draft(r, id, length, a.Reason)
	how := manner{breakGlass: a.BreakGlass}
	if !how.breakGlass {
		var kind access.Kind // of several none
		if len(a.Kinds) == 1 {
			kind = a.Kinds[0]
		}
		how.auto = d.automatic(ctx, r, id, kind)
	}
	d.posting.Lock()
	defer d.posting.Unlock()
	err := d.write(ctx, func(c *change) error {
		posted, _, err := c.submit(request, r, how)
		if err != nil {
			return err
		}
		request, err = c.Request(posted)
		return err
	})
	return request, err
}

// asker is who asks ahead. In Slack nobody proves a key: what is granted then
// binds the one that opens its first session.
func asker(p *policy.Policy, actor access.Actor) (access.Identity, *access.Error) {
	person, known := p.Person(actor.Person)
	switch id := actor.Identity; {
	case known && actor.Via == access.ViaSlack && actor.Slack != "" && actor.Slack == person.Slack:
		return access.Identity{Person: person.Name}, nil
	case id == nil || id.Person != actor.Person:
		return access.Identity{}, access.Refuse(access.ReasonNotAllowed, "only a person with a key can ask: the grant binds that key",
			"Ask over SSH: ssh bastion request LOGIN@HOST")
	case !p.Knows(*id):
		return access.Identity{}, stranger()
	default:
		return *id, nil
	}
}

// ruleToAsk finds the approval rule for all of the kinds; without kinds, the
// first that there is.
func (d *Desk) ruleToAsk(p *policy.Policy, id access.Identity, t access.Target, wanted []access.Kind) (ruling, *access.Error) {
	now := d.Now()
	if len(wanted) > 0 {
		r, refused := weigh(p, id, t, wanted[0], now, nil)
		switch {
		case refused != nil:
			return r, refused
		case r.standing:
			return r, noNeed(r)
		}
		for _, k := range wanted {
			if !slices.Contains(r.kinds, k) {
				return r, access.Refuse(access.ReasonNoRule, fmt.Sprintf("the rule %s does not cover %s", r.rule.Name, what(k)), "Ask for it alone")
			}
		}
		r.kinds = wanted
		return r, nil
	}
	var standing *access.Error
	var first *access.Error
	for _, k := range kinds {
		r, refused := weigh(p, id, t, k, now, nil)
		switch {
		case refused == nil && !r.standing:
			return r, nil
		case refused == nil && standing == nil:
			standing = noNeed(r)
		case refused != nil && first == nil:
			first = refused
		}
	}
	if standing != nil {
		return ruling{}, standing
	}
	return ruling{}, first
}

// noNeed says that there is nothing to ask for.
func noNeed(r ruling) *access.Error {
	return access.Refuse(access.ReasonDecided, fmt.Sprintf("%s needs no request: the rule %s lets you in", r.target, r.rule.Name),
		fmt.Sprintf("Connect: ssh %s@bastion", r.target))
}

func kindWords(list []access.Kind) string { return strings.Join(asWords(list), " ") }

func asWords[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = string(v)
	}
	return words
}
