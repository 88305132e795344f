package console

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand is "help [COMMAND]".
func (s *set) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "explain a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 || (len(args) > 0 && about == cmd.Root()) {
				return unknown(cmd.Root(), s.prefix, args[len(args)-max(len(rest), 1)])
			}
			s.help(about)
			return nil
		},
	}
}

// help writes a page in the manner of man(1) about cmd, or the list of
// commands for one that has some.
func (s *set) help(cmd *cobra.Command) {
	var b strings.Builder
	if cmd.HasAvailableSubCommands() {
		s.overview(&b, cmd)
	} else {
		s.manual(&b, cmd)
	}
	// A client that has gone needs no help.
	fmt.Fprint(cmd.OutOrStdout(), b.String())
}

// overview lists the commands of cmd.
func (s *set) overview(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "%s\n\nUSAGE\n    %s\n\nCOMMANDS\n", about(cmd), s.line(cmd))
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(b, "    %-12s %s\n", sub.Name(), sub.Short)
		}
	}
	if flags := cmd.LocalFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\nOPTIONS\n%s", indentOptions(flags))
	}
	if s.prefix == "" {
		b.WriteString("\n\"help COMMAND\" explains one. A number from a list stands for the ID beside it;\n\"id NUMBER\" shows that. Enter alone tells what is new, \"quit\" leaves.\n")
		return
	}
	fmt.Fprintf(b, "\n\"%s COMMAND --help\" explains one.\n", s.path(cmd))
}

// about is what cmd does, at the length there is.
func about(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short
}

// exitNote is where a command says what it exits with, if not with usualExits.
const (
	exitNote   = "exit"
	usualExits = "0  done\n1  not done; one line on standard error says why\n2  the command line was not understood\n"
)

// manual is the page of one command.
func (s *set) manual(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "NAME\n    %s - %s\n\n", cmd.Name(), cmd.Short)
	fmt.Fprintf(b, "SYNOPSIS\n    %s\n\n", s.line(cmd))
	fmt.Fprintf(b, "DESCRIPTION\n%s", indent(about(cmd)))
	if flags := cmd.LocalFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\nOPTIONS\n%s", indentOptions(flags))
	}
	if flags := cmd.InheritedFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\nOPTIONS OF ALL COMMANDS\n%s", indentOptions(flags))
	}
	if cmd.Example != "" {
		b.WriteString("\nEXAMPLES\n")
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			if s.prefix == "" {
				line = shellQuotes.Replace(line)
			} else if !strings.HasPrefix(line, "#") {
				line = s.prefix + " " + line
			}
			b.WriteString("    " + line + "\n")
		}
	}
	b.WriteString("\nEXIT STATUS\n" + indent(cmp.Or(cmd.Annotations[exitNote], usualExits)))
}

// indent sets text in by four blanks.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
	}
	return b.String()
}

// indentOptions sets long options in by four blanks, where pflag leaves room
// for short ones, of which there are none.
func indentOptions(usages string) string {
	return strings.ReplaceAll("\n"+usages, "\n      --", "\n    --")[1:]
}
