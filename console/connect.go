package console

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) connect() *cobra.Command {
	var howLong span
	var reason string
	cmd := s.command(spec{
		name:    "connect",
		args:    []string{"LOGIN@HOST"},
		options: "[--for TIME] [--reason TEXT]",
		short:   "open a shell on a host, from here",
		long: `Opens a shell as LOGIN on HOST in this very terminal: "ssh -t bastion connect
LOGIN@HOST". It is the session that "ssh LOGIN@HOST@bastion" would be: asked for
where a rule wants approval, with the terminal waiting, and recorded. Ctrl-C
withdraws a request that waits.

The reason comes from --reason, from SALLYPORT_REASON, or is asked for at the
terminal. No files and no forwards go this way, and neither an agent nor a
display. Where a rule wants your key proven at the inner login, use ssh -J.`,
		examples: []string{"connect root@db1", `connect root@db1 --for 30m --reason "'OPS-4711, look at the locks'"`},
		who:      someone,
		notHere:  "A session is a person's, under the key that they came with: ssh -t bastion connect LOGIN@HOST",
		exit:     "that of the shell, as ssh gives it\n254  refused, or ended by the bastion; one line on standard error says why\n255  Vault, the recording or the host failed, or a signal ended the shell\n1, 2  not begun, or the command line was not understood\n",
	}, func(c *call, args []string) error {
		target, err := access.ParseTarget(args[0])
		if err != nil {
			return err
		}
		if c.Connect == nil {
			return access.Refuse(access.ReasonNotAllowed, "there is no terminal here to connect on", "Use ssh -t bastion connect "+target.String())
		}
		var typed io.ReadCloser // all of the call's
		if c.stay != nil {
			typed = c.stay.keys.lend()
		}
		back := c.Connect(c.ctx, typed, access.Trip{Target: target, For: howLong.Duration, Reason: c.because(reason)})
		if back.Status != exitDone {
			return ExitError(back.Status) // what there was to say has been said
		}
		return nil
	})
	cmd.Flags().Var(&howLong, "for", "how long the access is to last, if it has to be asked for; the rule's default when left out")
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why; the approvers read it")
	return cmd
}
