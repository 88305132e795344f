package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/handover"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/tui"
)

// screen serves what `ssh bastion` opens: a command, or with a terminal the
// user interface. It joins bastion's sessions to console and tui.
type screen struct {
	console  *console.Console
	desk     *approvals.Desk
	store    *store.Store
	policy   *policy.Live
	recorder *recorder.Recorder
	// advertise is where people reach the bastion.
	advertise string
	innerKey  bool // every inner login has to be proven
	now       access.Clock
	log       *slog.Logger
}

// Serve runs one console session.
func (s *screen) Serve(ctx context.Context, t bastion.Terminal) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args, err := console.Split(t.Command)
	if err != nil {
		fmt.Fprintf(t.Stderr, "sallyport: %v\r\n", err)
		return 2
	}
	dumb := t.PTY != nil && (t.PTY.Term == "dumb" || t.PTY.Term == "")
	if t.PTY != nil && len(args) == 0 {
		args = []string{"tui"}
	}
	opens := len(args) > 0 && args[0] == "tui"
	if opens && len(args) == 1 && t.PTY != nil && !dumb {
		return s.interactive(ctx, t)
	}
	identity := t.Identity
	call := console.Call{
		Actor: access.Actor{Person: identity.Person, Via: access.ViaConsole, Identity: &identity},
		Args:  args, Stdin: t.Stdin, Stdout: t.Stdout, Stderr: t.Stderr, Reason: t.Env["SALLYPORT_REASON"],
	}
	if t.PTY != nil {
		// The client's terminal is raw: lines end in CR LF, and Ctrl-C is a byte.
		call.Terminal = &console.Size{Cols: t.PTY.Size.Cols, Rows: t.PTY.Size.Rows}
		call.Color = !dumb && t.Env["NO_COLOR"] == ""
		call.Plain = dumb
		call.Stdout, call.Stderr = crlf{t.Stdout}, crlf{t.Stderr}
	}
	switch {
	case len(args) > 0 && args[0] == "connect":
		call.Connect = lending(t) // all of it: what is typed, Ctrl-C as well, and new sizes
	case opens && t.PTY != nil: // it reads Ctrl-C itself
		lent := newLatest(t)
		call.Raw = &console.Raw{Out: t.Stdout, Dumb: dumb, Size: func() console.Size { return console.Size(lent.now()) }}
		call.Connect, call.Answers = lent.connect, t.Answers
	case t.PTY != nil:
		call.Resizes = each(ctx, t.PTY.Resizes, func(z bastion.Size) console.Size { return console.Size(z) })
		call.Answers = t.Answers
		call.Stdin = interruptible(t.Stdin, cancel)
	}
	return s.console.Run(ctx, call)
}

// lending lets a command run a session to a host on all of its terminal.
func lending(t bastion.Terminal) func(context.Context, io.ReadCloser, access.Trip) access.Return {
	return func(ctx context.Context, _ io.ReadCloser, to access.Trip) access.Return {
		in := handover.New(t.Stdin)
		defer in.Close()
		return t.Connect(ctx, to, bastion.Lent{In: in.Lend(), Out: t.Stdout, Err: t.Stderr, PTY: t.PTY})
	}
}

