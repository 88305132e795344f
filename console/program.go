package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/sallyport/sallyport/access"
)

// Program is the command line of the binary: the commands of the set, which
// run in the server at the other end of the socket, and those that the binary
// alone has.
type Program struct {
	Version  string
	Commands []Command
	// Socket finds the socket of the server that the configuration file
	// describes; config is empty where nobody said --config.
	Socket func(config string) (path string, err error)

	// Stopped runs a call where no server answers, if it is one that needs none;
	// nil for none.
	Stopped func(ctx context.Context, config string, call Call) (exit int, ran bool, err error)

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(name string) string
}

// Command is one that the binary alone has, such as serve. It may have
// commands of its own instead of Run.
type Command struct {
	Name     string
	Args     []string // names of the arguments; "[NAME]" may be left out
	Short    string   // one line, lower case, no stop
	Long     string
	Examples []string
	Hidden   bool
	// Flags declares options; nil for none.
	Flags func(*flag.FlagSet)
	// Run gets the value of --config, empty where nobody said it. Its error
	// is shown in one line and ends in exit status 1; an [ExitError] says
	// which status, and is not shown.
	Run      func(ctx context.Context, config string, args []string) error
	Commands []Command
}

// ExitError ends the program with a status of its own; what there was to say
// has been said.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Run runs one command line (without the program's name) and returns the exit
// status. ctx ends at the first interrupt.
func (p Program) Run(ctx context.Context, args []string) int {
	var config string
	s := &set{prefix: "sallyport", paths: true}
	s.run = func(cmd *cobra.Command, sp spec, args []string, do action) error {
		if sp.copied != nil && sp.copied.names(args) {
			c := p.here(ctx)
			if err := do(c, args); err != nil {
				return err
			}
			return c.page.err
		}
		return p.remote(ctx, config, argv(cmd, sp, args))
	}
	root := s.root("Sallyport is an SSH bastion for privileged access: who may do what is decided by\nrule and by approval, each login has a certificate of its own, and every session\nis recorded.")
	root.Version = p.Version
	root.SetVersionTemplate("sallyport {{.Version}}\n")
	root.InitDefaultVersionFlag()
	if version := root.Flags().Lookup("version"); version != nil {
		version.Hidden = true
	}
	root.CompletionOptions.DisableDefaultCmd = false
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&config, "config", "", "read the configuration from `FILE` (default sallyport.yaml here, then in /etc/sallyport)")
	if err := root.MarkPersistentFlagFilename("config", "yaml", "yml"); err != nil {
		return p.fail(err)
	}
	for _, c := range p.Commands {
		root.AddCommand(s.local(c, &config))
	}
	root.AddCommand(s.commands()...)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetArgs(append([]string{}, args...)) // nil would be os.Args
	return p.fail(root.ExecuteContext(ctx))
}

// fail shows err and gives the exit status.
func (p Program) fail(err error) int {
	var misused *usageError
	var exit ExitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &misused):
		fmt.Fprint(p.Stderr, misused.lines())
		return exitUsage
	case errors.Is(err, errNotDone), errors.Is(err, context.Canceled):
		return exitNotDone
	}
	var refused *access.Error
	line := "sallyport: failed: " + err.Error()
	if errors.As(err, &refused) {
		line = refused.Line()
	}
	for part := range strings.SplitSeq(strings.TrimRight(line, "\n"), "\n") {
		fmt.Fprintln(p.Stderr, access.Plain(part, longest))
	}
	return exitNotDone
}

// local makes the cobra command of one that the binary alone has.
func (s *set) local(c Command, config *string) *cobra.Command {
	cmd := s.command(spec{name: c.Name, args: c.Args, short: c.Short, long: c.Long, examples: c.Examples}, nil)
	cmd.Hidden = c.Hidden
	cmd.ValidArgsFunction = nil // these take files
	if c.Flags != nil {
		flags := flag.NewFlagSet(c.Name, flag.ContinueOnError)
		c.Flags(flags)
		cmd.Flags().AddGoFlagSet(flags)
		if len(c.Commands) == 0 {
			cmd.Use += " [OPTIONS]"
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if c.Run == nil {
			return s.usage(cmd, "which command?")
		}
		return c.Run(cmd.Context(), *config, args)
	}
	for _, sub := range c.Commands {
		cmd.AddCommand(s.local(sub, config))
	}
	if len(c.Commands) > 0 {
		cmd.Use += " COMMAND"
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown(cmd, s.path(cmd), args[0])
			}
			return nil
		}
	}
	return cmd
}

// argv writes a parsed command line again, for the server: the command, the
// options that were given (never --config, which is not the server's), and
// the arguments.
func argv(cmd *cobra.Command, sp spec, args []string) []string {
	out := []string{sp.name}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if cmd.InheritedFlags().Lookup(f.Name) == nil {
			out = append(out, "--"+f.Name+"="+f.Value.String())
		}
	})
	return append(append(out, "--"), args...)
}

// remote runs args in the server.
func (p Program) remote(ctx context.Context, config string, args []string) error {
	path, err := p.Socket(config)
	if err != nil {
		return err
	}
	size := terminalSize(p.Stdout)
	call := Call{
		Actor:    access.Actor{LocalUID: os.Getuid(), Via: access.ViaSocket},
		Args:     args,
		Stdout:   p.Stdout,
		Stderr:   p.Stderr,
		Terminal: size,
		Color:    p.color(size),
		Plain:    p.Env("TERM") == "dumb",
		Reason:   p.Env("SALLYPORT_REASON"),
	}
	exit, err := Remote(ctx, path, call)
	if errors.Is(err, errNoServer) && p.Stopped != nil {
		if here, ran, failed := p.Stopped(ctx, config, call); ran {
			exit, err = here, failed
		}
	}
	if err != nil {
		return err
	}
	if exit != exitDone {
		return ExitError(exit)
	}
	return nil
}

// color reports whether colour is wanted on a terminal of a size; nil is none.
func (p Program) color(size *Size) bool {
	return size != nil && p.Env("NO_COLOR") == "" && p.Env("TERM") != "dumb"
}

// terminalSize is the size of the terminal that w is, or nil.
func terminalSize(w io.Writer) *Size {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	cols, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return nil
	}
	return &Size{Cols: cols, Rows: rows}
}
