package console

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

// spec describes one command: for the help, for the check of its arguments
// and for the gate.
type spec struct {
	name     string
	args     []string // names of the arguments; "[NAME]" may be left out
	words    bool     // the last argument may be of several words: ssh takes their quotes away
	options  string   // of the synopsis
	short    string   // one line, lower case, no stop
	long     string
	examples []string // argument lists, each perhaps with a "# why" before it
	who      role     // who may use it at all
	copied   *copied  // of a command that takes a path; else nil
	notHere  string   // what to do instead at the socket, where it is not for it
	exit     string   // its exit statuses, where they are not the usual ones
}

// set builds the commands. Cobra's commands hold the values of their flags, so
// there is a new tree for each call. No completion functions are registered on
// flags: cobra keeps those in a global map for ever.
type set struct {
	prefix string          // what a person types before the command
	paths  bool            // whether commands take paths of this machine: its own command line only
	files  bool            // whether commands may write files of this machine
	lists  func(role) bool // whether the help lists a command for these
	run    func(cmd *cobra.Command, sp spec, args []string, do action) error
}

// action is what a command does.
type action func(c *call, args []string) error

// commands are all of them, in the order of the help.
func (s *set) commands() []*cobra.Command {
	all := []*cobra.Command{
		s.hosts(), s.whoami(), s.status(), s.connect(),
		s.request(), s.requests(), s.approve(), s.deny(), s.cancel(), s.review(),
		s.grants(), s.extend(), s.release(), s.revoke(),
		s.sessions(), s.watch(), s.kill(), s.replay(), s.search(), s.verify(), s.export(), s.note(), s.notes(), s.audit(), s.keys(), s.hold(), s.unhold(),
		s.lock(), s.unlock(),
		s.sshConfig(), s.knownHosts(),
	}
	if !s.paths { // the binary's own tui is another
		all = append(all, s.tui())
	}
	return all
}

// root is the tree's root: it explains, and knows what is unknown.
func (s *set) root(about string) *cobra.Command {
	root := &cobra.Command{
		Use:           "sallyport",
		Long:          about,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown(cmd, s.prefix, args[0])
			}
			return &usageError{text: "which command?", usage: s.typed("--help")}
		},
	}
	quietHelp(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return s.usage(cmd, err.Error())
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { s.help(cmd) })
	root.SetHelpCommand(s.helpCommand())
	return root
}

// command makes the cobra command of sp.
func (s *set) command(sp spec, do action) *cobra.Command {
	synopsis := strings.Join(append([]string{sp.name}, sp.args...), " ")
	if sp.options != "" {
		synopsis += " " + sp.options
	}
	cmd := &cobra.Command{
		Use:                   synopsis,
		DisableFlagsInUseLine: true,
		Short:                 sp.short,
		Long:                  sp.long,
		Example:               strings.Join(sp.examples, "\n"),
		Hidden:                s.lists != nil && !s.lists(sp.who),
		Args: func(cmd *cobra.Command, args []string) error {
			for i, name := range sp.args {
				if i >= len(args) && !strings.HasPrefix(name, "[") {
					return s.usage(cmd, "the "+name+" is missing")
				}
			}
			if len(args) > len(sp.args) && !sp.words {
				return s.usage(cmd, fmt.Sprintf("%q is one argument too many; a text of several words needs quotes", access.Plain(args[len(sp.args)], 60)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := s.run(cmd, sp, args, do)
			var misused *usageError
			if errors.As(err, &misused) {
				misused.usage = s.line(cmd)
			}
			return err
		},
		// Only what the set knows is completed: never file names.
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	if sp.exit != "" {
		cmd.Annotations = map[string]string{exitNote: sp.exit}
	}
	quietHelp(cmd)
	return cmd
}

// quietHelp makes --help known and unlisted: everybody knows it.
func quietHelp(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Hidden = true
}

// usageError is a command line that cannot be understood: exit status 2.
type usageError struct {
	text  string // may hold what was typed
	usage string
}

func (e *usageError) Error() string { return e.text }

// lines are what the person sees.
func (e *usageError) lines() string {
	text := access.Plain(e.text, 200)
	if !strings.HasSuffix(text, "?") {
		text += "."
	}
	return "sallyport: " + text + "\nusage: " + e.usage + "\n"
}

func (s *set) usage(cmd *cobra.Command, text string) error {
	return &usageError{text: text, usage: s.line(cmd)}
}

// line is how cmd is typed.
func (s *set) line(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return s.typed("COMMAND …")
	}
	return strings.TrimSpace(s.path(cmd.Parent()) + " " + cmd.Use)
}

// typed is how words are typed: with what comes before a command, if anything
// does.
func (s *set) typed(words string) string { return strings.TrimSpace(s.prefix + " " + words) }

// path is what a person types up to cmd, with it.
func (s *set) path(cmd *cobra.Command) string {
	return s.typed(strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name())))
}

// unknown says that there is no such command, and which may have been meant.
func unknown(root *cobra.Command, prefix, name string) error {
	text := fmt.Sprintf("there is no command %q", access.Plain(name, 40))
	usage := prefix + " --help"
	if prefix == "" { // in a shell
		usage = "help"
	}
	root.SuggestionsMinimumDistance = 2
	// Levenshtein costs the product of the lengths.
	if len(name) <= 64 {
		if near := root.SuggestionsFor(name); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
			return &usageError{text: text, usage: usage}
		}
	}
	return &usageError{text: text, usage: usage}
}
