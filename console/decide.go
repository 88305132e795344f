package console

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) approve() *cobra.Command {
	var reason, digest string
	var howLong span
	var breakGlass bool
	cmd := s.command(spec{
		name:    "approve",
		args:    []string{"ID"},
		options: "[--for TIME] [--reason TEXT] [--digest DIGEST] [--break-glass]",
		short:   "approve a request",
		long: `Approves a pending request. You must be one of those whom its rule asks at this
moment, and not the one who asked. The first decision counts; a rule may need
the approval of several. Where the connection waits it goes on within a second.
--for gives less time than was asked for, never more.

Some rules want a click in Slack confirmed with a key of yours; this command is
how. It prints what was approved, with the digest that Slack shows of the same;
with --digest it approves nothing else.

On the bastion itself, over the socket, nobody is an approver. There --break-glass
with --reason approves all the same, and everybody is told.`,
		examples: []string{"requests", "approve 01KAZ4T9V5J8M2N3P4Q5R6S7T8"},
		who:      everyone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.RequestID]("request", args[0])
		if err != nil {
			return err
		}
		if err := c.checkGlass(breakGlass, reason); err != nil {
			return err
		}
		word := access.Word{Request: id, Verdict: access.VerdictApprove, Reason: reason, For: howLong.Duration}
		if digest != "" {
			if err := c.checkDigest(id, digest); err != nil {
				return err
			}
		}
		return c.decide(word)
	})
	cmd.Flags().Var(&howLong, "for", "for less time than was asked for")
	cmd.Flags().StringVar(&digest, "digest", "", "approve only what has this `DIGEST`")
	cmd.Flags().StringVar(&reason, "reason", "", "keep `TEXT` with the decision")
	cmd.Flags().BoolVar(&breakGlass, "break-glass", false, "on the bastion itself: approve without an approver, with --reason, announced loudly")
	return cmd
}

// checkGlass holds approvals over the socket to what the contract asks of
// them. An environment variable is no reason here: it must be typed.
func (c *call) checkGlass(breakGlass bool, reason string) error {
	switch {
	case c.roles != local && breakGlass:
		return access.Refuse(access.ReasonNotAllowed, "--break-glass is for the bastion's own command line", "Leave it out")
	case c.roles == local && !(breakGlass && access.Plain(reason, longest) != ""):
		return access.Refuse(access.ReasonNotAllowed, "nobody is an approver on the bastion itself",
			"In an emergency use --break-glass and --reason TEXT; everybody is told")
	}
	return nil
}

func (s *set) deny() *cobra.Command {
	var reason string
	cmd := s.command(spec{
		name:     "deny",
		args:     []string{"ID"},
		options:  "[--reason TEXT]",
		short:    "deny a request",
		long:     "Denies a pending request, with a reason that the one who asked will read. One\ndenial decides a request, whatever approvals it has.",
		examples: []string{`deny 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason "'not during the freeze'"`},
		who:      everyone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.RequestID]("request", args[0])
		if err != nil {
			return err
		}
		return c.decide(access.Word{Request: id, Verdict: access.VerdictDeny, Reason: c.because(reason)})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why; the one who asked reads it")
	return cmd
}

// decide hands the verdict to the desk and says what came of it.
func (c *call) decide(word access.Word) error {
	r, err := c.Desk.Decide(c.ctx, c.Actor, word)
	if err != nil {
		return err
	}
	id := word.Request
	who, what := string(r.Person), r.Target.String()
	switch r.State {
	case access.RequestApproved:
		length := exact(grantedFor(r))
		if r.Extends != "" {
			length += " more"
		}
		c.page.linef("approved: %s may use %s for %s (%s)", who, what, length, string(id))
		c.decidedOn(r)
	case access.RequestDenied:
		c.page.linef("denied: %s may not use %s (%s)", who, what, string(id))
	case access.RequestPending:
		c.page.linef("counted: %s still needs another approval for %s (%s)", who, what, string(id))
		c.decidedOn(r)
	default:
		return errors.New("a decision left the request " + string(r.State))
	}
	return nil
}

// checkDigest refuses an approval of something else than was read elsewhere.
// What a digest is about never changes, so nothing can come between.
func (c *call) checkDigest(id access.RequestID, digest string) error {
	r, err := c.Store.Request(c.ctx, id)
	if err != nil {
		return err
	}
	if r.Digest() != strings.ToLower(digest) {
		return access.Refuse(access.ReasonMalformed, "the request has another digest: it is not what you read", "Read it again: ssh bastion requests --json").About(string(id))
	}
	return nil
}

// decidedOn shows what an approval was about.
func (c *call) decidedOn(r access.Request) {
	c.page.linef("  kinds   %s", or(words(r.Kinds)))
	if r.Command != "" {
		c.page.linef("  command %s", r.Command)
	}
	c.page.linef("  from    %s, key %s", or(r.Source), or(r.Fingerprint))
	c.page.linef("  reason  %s", or(r.Reason))
	c.page.linef("  digest  %s", r.Digest())
}
