package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

func (s *set) request() *cobra.Command {
	var a asking
	cmd := s.command(spec{
		name:    "request",
		args:    []string{"LOGIN@HOST"},
		options: askingOptions,
		short:   "ask for access ahead of time",
		long: `Asks for LOGIN on HOST before it is needed, and returns at once. The request
is posted to those who may approve it. Once approved it is a grant of yours,
bound to the key that you are asking with; its clock starts with your first
session. For forwards this is the only way to ask.

In an emergency, and where the rule allows it, --break-glass lets you in without
anybody's word. It needs a reason, every approver and admin is told at once, and
somebody must review it before you may do so again.

The reason comes from --reason or from SALLYPORT_REASON in the environment.
The ID of the request is printed; "requests" shows what became of it.`,
		examples: []string{`request root@db1 --for 2h --reason "'restore the index, OPS-4711'"`},
		who:      someone,
	}, func(c *call, args []string) error {
		target, err := access.ParseTarget(args[0])
		if err != nil {
			return err
		}
		r, err := c.Desk.Ask(c.ctx, c.Actor, access.Ask{Target: target, For: a.length(), Reason: c.because(a.reason), BreakGlass: a.breakGlass})
		if err != nil {
			return err
		}
		if a.asJSON {
			return c.json(requestJSON(r))
		}
		switch {
		case r.BreakGlass:
			c.page.linef("let in: %s for %s; everybody is told, and a review is owed", r.Target.String(), exact(r.For))
		case r.State == access.RequestApproved:
			c.page.linef("approved: %s for %s (%s)", r.Target.String(), exact(grantedFor(r)), r.Auto)
		default:
			c.page.linef("asked: %s for %s, waiting until %s", r.Target.String(), exact(r.For), clock(r.WaitUntil))
		}
		c.page.linef("%s", string(r.ID))
		return nil
	})
	a.declare(cmd, "how long the access is to last, such as 90s, 30m, 4h; the rule's default when left out",
		"let me in at once, in an emergency, with --reason")
	return cmd
}

// grantedFor is how long an approved request is for.
func grantedFor(r access.Request) time.Duration {
	if r.Grant != nil && r.Extends == "" {
		return r.Grant.For
	}
	return r.For
}

