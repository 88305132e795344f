package console

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) hold() *cobra.Command {
	var reason string
	var asJSON bool
	cmd := s.command(spec{
		name:    "hold",
		args:    []string{"[ID]"},
		options: "[--reason TEXT] [--json]",
		short:   "keep a recording however old it is; list what is held",
		long: `Keeps the recording of a session from being deleted when its time is over, until
somebody lifts the hold: for a case, an audit, an order to preserve. TEXT is needed
and kept. Without ID it lists what is held.`,
		examples: []string{`hold 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason "'case 4711'"`, "hold"},
		who:      auditor | admin | local,
	}, func(c *call, args []string) error {
		if len(args) == 0 {
			return c.showHolds(asJSON)
		}
		h, err := c.holdOf(args[0], reason)
		if err != nil {
			return err
		}
		if err := c.Store.Hold(c.ctx, h); err != nil {
			return err
		}
		c.page.linef("held (%s)", string(h.Session))
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as an array of holds in JSON")
	return cmd
}

func (s *set) unhold() *cobra.Command {
	var reason string
	cmd := s.command(spec{
		name:     "unhold",
		args:     []string{"ID"},
		options:  "[--reason TEXT]",
		short:    "lift the hold on a recording",
		long:     "Lifts the hold on a recording: if its time is over, it is deleted within the hour.\nTEXT is needed and kept.",
		examples: []string{`unhold 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason "'case 4711 is closed'"`},
		who:      auditor | admin,
	}, func(c *call, args []string) error {
		h, err := c.holdOf(args[0], reason)
		if err != nil {
			return err
		}
		if err := c.Store.Unhold(c.ctx, h); err != nil {
			return err
		}
		c.page.linef("no longer held (%s)", string(h.Session))
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why")
	return cmd
}

// holdOf is a hold of the caller's.
func (c *call) holdOf(typed, reason string) (access.Hold, error) {
	id, err := idOf[access.SessionID]("session", typed)
	if err != nil {
		return access.Hold{}, err
	}
	text := strings.TrimSpace(access.Plain(c.because(reason), longest))
	if text == "" {
		return access.Hold{}, &usageError{text: "--reason TEXT is needed: it is kept"}
	}
	return access.Hold{Session: id, Reason: text, By: actorName(c.Actor), Via: c.Actor.Via, At: c.Now()}, nil
}

type holdShape struct {
	SessionID access.SessionID `json:"session_id"`
	Reason    string           `json:"reason"`
	By        string           `json:"by"`
	Via       access.Via       `json:"via"`
	At        stamp            `json:"at"`
}

func (c *call) showHolds(asJSON bool) error {
	holds, err := c.Store.Holds(c.ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return c.json(each(holds, func(h access.Hold) holdShape { return holdShape{h.Session, h.Reason, h.By, h.Via, stamp(h.At)} }))
	}
	if len(holds) == 0 {
		c.page.linef("no recording is held")
		return nil
	}
	t := table{named: true, head: []string{"SESSION", "HELD", "BY", "REASON"}}
	for _, h := range holds {
		t.add(string(h.Session), c.page.ago(h.At), h.By, h.Reason)
	}
	c.page.table(t)
	return nil
}
