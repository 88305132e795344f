package console

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Keys are those that sign recordings; [*recorder.Keyring] fits.
type Keys interface {
	ID() string
	ExportTrust() ([]byte, error)
	Rotate(now time.Time) error
}

func (s *set) keys() *cobra.Command {
	return s.command(spec{
		name:  "keys",
		args:  []string{"[rotate]"},
		short: "print the public keys that sign recordings; make a new one",
		long: `Prints the public keys that sign recordings, oldest first, one a line: keep them
elsewhere, and "verify PATH --trust FILE" takes them.

"keys rotate", on the bastion itself only, makes a new key, signed by the one before, and
signs with it from then on. Who trusts an older key can verify newer recordings by
it: their manifests hold the chain from one to the next. Old recordings stay as they
are. A key that somebody else may have is not one to rotate but one to stop trusting.
On the bastion itself both also work while the server is stopped.`,
		examples: []string{"keys > recording-keys.pub", "keys rotate"},
		who:      auditor | admin | local,
	}, func(c *call, args []string) error {
		if len(args) == 0 {
			return c.showKeys()
		}
		if args[0] != "rotate" {
			return misfit("the argument", args[0], "rotate")
		}
		return c.rotateKey()
	})
}

func (c *call) showKeys() error {
	lines, err := c.Keys.ExportTrust()
	if err != nil {
		return err
	}
	c.page.write(string(lines)) // JSON of ours: names no person, holds no text of anybody
	return c.page.err
}

// rotateKey makes a new key. The event comes after it: a key that does not
// exist cannot be told of, and one that exists signs nothing before this
// returns that it would not sign anyway.
func (c *call) rotateKey() error {
	if c.roles != local {
		return c.record(audit.Event{
			Kind:   audit.CommandRefused,
			Detail: map[string]string{"command": "keys rotate", "reason": string(access.ReasonNotAllowed)},
		}, access.Refuse(access.ReasonNotAllowed, "keys rotate is for the socket", "Have it done on the bastion itself"))
	}
	before := c.Keys.ID()
	if err := c.Keys.Rotate(c.Now()); err != nil {
		return access.Fail(access.ReasonInternal, "there is no new key, the old one goes on", "Ask the operator to look at the log", err)
	}
	c.page.linef("rotated: %s signs recordings now, signed by %s", c.Keys.ID(), before)
	return c.record(audit.Event{Kind: audit.KeyRotated, Detail: map[string]string{"key": c.Keys.ID(), "before": before}}, nil)
}
