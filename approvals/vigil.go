package approvals

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// How often the thread of a request is told that a session waits for somebody to
// watch it: once in nudgeEvery for each session, and for all of its sessions no
// more than mostNudges times, however many one after the other there are.
const (
	nudgeEvery = time.Minute
	mostNudges = 3
)

// watchable refuses what the rule wants watched and nobody could see.
func (d *Desk) watchable(a access.Application, r ruling) *access.Error {
	switch {
	case r.rule.Watch != access.WatchRequired:
		return nil
	case d.Encrypted:
		return access.Refuse(access.ReasonUnwatched, fmt.Sprintf("the rule %s wants this watched, and recordings are encrypted here, so nobody can", r.rule.Name), "Tell the operator")
	case a.Kind == access.KindShell && a.AskReason == nil:
		return access.Refuse(access.ReasonUnwatched, fmt.Sprintf("the rule %s wants this watched, and what a shell without a terminal reads shows nowhere", r.rule.Name), "ssh -t")
	case a.Kind != access.KindShell && a.Kind != access.KindExec:
		return access.Refuse(access.ReasonUnwatched, fmt.Sprintf("the rule %s wants this watched, and %s cannot be", r.rule.Name, what(a.Kind)), "Use a terminal")
	}
	return nil
}

// vigil gives a session that is let in the vigil that its rule wants. The
// caller holds mu, since when it was admitted.
func (d *Desk) vigil(s *session) {
	r := s.ruling
	if r.rule.Watch != access.WatchRequired || s.vigil != nil {
		return
	}
	s.pausedAt = d.Now()
	s.vigil = &access.Vigil{
		May:   names(r.policy.Watchers(r.rule, r.person)),
		Begun: func(ctx context.Context) { d.pauseEvent(ctx, s, "start", r.person.Name) },
	}
}

// eyes are those who watch s and count, by name. The caller holds mu.
func (s *session) eyes() []access.PersonName {
	var list []access.PersonName
	for w := range s.watchers {
		if w.counts && w.shown && !slices.Contains(list, w.actor.Person) {
			list = append(list, w.actor.Person)
		}
	}
	slices.Sort(list)
	return list
}

// shut ends the vigil if nobody keeps it, at once: whatever else is to be done
// about that comes after. The caller holds mu.
func (s *session) shut() {
	if s.vigil != nil && len(s.eyes()) == 0 {
		s.vigil.Set(nil)
	}
}

// show notes whether the session stands before the eyes of w.
func (d *Desk) show(s *session, w *watcher, now bool) {
	d.mu.Lock()
	there := s.watchers[w] && w.counts
	if there {
		if w.shown && !now {
			s.lastEyes = w.actor.Person
		}
		w.shown = now
		s.shut()
	}
	d.mu.Unlock()
	if there {
		d.settle(s)
	}
}

// settle brings a session to what those who watch it make of it. That it pauses
// has happened when it is told; that it goes on is in the audit chain first,
// and does not happen if it cannot be.
func (d *Desk) settle(s *session) {
	s.settling.Lock()
	defer s.settling.Unlock()
	for {
		d.mu.Lock()
		eyes, ran, last := s.eyes(), s.runs, s.lastEyes
		over := d.sessions[s.app.Session] != s || s.vigil == nil
		if !over && ran == (len(eyes) > 0) {
			s.vigil.Set(eyes)
			over = true
		}
		s.runs = s.runs && len(eyes) > 0
		d.mu.Unlock()
		switch {
		case over:
			return
		case ran:
			d.pauseEvent(context.Background(), s, "left", last)
		default:
			if err := d.resumeEvent(s, eyes); err != nil {
				d.Log.Error("a session stays paused", "session", s.app.Session, "err", err)
				return
			}
			d.mu.Lock()
			s.runs = true
			d.mu.Unlock()
		}
	}
}

// pauseEvent tells that nobody watches: the audit chain, and those who might in
// the thread of the request, but not of each short absence.
func (d *Desk) pauseEvent(ctx context.Context, s *session, cause string, by access.PersonName) {
	err := d.write(context.WithoutCancel(ctx), func(c *change) error {
		d.mu.Lock()
		request := s.grant.RequestID
		again := d.nudge(s, request, c.now)
		s.pausedAt = c.now
		rule := s.ruling.rule.Name
		d.mu.Unlock()
		e := sessionEvent(audit.SessionPaused, string(by), s)
		e.Request, e.Rule, e.Detail["cause"] = string(request), rule, cause
		if err := c.audit(e); err != nil || request == "" || !again {
			return err
		}
		return c.tell(access.Effect{Request: request, Kind: access.EffectUnwatched, Person: s.app.Identity.Person, Session: s.app.Session, SessionKind: s.app.Kind})
	})
	if err != nil {
		d.Log.Error("audit event lost", "kind", audit.SessionPaused, "session", s.app.Session, "err", err)
	}
}

// nudge reports whether the thread of a request may be told of s now, and takes
// it for told. The caller holds mu.
func (d *Desk) nudge(s *session, request access.RequestID, now time.Time) bool {
	old := func(at time.Time) bool { return now.Sub(at) >= nudgeEvery }
	for id, told := range d.nudges {
		if d.nudges[id] = slices.DeleteFunc(told, old); len(d.nudges[id]) == 0 {
			delete(d.nudges, id)
		}
	}
	if !old(s.nudged) || len(d.nudges[request]) >= mostNudges {
		return false
	}
	s.nudged, d.nudges[request] = now, append(d.nudges[request], now)
	return true
}

func (d *Desk) resumeEvent(s *session, eyes []access.PersonName) error {
	return d.write(context.Background(), func(c *change) error {
		e := sessionEvent(audit.SessionResumed, string(eyes[0]), s)
		d.mu.Lock()
		e.Request, e.Rule = string(s.grant.RequestID), s.ruling.rule.Name
		e.Detail["after"] = exact(c.now.Sub(s.pausedAt))
		d.mu.Unlock()
		e.Detail["watchers"] = strings.Join(asWords(eyes), ", ")
		return c.audit(e)
	})
}

// Vigils gives the live sessions of this bastion that run only while a second
// person watches, with those who do now.
func (d *Desk) Vigils() map[access.SessionID][]access.PersonName {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := map[access.SessionID][]access.PersonName{}
	for id, s := range d.sessions {
		if s.vigil != nil {
			list[id], _ = s.vigil.Now()
		}
	}
	return list
}
