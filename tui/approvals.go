package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// approvals is the approver's page: what waits for a decision, oldest last,
// with the same facts as in Slack.
type approvals struct {
	*shared
	list       list
	cols, rows int
	pending    []access.Request
	loaded     bool
	gen, tick  generation
	ask        *prompt
}

const approvalFacts = 8 // rows

func newApprovals(s *shared) *approvals {
	a := &approvals{shared: s}
	a.list = list{look: s.look, columns: []column{
		{title: "person", width: 12},
		{title: "login@host"},
		{title: "for", width: 7},
		{title: "asked", width: 10, right: true},
		{title: "lapses in", width: 9, right: true},
		{title: "reason"},
	}}
	return a
}

type (
	approvalsTick   struct{ gen generation }
	approvalsLoaded struct {
		gen     generation
		pending []access.Request
		err     error
	}
	decided struct{ text string }
)

func (a *approvals) Init() tea.Cmd {
	a.tick = a.next()
	return say(approvalsTick{a.tick})
}

func (a *approvals) load() tea.Cmd {
	a.gen = a.next()
	gen := a.gen
	return a.do(func(ctx context.Context) tea.Msg {
		all, err := a.cfg.Requests.Requests(ctx, access.RequestQuery{State: access.RequestPending})
		m := approvalsLoaded{gen: gen, err: err}
		for _, r := range all {
			if a.mayDecide(r) {
				m.pending = append(m.pending, r)
			}
		}
		return m
	})
}

func (a *approvals) mayDecide(r access.Request) bool {
	if a.cfg.MayDecide != nil {
		return a.cfg.MayDecide(r)
	}
	return r.Person != a.cfg.Actor.Person
}

func (a *approvals) SetSize(cols, rows int) {
	a.cols, a.rows = cols, rows
	a.list.setSize(cols, rows-approvalFacts-1)
}

func (a *approvals) Typing() bool { return a.ask != nil }
func (a *approvals) Count() int   { return len(a.pending) }

func (a *approvals) Keys() help.KeyMap {
	if a.ask != nil {
		return a.ask.keys()
	}
	own := []key.Binding{approvalKeys.Approve, approvalKeys.Deny, approvalKeys.Reload}
	return keyList{own, [][]key.Binding{own, listColumn()}}
}

func (a *approvals) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case approvalsTick:
		if msg.gen == a.tick {
			return tea.Batch(a.load(), a.after(refreshEvery, msg))
		}
	case approvalsLoaded:
		if msg.gen != a.gen {
			return nil
		}
		if msg.err != nil {
			return say(failed{msg.err})
		}
		a.take(msg.pending)
	case decided:
		return tea.Batch(say(notice(msg)), a.load())
	case tea.MouseWheelMsg:
		a.list.move(wheel(msg))
	case tea.MouseClickMsg:
		a.list.moveTo(a.list.top + msg.Y - 1)
	case tea.PasteMsg:
		if a.ask != nil {
			return a.answer(msg)
		}
	case tea.KeyPressMsg:
		return a.press(msg)
	}
	return nil
}

// take keeps the cursor on the request that it stands on.
func (a *approvals) take(pending []access.Request) {
	before, had := a.selected()
	a.pending, a.loaded = pending, true
	a.list.setLen(len(pending))
	for i, r := range pending {
		if had && r.ID == before.ID {
			a.list.moveTo(i)
		}
	}
}

func (a *approvals) selected() (access.Request, bool) {
	if a.list.at >= len(a.pending) {
		return access.Request{}, false
	}
	return a.pending[a.list.at], true
}

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
	case pressed(k, approvalKeys.Approve):
		a.decide(access.VerdictApprove)
	case pressed(k, approvalKeys.Deny):
		a.decide(access.VerdictDeny)
	case pressed(k, approvalKeys.Reload):
		return a.load()
	}
	return nil
}

// decide asks once more, with the facts in the box: a decision must be about
// what was read, and the list below it moves.
func (a *approvals) decide(v access.Verdict) {
	r, ok := a.selected()
	if !ok {
		return
	}
	title, label := "Approve this request?", "note (may be empty): "
	if v == access.VerdictDeny {
		title, label = "Deny this request?", "reason: "
	}
	a.ask = newPrompt(a.shared, title, label, requestFacts(r, a.now()), func(reason string) tea.Cmd {
		return a.do(func(ctx context.Context) tea.Msg {
			r, err := a.cfg.Desk.Decide(ctx, a.cfg.Actor, access.Word{Request: r.ID, Verdict: v, Reason: reason})
			if err != nil {
				return failed{err}
			}
			return decided{fmt.Sprintf("%s on %s: %s", r.Person, r.Target, r.State)}
		})
	})
	a.ask.must = v == access.VerdictDeny
	a.ask.bad = v == access.VerdictDeny
}

func (a *approvals) View() string {
	if a.cols == 0 {
		return ""
	}
	body := ""
	switch {
	case len(a.pending) > 0:
		r, _ := a.selected()
		body = a.list.view(a.row) + "\n" + a.look.Rule.Render(strings.Repeat("─", a.cols)) + "\n" +
			factsView(a.look, requestFacts(r, a.now()), a.cols, approvalFacts)
	case a.loaded:
		body = centre(a.look.Dim.Render("Nothing waits for you.")+"\n"+a.look.Faint.Render("Requests that you may decide appear here as they come."), a.cols, a.rows)
	default:
		body = centre(a.look.Dim.Render("reading…"), a.cols, a.rows)
	}
	if a.ask != nil {
		body = a.ask.over(body, a.cols, a.rows)
	}
	return body
}

func (a *approvals) row(i int) []field {
	r, now, l := a.pending[i], a.now(), a.look
	left := r.WaitUntil.Sub(now)
	style := l.Dim
	if left < 5*time.Minute {
		style = l.Warn
	}
	return []field{
		{access.Plain(string(r.Person), 40), l.Strong},
		{access.Plain(r.Target.String(), 120), l.Text},
		{span(r.For), l.Text},
		{span(now.Sub(r.RequestedAt)) + " ago", l.Dim},
		{span(left), style},
		{access.Plain(r.Reason, 200), l.Dim},
	}
}

// requestFacts are what a decision is made on.
func requestFacts(r access.Request, now time.Time) []fact {
	var all []fact
	put := func(label, text string) {
		if text = access.Plain(text, 400); text != "" {
			all = append(all, fact{label, text})
		}
	}
	put("who", string(r.Person)+" from "+r.Source)
	put("wants", r.Target.String()+" for "+span(r.For)+", rule "+r.Rule)
	put("reason", r.Reason)
	kinds := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		kinds[i] = string(k)
	}
	covers := strings.Join(kinds, ", ")
	if r.Kind != "" {
		covers = string(r.Kind) + " now; the grant covers " + covers
	}
	put("opens", covers)
	put("command", r.Command)
	if by := r.ApprovedBy(); len(by) > 0 {
		put("approved", "so far by "+names(by))
	}
	put("asked", span(now.Sub(r.RequestedAt))+" ago; lapses in "+span(r.WaitUntil.Sub(now)))
	if by := r.UnconfirmedBy(); len(by) > 0 {
		put("to confirm", names(by)+" clicked in Slack; a key must follow")
	}
	put("request", string(r.ID))
	return all
}
