package console

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) grants() *cobra.Command {
	var all, asJSON bool
	var person, host string
	var limit count
	cmd := s.command(spec{
		name:    "grants",
		options: "[--all] [--person NAME] [--host NAME] [--limit N] [--json]",
		short:   "list grants",
		long: `Lists your grants, newest first: those that may open sessions, and with --all
or --json those that are over; approvers see those under their rules too, and
auditors, admins and the socket everybody's.

A ready grant has not been used yet and lapses at the time shown; an active one
ends at the time shown, and its sessions with it.`,
		examples: []string{"grants", "grants --all --json"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		q := access.GrantQuery{Person: access.PersonName(strings.ToLower(person)), Host: c.hostName(host), Live: !all && !asJSON}
		found, err := c.visibleGrants(q, int(limit))
		if err != nil {
			return err
		}
		if asJSON {
			return c.json(each(found, grantJSON))
		}
		c.showGrants(found)
		return nil
	})
	cmd.Flags().BoolVar(&all, "all", false, "those that are over too")
	cmd.Flags().StringVar(&person, "person", "", "only those of `NAME`")
	cmd.Flags().StringVar(&host, "host", "", "only those for the host `NAME`")
	cmd.Flags().Var(&limit, "limit", "at most N")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of grants as JSON")
	return cmd
}

// visibleGrants asks for what the caller may see of q, at most limit unless
// that is 0.
func (c *call) visibleGrants(q access.GrantQuery, limit int) ([]access.Grant, error) {
	picky := !c.seesAll() && c.roles&approver != 0 // not to be said in a query
	if !picky {
		q.Person, q.Limit = c.onlyMine(string(q.Person)), limit
	}
	found, err := c.Store.Grants(c.ctx, q)
	if err != nil || !picky {
		return found, err
	}
	found = slices.DeleteFunc(found, func(g access.Grant) bool {
		return g.Person != c.person.Name && !c.mayDecide(g.Rule, g.Person)
	})
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found, nil
}

func (c *call) showGrants(gs []access.Grant) {
	if len(gs) == 0 {
		c.page.linef("no grants")
		return
	}
	t := table{named: true, head: []string{"ID", "STATE", "PERSON", "FOR", "LOGIN@HOST", "RULE", "ENDS"}}
	for _, g := range gs {
		var ends string
		switch {
		case g.State == access.GrantReady:
			ends = "use it " + c.page.ago(g.UseBy)
		case g.State == access.GrantActive:
			ends = c.page.ago(g.NotAfter)
		default:
			ends = c.page.ago(g.EndedAt)
		}
		look := faint
		if g.State.Live() {
			look = green
		}
		t.add(string(g.ID), cell{string(g.State), look}, string(g.Person), exact(g.For), g.Target.String(), g.Rule, ends)
	}
	c.page.table(t)
}

func (s *set) release() *cobra.Command {
	return s.command(spec{
		name:     "release",
		args:     []string{"ID"},
		short:    "give a grant of yours back",
		long:     `Gives a grant back before its time. Sessions that run under it end.`,
		examples: []string{"release 01KAZ4T9V5J8M2N3P4Q5R6S7T8"},
		who:      someone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.GrantID]("grant", args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Release(c.ctx, c.Actor, id); err != nil {
			return err
		}
		c.page.linef("released (%s)", string(id))
		return nil
	})
}

func (s *set) revoke() *cobra.Command {
	var reason string
	cmd := s.command(spec{
		name:    "revoke",
		args:    []string{"ID"},
		options: "[--reason TEXT]",
		short:   "take a grant away",
		long: `Takes a grant away, by its own ID or by that of its request. Sessions that run
under it end within a second, and say why. Approvers of its rule may, and admins.`,
		examples: []string{`revoke 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason "'wrong host'"`},
		who:      everyone,
	}, func(c *call, args []string) error {
		id, err := idOf[string]("grant or request", args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Revoke(c.ctx, c.Actor, id, c.because(reason)); err != nil {
			return err
		}
		c.page.linef("revoked (%s)", id)
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why; the person reads it")
	return cmd
}
