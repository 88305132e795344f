package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

// typist sits at a shell: it awaits what is shown and types.
type typist struct {
	t    testing.TB
	keys *io.PipeWriter
	done chan int

	mu    sync.Mutex
	moved *sync.Cond
	shown bytes.Buffer
	read  int // of shown, what was awaited already
}

func (y *typist) Write(p []byte) (int, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	defer y.moved.Broadcast()
	return y.shown.Write(p)
}

// sit opens a shell for who; change makes a terminal of it.
func (w *world) sit(t testing.TB, who string, change func(*console.Call)) *typist {
	t.Helper()
	in, keys := io.Pipe()
	y := &typist{t: t, keys: keys, done: make(chan int, 1)}
	y.moved = sync.NewCond(&y.mu)
	call := console.Call{Actor: actor(who), Args: []string{"tui", "--plain"}, Stdin: in, Stdout: y, Stderr: y}
	if change != nil {
		change(&call)
	}
	if call.Raw != nil {
		call.Raw.Out, call.Raw.Size = y, func() console.Size { return *call.Terminal }
	}
	go func() {
		exit := w.Run(t.Context(), call)
		_ = in.CloseWithError(io.ErrClosedPipe) // nobody reads any more
		y.done <- exit
	}()
	t.Cleanup(func() { _ = keys.Close() })
	return y
}

// sees awaits text beyond what was awaited before, and gives what came until
// its end.
func (y *typist) sees(text string) string {
	y.t.Helper()
	late := time.AfterFunc(20*time.Second, func() { y.mu.Lock(); y.read = -1; y.mu.Unlock(); y.moved.Broadcast() })
	defer late.Stop()
	y.mu.Lock()
	defer y.mu.Unlock()
	for {
		if y.read < 0 {
			y.t.Fatalf("no %q in %q", text, y.shown.String())
		}
		rest := y.shown.String()[y.read:]
		if i := strings.Index(rest, text); i >= 0 {
			y.read += i + len(text)
			return rest[:i+len(text)]
		}
		y.moved.Wait()
	}
}

func (y *typist) types(keys string) {
	y.t.Helper()
	if _, err := io.WriteString(y.keys, keys); err != nil {
		y.t.Fatal(err)
	}
}

// does types a line, awaits the next prompt, and gives what came between.
func (y *typist) does(line string) string {
	y.t.Helper()
	y.types(line + "\n")
	return strings.TrimSuffix(y.sees(shellPrompt), shellPrompt)
}

const shellPrompt = "sallyport> "