// interactive shows the user interface.
func (s *screen) interactive(ctx context.Context, t bastion.Terminal) int {
	current := s.policy.Current()
	person, ok := current.Person(t.Identity.Person)
	if !ok {
		fmt.Fprintf(t.Stderr, "%s\r\n", access.Refuse(access.ReasonRemoved, "you are no longer known here", "Ask the operator").Line())
		return 254
	}
	roles := current.Role(person)
	identity := t.Identity
	actor := access.Actor{Person: person.Name, Via: access.ViaConsole, Identity: &identity}
	env := make([]string, 0, len(t.Env)+1)
	for name, value := range t.Env {
		env = append(env, name+"="+value)
	}
	err := tui.Run(ctx, tui.Config{
		Actor:    actor,
		Roles:    tui.Roles{Auditor: roles.Auditor, Approver: roles.Approver},
		Sessions: s.watchable(), Requests: s.store, Grants: s.store, Desk: s.desk, ExportCommand: exportCommand(sshTo(s.advertise)),
		Open:      s.opening(actor, t.Answers),
		Search:    s.searching(actor),
		Notice:    s.desk.Notice,
		Files:     files(s.store),
		Trail:     trails(s.recorder.Folder),
		MayKill:   s.mayKill(actor),
		Notes:     s.store.Notes,
		AddNote:   s.noting(actor),
		Verify:    s.verify,
		Rights:    s.rights(person.Name),
		MayDecide: s.mayDecide(person.Name),
		Connect:   connecting(t),
		Terminal: tui.Terminal{
			In: t.Stdin, Out: t.Stdout, Env: append(env, "TERM="+t.PTY.Term),
			Size: tui.Size(t.PTY.Size), Resizes: each(ctx, t.PTY.Resizes, func(z bastion.Size) tui.Size { return tui.Size(z) }),
		},
		Now: s.now, Log: s.log,
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("user interface", "person", person.Name, "err", err)
		fmt.Fprintf(t.Stderr, "%s\r\n", access.AsError(err).Line())
		return 255
	}
	return 0
}

// connecting runs sessions to hosts on the terminal that the interface lends.
func connecting(t bastion.Terminal) func(context.Context, access.Trip, tui.Lent) access.Return {
	return func(ctx context.Context, to access.Trip, on tui.Lent) access.Return {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		pty := *t.PTY
		pty.Size, pty.Resizes = bastion.Size(on.Size), each(ctx, on.Resizes, func(z tui.Size) bastion.Size { return bastion.Size(z) })
		// What we say goes the way of what the host says: a client writes the
		// two streams in no order, and the screen has only just left.
		return t.Connect(ctx, to, bastion.Lent{In: on.In, Out: on.Out, Err: on.Out, PTY: &pty})
	}
}

// rights lists where a person may go, under the policy in force when asked.
func (s *screen) rights(name access.PersonName) func(context.Context) ([]tui.Right, error) {
	return func(context.Context) ([]tui.Right, error) {
		current := s.policy.Current()
		person, ok := current.Person(name)
		if !ok {
			return nil, access.Refuse(access.ReasonRemoved, "you are no longer known here", "Ask the operator")
		}
		var list []tui.Right
		for _, r := range current.Rights(person) {
			if r.Outcome != policy.Standing && r.Outcome != policy.NeedsApproval {
				continue
			}
			var approvers []string
			for _, a := range current.Approvers(r.Rule, person) {
				approvers = append(approvers, string(a.Name))
			}
			list = append(list, tui.Right{
				Target:  access.Target{Login: r.Login, Host: r.Host.Name},
				Aliases: r.Host.Aliases, Labels: r.Host.Labels, Rule: r.Rule.Name, May: r.May, Watched: r.Rule.Watch == access.WatchRequired,
				Standing: r.Outcome == policy.Standing, Approve: strings.Join(approvers, ", "),
				Elsewhere: s.innerKey || current.NeedsProof(person, r.Host, r.Login),
			})
		}
		return list, nil
	}
}

// mayDecide tells an approver which requests are theirs to decide. The desk
// checks again.
func (s *screen) mayDecide(name access.PersonName) func(access.Request) bool {
	return func(r access.Request) bool {
		current := s.policy.Current()
		rule, ok := current.Rule(r.Rule)
		asker, known := current.Person(r.Person)
		if !ok || !known {
			return false
		}
		for _, a := range current.Approvers(rule, asker) {
			if a.Name == name {
				return true
			}
		}
		return false
	}
}

// each hands on what comes, as something else, until ctx ends. Of sizes the
// latest counts, and in keeps no other.
func each[A, B any](ctx context.Context, in <-chan A, as func(A) B) <-chan B {
	out := make(chan B)
	go func() {
		for {
			select {
			case a := <-in:
				select {
				case out <- as(a):
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// crlf ends lines as a raw terminal wants them.
type crlf struct{ w io.Writer }

func (c crlf) Write(p []byte) (int, error) {
	if _, err := c.w.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// interruptible reads ahead, so that Ctrl-C, which arrives as a byte where
// there is a terminal, ends a command that reads nothing. What is typed beyond
// a small buffer is dropped; commands read keys, not text.
func interruptible(r io.Reader, interrupt context.CancelFunc) io.Reader {
	typed := make(chan []byte, 16)
	go func() { // ends with the session, which closes r
		defer close(typed)
		for {
			p := make([]byte, 64)
			n, err := r.Read(p)
			if bytes.IndexByte(p[:n], 3) >= 0 {
				interrupt()
			}
			select {
			case typed <- p[:n]:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return &keys{typed: typed}
}

// keys gives what was typed.
type keys struct {
	typed <-chan []byte
	rest  []byte
}

func (k *keys) Read(p []byte) (int, error) {
	for len(k.rest) == 0 {
		next, ok := <-k.typed
		if !ok {
			return 0, io.EOF
		}
		k.rest = next
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
