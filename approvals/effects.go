package approvals

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// Bounds of effects. They go slower than cards, which people wait for: a command
// that opens a hundred sessions must not hold up the next request. What gathers
// meanwhile is told at once.
const (
	effectsAtOnce = 20
	effectsEvery  = time.Second
)

// digestHour is when, UTC, a digest tells of the day before.
const digestHour = 8

// nextDigest is when the next digest is due.
func nextDigest(now time.Time) time.Time {
	due := time.Date(now.Year(), now.Month(), now.Day(), digestHour, 0, 0, 0, time.UTC)
	if !due.After(now) {
		due = due.AddDate(0, 0, 1)
	}
	return due
}

// TellNext tells the effects that are due first. It gives how long to wait before
// the next call, firmly if the other side said so. An error is the database's.
func (d *Desk) TellNext(ctx context.Context, n Notifier) (wait time.Duration, firm bool, err error) {
	list, attempts, err := d.Store.NextEffects(ctx, d.Now(), effectsAtOnce)
	if err != nil {
		return 0, false, err
	}
	if len(list) == 0 {
		next, ok, err := d.Store.NextEffectsAt(ctx)
		if err != nil || !ok {
			return longestSleep, false, err
		}
		return min(longestSleep, max(time.Millisecond, next.Sub(d.Now()))), false, nil
	}
	told, err := d.tellEffects(ctx, n, list, attempts)
	switch {
	case err == nil:
		return effectsEvery, false, d.Store.EffectsTold(ctx, list[:told])
	case ctx.Err() != nil:
		return 0, false, ctx.Err()
	case attempts+1 >= maxAttempts, isPermanent(err):
		d.Log.Error("effects could not be told and are given up", "request", list[0].Request, "effects", len(list), "err", err)
		return effectsEvery, false, d.Store.EffectsGivenUp(ctx, list, err.Error())
	}
	again := min(maxBackoff, firstBackoff<<min(attempts, 20))
	wait = effectsEvery
	var limited retryAfter
	if errors.As(err, &limited) {
		again = max(limited.RetryAfter(), firstBackoff)
		wait, firm = again, true
	}
	d.Log.Warn("effects could not be told", "request", list[0].Request, "attempt", attempts+1, "again_in", again, "err", err)
	return wait, firm, d.Store.EffectsFailed(ctx, list[0], d.Now().Add(again), err.Error())
}

// tellEffects tells effects of one place, with what the policy says now.
func (d *Desk) tellEffects(ctx context.Context, n Notifier, list []access.Effect, attempts int) (int, error) {
	first := list[0]
	t := Telling{Effects: list, Again: attempts > 0 || first.At.Before(d.started)}
	if first.Kind.Place() != access.InDigest {
		var err error
		if t.Notice, err = d.Notice(ctx, first.Request); err != nil {
			return 0, err
		}
		t.Asked = t.Notice.Asked
		switch first.Kind {
		case access.EffectBreakGlass:
			t.Asked = alarmed(d.Policy.Current(), t.Notice.Request)
		case access.EffectUnwatched:
			t.Asked = mayKeep(d.Policy.Current(), t.Notice.Request)
		}
	}
	switch first.Kind.Place() {
	case access.InDigest:
		for _, e := range list {
			r, err := d.Store.Request(ctx, e.Request)
			if err != nil {
				return 0, err
			}
			t.Requests = append(t.Requests, r)
		}
	case access.InThread:
		channel, ts, err := d.Store.Message(ctx, first.Request)
		if err != nil {
			return 0, err
		}
		t.Card = MessageRef{Channel: channel, TS: ts}
	case access.InPrivate:
		name := t.Notice.Request.Person
		if first.Kind == access.EffectConfirm {
			name = first.Person
		}
		person, there := d.Policy.Current().Person(name)
		if !there || person.Slack == "" {
			return len(list), nil // there is nowhere to tell it
		}
		t.Person = person
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	told, err := n.Tell(ctx, t)
	return min(max(told, 1), len(list)), err
}

// mayKeep are those who may watch the sessions of a request.
func mayKeep(p *policy.Policy, r access.Request) []access.Person {
	requester, known := p.Person(r.Person)
	rule, there := p.Rule(r.Rule)
	if !known || !there {
		return nil
	}
	return p.Watchers(rule, requester)
}

// alarmed are those who are told of a break-glass: who could have approved it,
// and admins; never who did it.
func alarmed(p *policy.Policy, r access.Request) []access.Person {
	requester, _ := p.Person(r.Person)
	rule, there := p.Rule(r.Rule)
	var out []access.Person
	for _, person := range p.People {
		approver := there && slices.ContainsFunc(p.Approvers(rule, requester), func(a access.Person) bool { return a.Name == person.Name })
		if person.Name != r.Person && (approver || p.Role(person).Admin) {
			out = append(out, person)
		}
	}
	return out
}
