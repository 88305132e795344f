// Package console is the commands: one set, served over SSH ("ssh bastion
// COMMAND …"), over a unix socket to the admin of last resort, and, as the
// client of that socket, to the binary's own command line.
//
// It owns what a command is called, who may use it at all, what it prints and
// its exit status. It refuses to decide: whether this person may approve that
// request is the desk's to say, and the desk's to audit. It refuses to show
// anything raw that a person or a host wrote (invariant 10): text passes
// through page and printable, recordings through a screen.
//
// Start reading at [Console.Run]; then tree.go for how the set is built, gate.go
// for who may do what, and a file for each noun: request.go, grant.go,
// session.go, recording.go. server.go and client.go are the two ends of the
// socket, [Program] is the command line of the binary.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
)

// Exit statuses of commands, by contract.
const (
	exitDone    = 0
	exitNotDone = 1
	exitUsage   = 2
)

// Config is what a Console is made of. Everything is required, unless it says
// otherwise.
type Config struct {
	Desk       Desk
	Store      Store
	Policy     Directory
	Recordings string                // the directory that the paths of sessions are below
	Trust      func() recorder.Trust // the keys that sign recordings
	Keys       Keys                  // the same, to print and to rotate
	Advertise  string                // host:port that ssh-config and known-hosts print
	HostKeys   []ssh.PublicKey       // the bastion's own
	HostCA     ssh.PublicKey         // signs the keys that -J shows
	// Viewer shows a live session on the terminal of a call that has keys, Stdin;
	// it asks the desk itself. It returns when the person leaves or ctx ends.
	Viewer func(ctx context.Context, call Call, s access.Session) error
	// Copy is the folder that the sessions lie in, where they were copied from a
	// bastion; nil on one.
	Copy *Copy
	// Offers names the commands that there are; nil for all.
	Offers []string
	// Files: who calls is at this machine, and commands may write files for them.
	Files     bool
	BastionID string
	Now       access.Clock
	Log       *slog.Logger
}

// Console runs commands. It is safe for concurrent use.
type Console struct{ Config }

// New makes a Console.
func New(c Config) *Console { return &Console{c} }

// Size is a terminal's, in characters.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Call is one command line and where it comes from.
type Call struct {
	Actor access.Actor
	Args  []string
	// Stdin is read by replay and watch on a terminal only, for their keys, and
	// by tui --plain for its lines. It may be nil, and may still be in a read
	// when Run returns.
	Stdin          io.Reader
	Stdout, Stderr io.Writer   // lines end in \n; a raw terminal's owner translates
	Terminal       *Size       // of Stdout; nil when it is none
	Resizes        <-chan Size // later ones of Terminal; nil for none
	// Answers asks whoever sits at Terminal for a sign of life until ctx ends;
	// nil where nobody can be asked.
	Answers func(ctx context.Context) bool
	Color   bool // Stdout shows colour and nobody asked for none
	// Plain: nothing but lines, whatever Stdout is; nothing drawn, nothing cut.
	Plain  bool
	Reason string // from SALLYPORT_REASON; --reason goes first
	// Connect runs a session to a host on the caller's terminal, or on their
	// streams without one, and returns when it is over; nil where there are
	// none. In, unless it is nil, is what is typed there, and is closed then.
	Connect func(ctx context.Context, in io.ReadCloser, to access.Trip) access.Return
	Raw     *Raw // of tui --plain, the terminal that Stdin is typed at; nil without one

	stay *shell // that the command was typed at; nil for none
}

// Raw is a raw terminal, for a shell that edits the lines that are typed at it.
type Raw struct {
	Out  io.Writer
	Dumb bool        // it shows no escape sequence
	Size func() Size // as it is now
}

// draws reports whether a command may draw on the terminal of its call.
func (in Call) draws() bool { return in.Terminal != nil && !in.Plain }

