package console

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) status() *cobra.Command {
	return s.command(spec{
		name:  "status",
		short: "say what awaits you",
		long: `Says in a few lines what awaits you: requests that you may decide, your own that
wait, your grants with the time they have left, and, for those who see everybody's
sessions, how many run.`,
		examples: []string{"status"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		now, err := c.affairs()
		if err != nil {
			return err
		}
		c.showAffairs(now)
		return nil
	})
}

// affairs is what a person has to do with, at a moment.
type affairs struct {
	decide []access.Request // pending, and the caller may decide them
	mine   []access.Request // the caller's own of late, decided ones too
	grants []access.Grant   // the caller's own of late, those that are over too
	live   int              // sessions that run; -1 for who does not see them
}

// ofLate bounds how many of one's own requests and grants are looked at.
const ofLate = 100

// affairs asks the store.
func (c *call) affairs() (now affairs, err error) {
	pending, err := c.Store.Requests(c.ctx, access.RequestQuery{State: access.RequestPending})
	if err != nil {
		return now, err
	}
	for _, r := range pending {
		if c.roles&someone != 0 && r.Person != c.person.Name && c.mayDecide(r.Rule, r.Person) {
			now.decide = append(now.decide, r)
		}
	}
	if c.roles&someone != 0 {
		if now.mine, err = c.Store.Requests(c.ctx, access.RequestQuery{Person: c.person.Name, Limit: ofLate}); err != nil {
			return now, err
		}
		if now.grants, err = c.Store.Grants(c.ctx, access.GrantQuery{Person: c.person.Name, Limit: ofLate}); err != nil {
			return now, err
		}
	}
	now.live = -1
	if c.seesAll() {
		live, err := c.Store.Sessions(c.ctx, access.SessionQuery{State: access.SessionLive})
		if err != nil {
			return now, err
		}
		now.live = len(live)
	}
	return now, nil
}

// showAffairs says them, the most pressing first.
func (c *call) showAffairs(now affairs) {
	said := false
	section := func(head string, lines []string, then string) {
		if len(lines) == 0 {
			return
		}
		said = true
		c.page.linef("%s: %s. %s", head, fmt.Sprint(len(lines)), then)
		const most = 10
		for _, line := range lines[:min(len(lines), most)] {
			c.page.linef("  %s", line)
		}
		if len(lines) > most {
			c.page.linef("  … and %s more", fmt.Sprint(len(lines)-most))
		}
	}
	var decide, wait, open []string
	for _, r := range now.decide {
		decide = append(decide, c.tell(r))
	}
	for _, r := range now.mine {
		if r.State == access.RequestPending {
			wait = append(wait, c.tell(r))
		}
	}
	for _, g := range now.grants {
		if g.State.Live() {
			open = append(open, c.tellGrant(g))
		}
	}
	section("Requests that wait for your word", decide, "approve ID, or deny ID --reason TEXT")
	section("Your requests that wait for somebody", wait, "cancel ID withdraws one")
	section("Your grants", open, "release ID gives one back, extend ID asks for more time")
	if now.live > 0 {
		said = true
		c.page.linef("Sessions that run: %s. sessions --state live lists them", fmt.Sprint(now.live))
	}
	switch {
	case !said && now.live == 0:
		c.page.linef("Nothing awaits you, and no session runs.")
	case !said:
		c.page.linef("Nothing awaits you.")
	}
}

// named is an ID as the caller types it.
func (c *call) named(id string) string {
	if c.page.numbers != nil {
		return c.page.numbers.name(id)
	}
	return id
}

// tell says in a line what a pending request is about.
func (c *call) tell(r access.Request) string {
	return fmt.Sprintf("%s: %s, %s for %s, %s left: %s", c.named(string(r.ID)), r.Person, r.Target, lengthOf(r), c.left(r.WaitUntil), or(r.Reason))
}

// tellGrant says in a line what a grant is good for.
func (c *call) tellGrant(g access.Grant) string {
	if g.State == access.GrantReady {
		return fmt.Sprintf("%s: %s for %s, to be used within %s", c.named(string(g.ID)), g.Target, exact(g.For), c.left(g.UseBy))
	}
	return fmt.Sprintf("%s: %s, %s left", c.named(string(g.ID)), g.Target, c.left(g.NotAfter))
}

func (c *call) left(until time.Time) string {
	return exact(max(0, until.Sub(c.page.now)).Round(time.Second))
}
