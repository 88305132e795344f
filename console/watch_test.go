package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

const patience = 30 * time.Second

// growing is the cast of the live session, while it is written.
type growing struct {
	t    *testing.T
	f    *os.File
	next int
}

func (w *world) growing(t *testing.T) *growing {
	t.Helper()
	dir := filepath.Join(w.dir, "2026", "11", "22", liveID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "session.cast"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	fmt.Fprintln(f, `{"version":2,"width":20,"height":5,"timestamp":1}`)
	return &growing{t: t, f: f}
}

func (g *growing) out(text string) {
	g.t.Helper()
	g.next++
	data, err := json.Marshal(text)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(g.f, "[%d, \"o\", %s]\n", g.next, data); err != nil {
		g.t.Fatal(err)
	}
}

// over closes the live session.
func (w *world) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.sessions {
		if w.sessions[i].ID == liveID {
			w.sessions[i].State, w.sessions[i].EndCause = access.SessionSealed, access.EndExit
		}
	}
}

// output can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) await(t *testing.T, what string) {
	t.Helper()
	for late := time.Now().Add(patience); !strings.Contains(o.String(), what); {
		if time.Now().After(late) {
			t.Fatalf("no %q in %q", what, o.String())
		}
		<-time.After(10 * time.Millisecond)
	}
}

// watching runs watch in the background and gives its exit status.
func (w *world) watching(ctx context.Context, call console.Call) <-chan int {
	exit := make(chan int, 1)
	call.Actor, call.Args = actor("carol"), []string{"watch", liveID}
	go func() { exit <- w.Run(ctx, call) }()
	return exit
}

func awaitExit(t *testing.T, exit <-chan int, want int) {
	t.Helper()
	select {
	case got := <-exit:
		if got != want {
			t.Errorf("exit %d, want %d", got, want)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// Without a terminal, a line comes when it is complete, and the last with the
// end of the session. Nothing of it is raw.
func TestWatchPrintsLines(t *testing.T) {
	w := newWorld(t)
	cast := w.growing(t)
	cast.out("$ ls\r\n\x1b[31mred\x1b[0m")
	var out, errOut output
	exit := w.watching(t.Context(), console.Call{Stdout: &out, Stderr: &errOut})
	out.await(t, "$ ls\n")
	if strings.Contains(out.String(), "red") {
		t.Errorf("a line came before it was complete: %q", out.String())
	}
	cast.out(" apple\r\n\x1b]52;c;RVZJTA==\a$ a line that is wrapped over rows\r\n")
	out.await(t, "red apple\n$ a line that is wrapped over rows\n")
	cast.out("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\nexit")
	w.over()
	awaitExit(t, exit, 0)
	if want := "$ ls\nred apple\n$ a line that is wrapped over rows\n1\n2\n3\n4\n5\n6\nexit\n"; out.String() != want || errOut.String() != "" {
		t.Errorf("%q, want %q; %q", out.String(), want, errOut.String())
	}
	if want := []string{"watch carol " + liveID, "leave " + liveID}; !slices.Equal(w.asked, want) {
		t.Errorf("the desk was told %q, want %q", w.asked, want)
	}
}

// On a terminal without keys the picture is drawn until the caller goes, and
// the desk hears of it.
func TestWatchDraws(t *testing.T) {
	w := newWorld(t)
	cast := w.growing(t)
	cast.out("top\x1b]0;EVIL\a")
	ctx, gone := context.WithCancel(t.Context())
	var out, errOut output
	exit := w.watching(ctx, console.Call{Stdout: &out, Stderr: &errOut, Terminal: &console.Size{Cols: 40, Rows: 10}})
	out.await(t, "\x1b[1;1H\x1b[0mtop")
	cast.out("\r\nthen")
	out.await(t, "\x1b[2;1H\x1b[0mthen")
	gone()
	awaitExit(t, exit, 0)
	if !strings.Contains(out.String(), "\x1b[?1049l") || strings.Contains(out.String(), "EVIL") {
		t.Errorf("%q", out.String())
	}
	if len(w.asked) != 2 {
		t.Errorf("the desk was told %q", w.asked)
	}
}

// On a terminal with keys it is the viewer's, who asks the desk itself.
func TestWatchWithKeys(t *testing.T) {
	w := newWorld(t)
	w.Viewer = func(_ context.Context, c console.Call, s access.Session) error {
		_, err := fmt.Fprintln(c.Stdout, "viewing", s.ID)
		return err
	}
	got := w.as(t, "carol", "watch "+liveID, func(c *console.Call) {
		c.Terminal, c.Stdin = &console.Size{Cols: 40, Rows: 10}, strings.NewReader("")
	})
	if got.exit != 0 || got.out != "viewing "+liveID+"\n" || len(w.asked) != 0 {
		t.Errorf("%+v, desk %q", got, w.asked)
	}
}

// What cannot be watched shows nothing, and the person is not told of it.
func TestWatchRefuses(t *testing.T) {
	w := newWorld(t)
	if got := w.as(t, "carol", "watch "+sealedID); got.exit != 1 || !strings.Contains(got.err, "this session is over") {
		t.Errorf("%+v", got)
	}
	if got := w.as(t, "carol", "watch "+liveID); got.exit != 1 || !strings.Contains(got.err, "cannot be read") {
		t.Errorf("%+v", got)
	}
	if len(w.asked) != 0 {
		t.Errorf("the desk was told %q", w.asked)
	}
	w.growing(t).out("secret")
	w.deskErr = access.Refuse(access.ReasonNotAllowed, "only auditors may watch a session", "")
	if got := w.as(t, "carol", "watch "+liveID); got.exit != 1 || got.out != "" || !strings.Contains(got.err, "only auditors") {
		t.Errorf("%+v", got)
	}
}