// Run runs one command and returns its exit status: 0 done, 1 not done, 2 not
// understood, or that of the session of connect. What went wrong is one line on Stderr. ctx ends when whoever
// called has gone.
func (c *Console) Run(ctx context.Context, in Call) int {
	cl, err := c.newCall(ctx, in)
	if err != nil {
		return c.report(in, "", err)
	}
	name := ""
	s := &set{
		prefix: prefixOf(in),
		files:  c.Files,
		lists:  func(who role) bool { return cl.roles&who != 0 },
		run: func(_ *cobra.Command, sp spec, args []string, do action) error {
			name = sp.name
			if err := cl.gate(sp); err != nil {
				return err
			}
			args, err := cl.meant(sp, args)
			if err != nil {
				return err
			}
			if err := do(cl, args); err != nil {
				return err
			}
			return cl.page.err
		},
	}
	root := s.root("Sallyport: privileged access by ssh, approved and recorded.")
	root.AddCommand(c.offered(s)...)
	root.SetIn(strings.NewReader(""))
	root.SetOut(in.Stdout)
	root.SetErr(in.Stderr)
	// Nil would be the arguments of this process.
	root.SetArgs(append([]string{}, in.Args...))
	if err := c.missing(root, s, in.Args); err != nil {
		return c.report(in, "", err)
	}
	return c.report(in, name, root.ExecuteContext(ctx))
}

// missing says that a command is none, or is none of those here; cobra would
// blame its options first, and answer completions on this process's stderr.
func (c *Console) missing(root *cobra.Command, s *set, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || args[0] == "help" {
		return nil
	}
	named := func(cmd *cobra.Command) bool { return cmd.Name() == args[0] }
	switch {
	case slices.ContainsFunc(root.Commands(), named):
		return nil
	case slices.ContainsFunc(s.commands(), named):
		return access.Refuse(access.ReasonNotFound, args[0]+" is not for what is only read here", "Ask the bastion: ssh bastion "+args[0])
	}
	return unknown(root, s.prefix, args[0])
}

// offered are the commands that there are here.
func (c *Console) offered(s *set) []*cobra.Command {
	return slices.DeleteFunc(s.commands(), func(cmd *cobra.Command) bool {
		return c.Offers != nil && !slices.Contains(c.Offers, cmd.Name())
	})
}

// meant is what the arguments of a command stand for: numbers for IDs, and IDs
// for the folders of a copy.
func (c *call) meant(sp spec, args []string) ([]string, error) {
	if c.stay == nil {
		return args, nil
	}
	args, err := c.stay.numbers.spell(sp, args)
	if err != nil || c.Copy == nil || sp.copied == nil {
		return args, err
	}
	return args, c.Copy.means(c, sp.copied, args)
}

// prefixOf is what a person types before a command.
func prefixOf(in Call) string {
	switch {
	case in.stay != nil:
		return ""
	case in.Actor.Via == access.ViaSocket:
		return "sallyport"
	}
	return "ssh bastion"
}

// errNotDone ends a command with exit status 1 when it has said why itself.
var errNotDone = errors.New("not done")

// report tells the person, and the operator where it is ours, and gives the
// exit status.
func (c *Console) report(in Call, command string, err error) int {
	var misused *usageError
	var refused *access.Error
	var exit ExitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &misused):
		fmt.Fprint(in.Stderr, misused.lines())
		return exitUsage
	case errors.Is(err, errNotDone), errors.Is(err, context.Canceled):
		return exitNotDone
	}
	if !errors.As(err, &refused) || refused.Class == access.Failed {
		c.Log.Error("a command failed", "command", command, "actor", actorName(in.Actor), "err", err)
	}
	fmt.Fprintln(in.Stderr, access.Plain(access.AsError(err).Line(), longest))
	return exitNotDone
}

// call is one command in the making: the Call, and the policy as it was when
// it began.
type call struct {
	Call
	*Console
	ctx    context.Context
	policy *policy.Policy
	person access.Person // zero at the socket
	roles  role
	page   *page
}

func (c *Console) newCall(ctx context.Context, in Call) (*call, error) {
	p := c.Policy.Current()
	cl := &call{Call: in, Console: c, ctx: ctx, policy: p, page: &page{w: in.Stdout, color: in.Color, now: c.Now()}}
	if in.draws() {
		cl.page.cols = in.Terminal.Cols
	}
	if in.stay != nil {
		cl.page.numbers = &in.stay.numbers
	}
	var err error
	cl.person, cl.roles, err = rolesOf(p, in.Actor)
	return cl, err
}

// json writes v for a machine.
func (c *call) json(v any) error { return writeJSON(c.Stdout, v) }

// because is the reason given, by option or environment.
func (c *call) because(option string) string {
	if option != "" {
		return option
	}
	return c.Reason
}
