package console

import (
	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) lock() *cobra.Command {
	var reason string
	var asJSON bool
	cmd := s.command(spec{
		name:    "lock",
		args:    []string{"[person:NAME|host:NAME]"},
		options: "[--reason TEXT] [--json]",
		short:   "lock a person or a host; list what is locked",
		long: `Locks a person or a host until somebody unlocks it. Their sessions, forwards and
consoles end within a second, their pending requests are cancelled and their
grants revoked. A locked person opens nothing, asks for nothing and decides
nothing, in Slack either; to a locked host nobody gets. Unlocking gives none of
it back: they connect or ask again.

Admins may lock, and the socket; TEXT is needed and kept. Whom a host's lock
keeps out reads it; a locked person does not. Admins can lock themselves: only
another admin or the socket can undo that.

Without a name it lists the locks, for auditors too.`,
		examples: []string{`lock person:alice --reason "'laptop stolen'"`, `lock host:db1 --reason "'being examined'"`, "lock"},
		who:      auditor | admin | local,
	}, func(c *call, args []string) error {
		if len(args) == 0 {
			return c.showLocks(asJSON)
		}
		subject, err := subjectOf(args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Lock(c.ctx, c.Actor, subject, c.because(reason)); err != nil {
			return err
		}
		c.page.linef("locked (%s)", subject.String())
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as an array of locks in JSON")
	return cmd
}

func (s *set) unlock() *cobra.Command {
	var reason string
	cmd := s.command(spec{
		name:     "unlock",
		args:     []string{"person:NAME|host:NAME"},
		options:  "[--reason TEXT]",
		short:    "lift a lock",
		long:     "Lifts a lock. What it ended stays ended. Admins may, unless they are locked\nthemselves, and the socket.",
		examples: []string{`unlock person:alice --reason "'new laptop, new key'"`},
		who:      admin | local,
	}, func(c *call, args []string) error {
		subject, err := subjectOf(args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Unlock(c.ctx, c.Actor, subject, c.because(reason)); err != nil {
			return err
		}
		c.page.linef("unlocked (%s)", subject.String())
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "keep `TEXT` in the audit chain")
	return cmd
}

// subjectOf reads what a lock is on, as it was typed.
func subjectOf(text string) (access.Subject, error) {
	subject, err := access.ParseSubject(text)
	if err != nil {
		return subject, misfit("the name", text, "person:NAME or host:NAME")
	}
	return subject, nil
}

// showLocks lists the locks in force.
func (c *call) showLocks(asJSON bool) error {
	locks, err := c.Store.Locks(c.ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return c.json(each(locks, lockJSON))
	}
	if len(locks) == 0 {
		c.page.linef("nothing is locked")
		return nil
	}
	t := table{head: []string{"LOCKED", "BY", "SINCE", "REASON"}}
	for _, l := range locks {
		t.add(cell{l.Subject.String(), red}, l.By, c.page.ago(l.At), or(l.Reason))
	}
	c.page.table(t)
	return nil
}
