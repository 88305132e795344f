package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

// prompt is what a shell shows when it waits for a line.
const prompt = "sallyport> "

func (s *set) tui() *cobra.Command {
	var inLines bool
	cmd := s.command(spec{
		name:    "tui",
		options: "[--plain]",
		short:   "the user interface; --plain for a screen reader",
		long: `Opens the user interface on your terminal, as "ssh bastion" does by itself.

With --plain it prints lines instead of drawing, for a screen reader, a braille
display or a slow line: it says what awaits you, and then runs the commands that
you type, as "ssh bastion COMMAND" would. Lists number their rows, and a number
stands for the ID beside it ("approve 2"), the same one as long as you stay. What
happens meanwhile is told before the next prompt, never while you type; Enter
alone asks for it. replay and watch print what was on the screen, line by line.
Nothing moves the cursor but the editing of the line that you type; where TERM
is dumb, nothing does, and --plain is what "ssh bastion" opens.

Ctrl-C ends a command, or drops the line; Ctrl-D or quit leaves.`,
		examples: []string{"tui", "tui --plain"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		switch {
		case c.stay != nil:
			return &usageError{text: "you are in it; help lists what you may type"}
		case !inLines && !c.Plain:
			return &usageError{text: "it needs a terminal (ssh -t bastion tui); --plain does without"}
		}
		return c.Console.shell(c.ctx, c.Call)
	})
	cmd.Flags().BoolVar(&inLines, "plain", false, "print lines, and draw nothing")
	return cmd
}

// shell is a person's stay: the console in lines. Each line is a command of the
// set, with the checks and the audit events that it has anywhere.
type shell struct {
	console *Console
	call    Call // but for its Args
	keys    *keyboard
	in      lines
	editor  *editor // that in is; nil if it is another
	numbers numbers
	news    news
}

// Shell is "tui --plain" by itself: it runs the lines that are typed at a call,
// whose Args mean nothing, and returns the exit status.
func (c *Console) Shell(ctx context.Context, in Call) int {
	return c.report(in, "tui", c.shell(ctx, in))
}

// shell serves the lines that are typed at a call until who types them leaves.
func (c *Console) shell(ctx context.Context, in Call) error {
	if in.Stdin == nil {
		return &usageError{text: "there is nobody to type here"}
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	in.Plain, in.Color = true, false
	in.Stderr = in.Stdout // one stream, or what is said comes after the next prompt
	sh := &shell{console: c, call: in, keys: newKeyboard(ctx, in.Stdin, in.Raw != nil)}
	sh.call.stay, sh.call.Stdin = sh, sh.keys
	switch {
	case in.Raw == nil:
		sh.in = newPiped(sh.keys, in.Stdout)
	case in.Raw.Dumb:
		sh.in = newTypewriter(sh.keys, in.Raw.Out)
	default:
		sh.editor = newEditor(sh.keys, in.Raw.Out, sh.names())
		sh.in = sh.editor
	}
	return sh.serve(ctx)
}

// serve greets, and runs line after line.
func (sh *shell) serve(ctx context.Context) error {
	sh.sayf("Sallyport, in lines. help lists what you may type, quit leaves.")
	sh.run(ctx, []string{"status"})
	for {
		sh.tell(ctx)
		if sh.editor != nil {
			sh.editor.resize(sh.call.Raw.Size())
		}
		line, err := sh.in.line()
		if err != nil {
			sh.sayf("")
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		words, err := Split(line)
		switch {
		case err != nil:
			sh.sayf("sallyport: %v.", err)
		case len(words) == 0:
		case words[0] == "quit", words[0] == "exit", words[0] == "logout":
			return nil
		case words[0] == "id":
			sh.showIDs(words[1:])
		default:
			sh.run(ctx, words)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// run runs one command, which Ctrl-C ends.
func (sh *shell) run(ctx context.Context, args []string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer sh.keys.during(stop)()
	call := sh.call
	call.Args = args
	sh.console.Run(ctx, call) // it has said how it went
}

// tell prints what has happened since it was asked the last time.
func (sh *shell) tell(ctx context.Context) {
	c, err := sh.console.newCall(ctx, sh.call)
	var now affairs
	if err == nil {
		now, err = c.affairs()
	}
	if err != nil {
		if ctx.Err() == nil {
			sh.console.report(sh.call, "news", err)
		}
		return
	}
	for _, line := range sh.news.since(c, now) {
		c.page.linef("%s", line)
	}
}

// showIDs prints the IDs that numbers stand for.
func (sh *shell) showIDs(typed []string) {
	if len(typed) == 0 {
		sh.sayf("usage: id NUMBER …")
	}
	for _, n := range typed {
		if id, err := sh.numbers.id(n); err != nil {
			sh.sayf("sallyport: %v.", err)
		} else {
			sh.sayf("%s", access.Plain(id, 40))
		}
	}
}

// sayf prints a line. One that cannot be written is not lamented: the next read
// ends.
func (sh *shell) sayf(format string, args ...any) {
	fmt.Fprintf(sh.call.Stdout, format+"\n", args...)
}

// names are what Tab completes.
func (sh *shell) names() []string {
	names := []string{"help", "quit", "id"}
	c, err := sh.console.newCall(context.Background(), sh.call)
	if err != nil {
		return names
	}
	s := &set{lists: func(who role) bool { return c.roles&who != 0 }}
	for _, cmd := range sh.console.offered(s) {
		if !cmd.Hidden {
			names = append(names, cmd.Name())
		}
	}
	return names
}

// shellQuotes takes the quotes for ssh off the examples of the help: here words
// are split once.
var shellQuotes = strings.NewReplacer(`"'`, `'`, `'"`, `'`)
