package console

import (
	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) review() *cobra.Command {
	var note string
	cmd := s.command(spec{
		name:    "review",
		args:    []string{"ID"},
		options: "--note TEXT",
		short:   "say what you found about a break-glass access",
		long: `Keeps what you found when you looked at a break-glass access: its recordings,
its reason. Until somebody has, its person cannot break glass again. Those whom
its rule asks may, and admins, but never the one who did it.`,
		examples: []string{"requests --all", `review 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --note "'restarted the primary, as INC-4711 says'"`},
		who:      someone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.RequestID]("request", args[0])
		if err != nil {
			return err
		}
		r, err := c.Desk.Review(c.ctx, c.Actor, id, note)
		if err != nil {
			return err
		}
		c.page.linef("reviewed: %s on %s (%s)", string(r.Person), r.Target.String(), string(id))
		return nil
	})
	cmd.Flags().StringVar(&note, "note", "", "`TEXT` says what you found")
	return cmd
}