// The shell greets with what awaits, and its numbers stand for what was shown
// beside them for as long as it lasts.
func TestShell(t *testing.T) {
	w := newWorld(t)
	y := w.sit(t, "bob", nil)
	greeting := y.sees(shellPrompt)
	for _, want := range []string{"help lists", "Requests that wait for your word: 1.", "1: alice, root@db1 for 1h30m, 27m left: restore the index"} {
		if !strings.Contains(greeting, want) {
			t.Errorf("the greeting lacks %q:\n%s", want, greeting)
		}
	}
	// Another request comes, and is listed first: 1 is still the one before.
	another := w.requests[0]
	another.ID, another.Reason = nowhereID, "new \x1b[31m\u202e one"
	w.requests = append([]access.Request{another}, w.requests...)
	if got := y.does(""); got != "New request that waits for your word, 2: alice, root@db1 for 1h30m, 27m left: new [31m one\n" {
		t.Errorf("news %q", got)
	}
	if got := y.does(""); got != "" {
		t.Errorf("the same news again: %q", got)
	}
	list := y.does("requests")
	if !regexp.MustCompile(`(?m)^#  PERSON.*\n^2  alice .*\n^1  alice `).MatchString(list) || strings.Contains(list, pendingID) {
		t.Errorf("the list:\n%s", list)
	}
	y.does("approve 1")
	y.does("deny 2 --reason 'no, not now'")
	if want := "approve bob " + pendingID + ` "";deny bob ` + nowhereID + ` "no, not now"`; strings.Join(w.asked, ";") != want {
		t.Errorf("the desk was asked %q, want %q", w.asked, want)
	}
	for line, want := range map[string]string{
		"approve 77":    "nothing was listed here with the number 77",
		"approve 'x":    "a single quote is not closed",
		"aprove 1":      `there is no command "aprove"; did you mean approve?`,
		"replay 1":      "replay is for auditors",
		"id 1":          pendingID,
		"help deny":     "deny ID [--reason TEXT]\n",
		"tui":           "you are in it",
		"help":          `"help COMMAND" explains one.`,
		"sessions -x":   "usage: sessions [--person NAME]",
		"kill --help":   "kill 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason 'wrong window'",
		"ssh-config -h": "NAME\n    ssh-config",
	} {
		if got := y.does(line); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	w.mu.Lock()
	asked := len(w.asked)
	w.mu.Unlock()
	if asked != 2 {
		t.Errorf("the desk was asked %q", w.asked)
	}
	y.types("quit\n")
	if exit := <-y.done; exit != 0 {
		t.Errorf("exit %d", exit)
	}
}

// What becomes of one's own requests and grants is told before the next prompt,
// once.
func TestShellTellsNews(t *testing.T) {
	w := newWorld(t)
	y := w.sit(t, "alice", nil)
	if got := y.sees(shellPrompt); !strings.Contains(got, "Your requests that wait for somebody: 1.") || !strings.Contains(got, "2: root@db1, 20m left") {
		t.Errorf("the greeting:\n%s", got)
	}
	w.requests[0].State = access.RequestDenied
	w.requests[0].Decisions = []access.Decision{{Person: "bob", Verdict: access.VerdictDeny, Reason: "the freeze"}}
	if got := y.does(""); got != "Your request for root@db1: denied by bob (the freeze)\n" {
		t.Errorf("news %q", got)
	}
	w.grants[0].NotAfter = now.Add(4 * time.Minute)
	if got := y.does(""); got != "Your grant for root@db1 ends in 4m\n" {
		t.Errorf("news %q", got)
	}
	w.grants[0].State = access.GrantRevoked
	if got := y.does("whoami"); !strings.HasSuffix(got, "Your grant for root@db1 is over: revoked\n") {
		t.Errorf("news %q", got)
	}
	if got := y.does(""); got != "" {
		t.Errorf("old news: %q", got)
	}
	_ = y.keys.Close() // the end of input is leaving
	if exit := <-y.done; exit != 0 {
		t.Errorf("exit %d", exit)
	}
}

// At a dumb terminal keys are echoed and taken back without an escape sequence,
// and Ctrl-C drops the line.
func TestShellAtADumbTerminal(t *testing.T) {
	w := newWorld(t)
	y := w.sit(t, "carol", func(c *console.Call) {
		c.Raw, c.Terminal, c.Color = &console.Raw{Dumb: true}, &console.Size{Cols: 80, Rows: 24}, true
	})
	y.sees(shellPrompt)
	y.types("whoäm\x7f\x7f\x7f\x7f\x7fwhoamJ\x08i\x1b[A\x1bOP\r")
	if got := y.sees("key is for"); strings.Contains(got, "\x1b") || !strings.Contains(got, "m\b \b\b \b") {
		t.Errorf("echo %q", got)
	}
	y.sees(shellPrompt)
	y.types("approve 1\x03")
	y.sees("^C\r\n" + shellPrompt)
	y.types("日本x y\x17\x17 kill\x15hosts\r\n")
	y.sees("no hosts")
	y.sees(shellPrompt)
	y.types("replay " + sealedID + "\r") // there are no files in this world: it fails, and says so
	y.sees("sallyport: failed")
	y.sees(shellPrompt)
	y.types("\x04")
	if exit := <-y.done; exit != 0 {
		t.Errorf("exit %d", exit)
	}
	if len(w.asked) != 0 {
		t.Errorf("the desk was asked %q", w.asked)
	}
	for _, r := range y.shown.String() {
		if unicode.IsControl(r) && !strings.ContainsRune("\r\n\b", r) {
			t.Fatalf("the output holds %q: %q", r, y.shown.String())
		}
	}
}

// At a terminal there are editing, a history and completion; nothing draws but
// the line that is typed.
func TestShellEdits(t *testing.T) {
	w := newWorld(t)
	y := w.sit(t, "carol", func(c *console.Call) { c.Raw, c.Terminal = &console.Raw{}, &console.Size{Cols: 80, Rows: 24} })
	y.sees(shellPrompt)
	y.types("hoami\x01w\r")
	y.sees("key is for")
	y.sees(shellPrompt)
	y.types("who\t\r")
	y.sees("key is for")
	y.sees(shellPrompt)
	y.types("nonsense\x03")
	y.sees(shellPrompt)
	y.types("\x1b[A\x1b[A\r") // up twice: the lines before, and no empty one
	if got := y.sees("key is for"); strings.Contains(got, "there is no command") {
		t.Errorf("%q", got)
	}
	y.sees(shellPrompt)
	y.types("\x0c\x1b[" + strings.Repeat("1", 5000)) // clearing, and a sequence without end
	y.types("\x03")
	y.sees(shellPrompt)
	y.types("whoami\r")
	y.sees("key is for")
	y.types("quit\r")
	if exit := <-y.done; exit != 0 {
		t.Errorf("exit %d", exit)
	}
	if shown := y.shown.String(); strings.Contains(shown, "\x1b[2J") || strings.Contains(shown, "\x1b[H") {
		t.Errorf("the screen was cleared: %q", shown)
	}
}

// Ctrl-C ends the command that runs and what was typed ahead, and nothing else.
func TestShellInterrupts(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(w.dir, "2026", "11", "22", liveID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cast := `{"version":2,"width":80,"height":24}` + "\n" + `[0.1,"o","$ ls\r\n\u001b]0;evil\u0007done\r\n"]` + "\n"
	if err := os.WriteFile(filepath.Join(folder, "session.cast"), []byte(cast), 0o600); err != nil {
		t.Fatal(err)
	}
	y := w.sit(t, "carol", func(c *console.Call) { c.Raw, c.Terminal = &console.Raw{Dumb: true}, &console.Size{Cols: 80, Rows: 24} })
	y.sees(shellPrompt)
	y.types("sessions\r")
	y.sees("1  live ")
	y.sees(shellPrompt)
	y.types("watch 1\r")
	if got := y.sees("done\n"); !strings.HasSuffix(got, "$ ls\ndone\n") {
		t.Errorf("watching shows %q", got)
	}
	y.types("kill 1\r\x03")
	y.sees(shellPrompt)
	y.types("whoami\r")
	y.sees("key is for")
	y.types("quit\r")
	<-y.done
	if got := strings.Join(w.asked, ";"); got != "watch carol "+liveID+";leave "+liveID {
		t.Errorf("the desk was asked %q", got)
	}
}

// A session that connect opens has all that is typed until it gives the keyboard
// back, Ctrl-C as well, and takes nothing after that.
func TestShellLendsItsKeyboard(t *testing.T) {
	w := newWorld(t)
	got := make(chan string, 1)
	y := w.sit(t, "alice", func(c *console.Call) {
		c.Raw, c.Terminal = &console.Raw{Dumb: true}, &console.Size{Cols: 80, Rows: 24}
		c.Connect = func(_ context.Context, in io.ReadCloser, to access.Trip) access.Return {
			got <- "begun"
			typed := make([]byte, 9)
			_, err := io.ReadFull(in, typed)
			late := make(chan error)
			go func() {
				_, err := in.Read(make([]byte, 9))
				late <- err
			}()
			err = errors.Join(err, in.Close())
			if e := <-late; e != io.EOF {
				err = errors.Join(err, fmt.Errorf("the read under way ended with %v", e))
			}
			got <- fmt.Sprintf("%s %q %v", to.Target, typed, err)
			return access.Return{Status: 7}
		}
	})
	y.sees(shellPrompt)
	y.types("connect root@db1\r")
	<-got // Ctrl-C before that would end the command
	y.types("ls\r\x03exit\r")
	if got := <-got; got != `root@db1 "ls\r\x03exit\r" <nil>` {
		t.Error(got)
	}
	y.sees(shellPrompt)
	y.types("whoami\r")
	y.sees("key is for")
}

// Without somebody who types there is no shell, and without a terminal no other
// user interface.
func TestTUICommand(t *testing.T) {
	w := newWorld(t)
	if got := w.as(t, "alice", "tui"); got.exit != 2 || !strings.Contains(got.err, "ssh -t bastion tui") {
		t.Errorf("%+v", got)
	}
	if got := w.as(t, "alice", "tui --plain"); got.exit != 2 || !strings.Contains(got.err, "nobody to type") {
		t.Errorf("%+v", got)
	}
	golden(t, "help-tui", w.as(t, "alice", "tui --help").out)
	golden(t, "status", w.as(t, "alice", "status").out+w.as(t, "bob", "status").out+w.as(t, "carol", "status").out+w.as(t, "eve", "status").out+w.as(t, "local", "status").out)
}