func (s *set) requests() *cobra.Command {
	var all, asJSON bool
	var state string
	var limit count
	cmd := s.command(spec{
		name:    "requests",
		options: "[--all] [--state STATE] [--limit N] [--json]",
		short:   "list requests that concern you",
		long: `Lists requests, newest first: your own and those that you may decide; auditors,
admins and the socket see everybody's. Pending ones only, unless --all or
--state says otherwise; --json has all of them in any case.

STATE is pending, approved, denied, cancelled or lapsed.`,
		examples: []string{"requests", "requests --all --limit 20", "requests --json --state pending"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		wanted, err := oneOf("--state", state, access.RequestPending, access.RequestApproved, access.RequestDenied, access.RequestCancelled, access.RequestLapsed)
		if err != nil {
			return err
		}
		if wanted == "" && !all && !asJSON {
			wanted = access.RequestPending
		}
		q := access.RequestQuery{State: wanted}
		if !c.seesAll() && c.roles&approver == 0 {
			q.Person = c.person.Name
		}
		found, err := c.Store.Requests(c.ctx, q)
		if err != nil {
			return err
		}
		var mine []access.Request
		for _, r := range found {
			if c.concerns(r) && (limit <= 0 || len(mine) < int(limit)) {
				mine = append(mine, r)
			}
		}
		if asJSON {
			return c.json(each(mine, requestJSON))
		}
		c.showRequests(mine, wanted)
		return nil
	})
	cmd.Flags().BoolVar(&all, "all", false, "decided ones too")
	cmd.Flags().StringVar(&state, "state", "", "only those in `STATE`")
	cmd.Flags().Var(&limit, "limit", "at most N")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of requests as JSON")
	return cmd
}

// concerns reports whether the caller may see r.
func (c *call) concerns(r access.Request) bool {
	if c.seesAll() || r.Person == c.person.Name {
		return true
	}
	for _, d := range r.Decisions {
		if d.Person == c.person.Name {
			return true
		}
	}
	return c.mayDecide(r.Rule, r.Person)
}

// mayDecide reports whether the caller is among those whom a rule asks about a
// person, as the access file stands. It is for showing; the desk decides by
// itself.
func (c *call) mayDecide(rule string, requester access.PersonName) bool {
	i := slices.IndexFunc(c.policy.Rules, func(r *policy.Rule) bool { return r.Name == rule })
	person, ok := c.policy.Person(requester)
	return i >= 0 && ok && slices.ContainsFunc(c.policy.Approvers(c.policy.Rules[i], person), func(p access.Person) bool { return p.Name == c.person.Name })
}

func (c *call) showRequests(rs []access.Request, state access.RequestState) {
	if len(rs) == 0 {
		c.page.linef("no %s", strings.TrimLeft(string(state)+" requests", " "))
		return
	}
	if state == access.RequestPending {
		c.showPending(rs)
		return
	}
	t := table{named: true, head: []string{"ID", "STATE", "PERSON", "FOR", "LOGIN@HOST", "ASKED", "REASON"}}
	for _, r := range rs {
		t.add(string(r.ID), cell{stateOf(r), requestStyle[r.State]}, string(r.Person), lengthOf(r),
			r.Target.String(), c.page.ago(r.RequestedAt), or(r.Reason))
	}
	c.page.table(t)
}

// showPending lists what waits, and for whom: what the one who waits sees.
func (c *call) showPending(rs []access.Request) {
	t := table{named: true, head: []string{"ID", "PERSON", "FOR", "LOGIN@HOST", "LEFT", "APPROVED", "WAITS FOR", "REASON"}}
	for _, r := range rs {
		t.add(string(r.ID), string(r.Person), lengthOf(r), r.Target.String(), exact(max(0, r.WaitUntil.Sub(c.Now())).Round(time.Second)),
			or(people(c.counting(r))), cell{c.waitsFor(r), yellow}, or(r.Reason))
	}
	c.page.table(t)
}

// counting are those whose approvals count, as the access file stands.
func (c *call) counting(r access.Request) []access.PersonName {
	if rule, ok := c.policy.Rule(r.Rule); ok && rule.Approval != nil {
		return rule.Approval.Counting(r)
	}
	return nil
}

// waitsFor says how many more, and of whom.
func (c *call) waitsFor(r access.Request) string {
	rule, there := c.policy.Rule(r.Rule)
	person, known := c.policy.Person(r.Person)
	if !there || !known || rule.Approval == nil {
		return "nobody: its rule is gone"
	}
	given := rule.Approval.Counting(r)
	var open []access.PersonName
	for _, p := range c.policy.Approvers(rule, person) {
		if !slices.Contains(given, p.Name) {
			open = append(open, p.Name)
		}
	}
	text := fmt.Sprintf("%d of %s", c.policy.Met(rule, person, given), people(open))
	if clicked := r.UnconfirmedBy(); len(clicked) > 0 {
		text += "; the key of " + people(clicked)
	}
	return text
}

// people names the first few of a list.
func people(names []access.PersonName) string {
	const most = 4
	rest := len(names) - most
	words := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		words = append(words, string(n))
	}
	text := strings.Join(words, ", ")
	if rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// stateOf is a request's state, and what is out of the ordinary about it.
func stateOf(r access.Request) string {
	switch {
	case r.Owed():
		return string(r.State) + ", review owed"
	case r.BreakGlass:
		return string(r.State) + ", break-glass"
	case r.Auto != "":
		return string(r.State) + ", " + r.Auto
	}
	return string(r.State)
}

var requestStyle = map[access.RequestState]style{
	access.RequestPending:   yellow,
	access.RequestApproved:  green,
	access.RequestDenied:    red,
	access.RequestCancelled: faint,
	access.RequestLapsed:    faint,
}

func (s *set) cancel() *cobra.Command {
	return s.command(spec{
		name:     "cancel",
		args:     []string{"ID"},
		short:    "withdraw a request of yours",
		long:     `Withdraws a pending request that you made. Whoever waits on it is let go.`,
		examples: []string{"cancel 01KAZ4T9V5J8M2N3P4Q5R6S7T8"},
		who:      someone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.RequestID]("request", args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Cancel(c.ctx, c.Actor, id); err != nil {
			return err
		}
		c.page.linef("cancelled (%s)", string(id))
		return nil
	})
}
