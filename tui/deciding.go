package tui

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

func (a *approvals) answer(msg tea.Msg) tea.Cmd {
	cmd, over := a.ask.press(msg)
	if over {
		a.ask = nil
	}
	return cmd
}

func (a *approvals) press(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case a.ask != nil:
		return a.answer(k)
	case a.list.press(k):
		return a.moved()
	case pressed(k, approvalKeys.Approve):
		a.decide(access.VerdictApprove)
	case pressed(k, approvalKeys.Deny):
		a.decide(access.VerdictDeny)
	case pressed(k, approvalKeys.Review):
		a.review()
	case pressed(k, approvalKeys.Reload):
		return a.load()
	}
	return nil
}

// decide asks once more, with the facts in the box: a decision must be about
// what was read, and the list below it moves.
func (a *approvals) decide(v access.Verdict) {
	r, ok := a.selected()
	if !ok || r.Owed() {
		return
	}
	title, label := "Approve? ", "note: "
	if v == access.VerdictDeny {
		title, label = "Deny? ", "reason: "
	} else if slices.Contains(r.UnconfirmedBy(), a.cfg.Actor.Person) {
		title = "Confirm your approval with this key? "
	}
	a.asking = r.ID
	a.ask = newPrompt(a.shared, title+wants(r), label, noticeFacts(a.noticeOf(r), a.now()), func(typed string) tea.Cmd {
		word := access.Word{Request: r.ID, Verdict: v, Reason: typed}
		if v == access.VerdictApprove {
			word.For, word.Reason = timeAndReason(typed)
		}
		return a.do(func(ctx context.Context) tea.Msg {
			r, err := a.cfg.Desk.Decide(ctx, a.cfg.Actor, word)
			if err != nil {
				return failed{err}
			}
			return decided{decidedText(r, word)}
		})
	})
	a.ask.verb = string(v)
	if v == access.VerdictDeny {
		a.ask.must, a.ask.bad = true, true
		return
	}
	a.ask.means = func(typed string) string { return approvalMeans(r, typed) }
}

// review asks what was found about a break-glass access.
func (a *approvals) review() {
	r, ok := a.selected()
	if !ok || !r.Owed() {
		return
	}
	a.asking = r.ID
	a.ask = newPrompt(a.shared, "Review: "+wants(r), "found: ", noticeFacts(a.noticeOf(r), a.now()), func(note string) tea.Cmd {
		return a.do(func(ctx context.Context) tea.Msg {
			r, err := a.cfg.Desk.Review(ctx, a.cfg.Actor, r.ID, note)
			if err != nil {
				return failed{err}
			}
			return decided{fmt.Sprintf("%s on %s: reviewed", r.Person, r.Target)}
		})
	})
	a.ask.must, a.ask.verb = true, "keep the review"
}

// approvalMeans says how long an approval is for, while it is typed.
func approvalMeans(r access.Request, typed string) string {
	switch length, _ := timeAndReason(typed); {
	case length > r.For:
		return "more than was asked for: only up to " + span(r.For)
	case length > 0:
		return "for " + span(length) + ", not " + span(r.For)
	}
	return "for " + span(r.For) + "; a time first gives less: 30m until the freeze"
}

// decidedText says what a word has come to.
func decidedText(r access.Request, word access.Word) string {
	text := fmt.Sprintf("%s on %s: %s", r.Person, r.Target, r.State)
	switch {
	case r.State == access.RequestPending:
		return text + ", your approval counts; others must follow"
	case r.State == access.RequestApproved && word.For > 0:
		return text + " for " + span(word.For)
	}
	return text
}

// loadGone asks what became of the request that a prompt is about and that no
// longer waits: somebody else was first, or its time is over. The prompt stays,
// so that what is being typed is not taken for commands.
func (a *approvals) loadGone(id access.RequestID) tea.Cmd {
	return a.do(func(ctx context.Context) tea.Msg {
		r, err := a.cfg.Requests.Request(ctx, id)
		if r.ID == "" {
			r.ID = id
		}
		return requestGone{r, err}
	})
}

func (a *approvals) takeGone(m requestGone) {
	if a.ask == nil || a.asking != m.request.ID || m.err == nil && (m.request.State == access.RequestPending || m.request.Owed()) {
		return
	}
	a.ask.moot = "It waits no longer."
	r := m.request
	if m.err != nil {
		return
	}
	if r.BreakGlass && !r.Review.At.IsZero() {
		a.ask.moot = access.Plain(fmt.Sprintf("%s has reviewed it already, at %s UTC.", r.Review.By, r.Review.At.UTC().Format(time.TimeOnly)), 120)
		return
	}
	a.ask.moot = fmt.Sprintf("It is %s already; nothing is left to decide.", r.State)
	if n := len(r.Decisions); n > 0 && (r.State == access.RequestApproved || r.State == access.RequestDenied) {
		last := r.Decisions[n-1]
		a.ask.moot = access.Plain(fmt.Sprintf("%s has %s it already, at %s UTC.", last.Person, r.State, last.At.UTC().Format(time.TimeOnly)), 120)
	}
}
