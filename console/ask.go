package console

import (
	"time"

	"github.com/spf13/cobra"
)

// asking is the options of who asks for access, be it new or more of it.
type asking struct {
	howLong    span
	reason     string
	breakGlass bool
	asJSON     bool
}

// askingOptions is how the synopsis has them.
const askingOptions = "[--for TIME] [--reason TEXT] [--break-glass] [--json]"

// declare adds the options; the texts say what a length and breaking glass mean
// to the command.
func (a *asking) declare(cmd *cobra.Command, howLong, breakGlass string) {
	cmd.Flags().Var(&a.howLong, "for", howLong)
	cmd.Flags().StringVar(&a.reason, "reason", "", "`TEXT` says why; the approvers read it")
	cmd.Flags().BoolVar(&a.breakGlass, "break-glass", false, breakGlass)
	cmd.Flags().BoolVar(&a.asJSON, "json", false, "print the request as JSON")
}

// length is what --for says, 0 for nothing.
func (a *asking) length() time.Duration { return a.howLong.Duration }
