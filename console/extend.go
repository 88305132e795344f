package console

import (
	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) extend() *cobra.Command {
	var a asking
	cmd := s.command(spec{
		name:    "extend",
		args:    []string{"ID"},
		options: askingOptions,
		short:   "ask for more time under a grant of yours",
		long: `Asks for more time under a grant that runs, by its ID or by that of its request,
and returns at once. It is decided like any request. Approved, the grant ends
that much later and its sessions go on without a break; else they end when they
would have, and the request no later than they.

From the first session a grant lasts no longer than its rule allows, extensions
included. Standing access has no end and needs no extension.

On the bastion itself, over the socket, --break-glass with --reason extends
anybody's grant at once, and everybody is told.`,
		examples: []string{"grants", `extend 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --for 1h --reason "'the restore takes longer'"`},
		who:      everyone,
	}, func(c *call, args []string) error {
		id, err := idOf[string]("grant or request", args[0])
		if err != nil {
			return err
		}
		if err := c.checkGlass(a.breakGlass, a.reason); err != nil {
			return err
		}
		r, err := c.Desk.Extend(c.ctx, c.Actor, id, a.length(), c.because(a.reason))
		if err != nil {
			return err
		}
		if a.asJSON {
			return c.json(requestJSON(r))
		}
		if r.State == access.RequestApproved {
			c.page.linef("extended: %s may use %s for %s more (%s)", string(r.Person), r.Target.String(), exact(r.For), string(r.ID))
			return nil
		}
		c.page.linef("asked: %s more on %s, waiting until %s", exact(r.For), r.Target.String(), clock(r.WaitUntil))
		c.page.linef("%s", string(r.ID))
		return nil
	})
	a.declare(cmd, "how much longer, such as 30m or 1h; the rule's default, or what is left of its longest, when left out",
		"on the bastion itself: extend without an approver, with --reason, announced loudly")
	return cmd
}

// lengthOf is how long a request is for, as a list shows it.
func lengthOf(r access.Request) string {
	if r.Extends != "" {
		return "+" + exact(r.For)
	}
	return exact(r.For)
}
