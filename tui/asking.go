package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// timeAndReason reads what is typed to ask: a time first, if one is wanted that
// is not the rule's own, then the reason.
func timeAndReason(typed string) (time.Duration, string) {
	first, rest, _ := strings.Cut(strings.TrimSpace(typed), " ")
	if d, err := strictyaml.ParseDuration(first); err == nil {
		return d, strings.TrimSpace(rest)
	}
	return 0, strings.TrimSpace(typed)
}

// asked tells of a request that was posted, or that was pending already.
type asked struct{ request access.Request }

func (a asked) notice() notice {
	return notice{"asked for " + a.request.Target.String() + " (" + string(a.request.ID) + "); Mine shows how it goes"}
}

// askAhead asks for access before it is needed, as `request` does.
func askAhead(s *shared, r Right) *prompt {
	facts := []fact{{"rule", r.Rule}, {"asks", r.Approve}, {"say", "a time if not the rule's, and the reason: 2h INC-42 deploy"}}
	return newPrompt(s, "Ask for "+access.Plain(r.Target.String(), 120), "reason: ", facts, func(typed string) tea.Cmd {
		length, reason := timeAndReason(typed)
		return s.do(func(ctx context.Context) tea.Msg {
			request, err := s.cfg.Desk.Ask(ctx, s.cfg.Actor, access.Ask{Target: r.Target, For: length, Reason: reason})
			if err != nil {
				return failed{err}
			}
			return asked{request}
		})
	})
}

// askAndGo asks what a request has to say, and goes: the session posts it, or
// joins the one that waits, and the terminal waits with it.
func askAndGo(s *shared, w way) *prompt {
	facts := []fact{{"rule", w.Rule}, {"asks", w.Approve}, {"say", "a time if not the rule's, and the reason: 2h INC-42 deploy"}}
	if w.pending != nil {
		facts = append(facts, fact{"waits", "already, " + string(w.pending.ID) + ": this joins it"})
	}
	p := newPrompt(s, "Ask for "+access.Plain(w.Target.String(), 120)+", and connect", "reason: ", facts, func(typed string) tea.Cmd {
		length, reason := timeAndReason(typed)
		return s.connect(access.Trip{Target: w.Target, For: length, Reason: reason})
	})
	if r := w.pending; r != nil {
		p.input.setValue(strings.TrimSpace(span(r.For) + " " + access.Plain(r.Reason, 300)))
	}
	return p
}

// askMore asks for more time under a grant, as `extend` does.
func askMore(s *shared, g *access.Grant, done func(access.Request) tea.Msg) *prompt {
	facts := []fact{{"say", "how much more, and why: 30m the index is still building"}}
	p := newPrompt(s, "More time on "+access.Plain(g.Target.String(), 120), "time and reason: ", facts, func(typed string) tea.Cmd {
		length, reason := timeAndReason(typed)
		return s.do(func(ctx context.Context) tea.Msg {
			request, err := s.cfg.Desk.Extend(ctx, s.cfg.Actor, string(g.ID), length, reason)
			if err != nil {
				return failed{err}
			}
			return done(request)
		})
	})
	p.must = true
	return p
}
