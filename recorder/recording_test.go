package recorder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/recorder"
)

// bench is a recorder on a scratch directory.
type bench struct {
	*recorder.Recorder
	index *index
	dir   string
}

func newBench(t testing.TB, change ...func(*recorder.Config)) *bench {
	t.Helper()
	return openBench(t, t.TempDir(), newIndex(), change...)
}

func openBench(t testing.TB, dir string, x *index, change ...func(*recorder.Config)) *bench {
	t.Helper()
	c := recorder.Config{
		Dir: filepath.Join(dir, "recordings"), KeyDir: filepath.Join(dir, "keys"),
		BastionID: "bastion-1", Index: x, Reserve: -1,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, f := range change {
		f(&c)
	}
	r, err := recorder.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{r, x, dir}
}

func session(terminal bool) access.Session {
	return access.Session{
		ID: access.SessionID(ulid.Make().String()), Person: "alice",
		Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: terminal,
	}
}

func (b *bench) start(t testing.TB, terminal bool) *recorder.Recording {
	t.Helper()
	rec, err := b.Start(context.Background(), session(terminal), recorder.Shape{Cols: 80, Rows: 24, Term: "xterm-256color"})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func seal(t testing.TB, rec *recorder.Recording) access.Session {
	t.Helper()
	status := 0
	s, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit, ExitStatus: &status})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) folder(s access.Session) string { return b.Folder(s.Recording) }

// output is all that a cast shows.
func output(t testing.TB, path string) string {
	t.Helper()
	r, err := recorder.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var sb strings.Builder
	for ev, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Code == recorder.CodeOutput {
			sb.WriteString(ev.Data)
		}
	}
	return sb.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTerminalSession(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("caf\xc3")))
	check(t, rec.Stdout([]byte("\xa9 \x1b[31mred\x1b[0m \"q\" \\ \u2028 \x7f\r\n")))
	check(t, rec.Resize(132, 50))
	check(t, rec.Marker("five minutes left"))
	check(t, rec.Stdin([]byte("hunter2\r")))
	check(t, rec.Stdout([]byte("bad \xff\xfe byte\r\n")))
	check(t, rec.Event(recorder.Event{Kind: "forward", Destination: "127.0.0.1:5432", Bytes: 12}))
	if live := output(t, dir); !strings.HasPrefix(live, "café ") {
		t.Errorf("a live recording shows %q", live)
	}
	s := seal(t, rec)

	want := "café \x1b[31mred\x1b[0m \"q\" \\ \u2028 \x7f\r\nbad \uFFFD\uFFFD byte\r\n"
	if got := output(t, dir); got != want {
		t.Errorf("output\n%q, want\n%q", got, want)
	}
	if s.State != access.SessionSealed || s.BytesIn != 8 || s.EndCause != access.EndExit || s.EndedAt.IsZero() {
		t.Errorf("sealed as %+v", s)
	}
	if _, err := os.Stat(filepath.Join(dir, "stdin.ndjson")); err == nil {
		t.Error("what was typed on a terminal was recorded")
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if m.Sequence != 1 || m.Counts.Events != 5 || m.Counts.Resizes != 1 || m.Counts.Markers != 1 {
		t.Errorf("manifest %+v", m)
	}
	if err := rec.Stdout([]byte("x")); err != recorder.ErrSealed {
		t.Errorf("write after seal: %v", err)
	}
	modes(t, b.dir)
}

// modes: folders 0700, files 0600.
func modes(t *testing.T, root string) {
	t.Helper()
	check(t, filepath.WalkDir(filepath.Join(root, "recordings"), func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err == nil && fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o", p, fi.Mode().Perm())
		}
		return err
	}))
}

// The cast plays in asciinema 2.2, which is strict about what it accepts.
func TestAsciinemaReadsIt(t *testing.T) {
	tool := tooltest.Path(t, "asciinema")
	b := newBench(t)
	rec := b.start(t, true)
	var want strings.Builder
	for i := range 300 {
		text := fmt.Sprintf("line %d \x00\x07\x1b]0;t\x07 日本語 👩‍👩‍👧 \u2028\u0085 \"\\/\r\n", i)
		want.WriteString(text)
		for j := 0; j < len(text); j += 5 {
			check(t, rec.Stdout([]byte(text[j:min(j+5, len(text))])))
		}
	}
	check(t, rec.Stderr([]byte("an error\xff\r\n")))
	want.WriteString("an error\uFFFD\r\n")
	check(t, rec.Resize(100, 30))
	check(t, rec.Marker("mark"))
	s := seal(t, rec)
	cmd := exec.Command(tool, "cat", filepath.Join(b.folder(s), "session.cast"))
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	// It insists on a controlling terminal, and reads nothing from it.
	ptmx, tty, err := pty.Open()
	check(t, err)
	defer ptmx.Close()
	defer tty.Close()
	cmd.Stdin = tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	got, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("asciinema: %v: %s", err, exit.Stderr)
	}
	if string(got) != want.String() {
		t.Errorf("asciinema shows %d bytes, want %d", len(got), want.Len())
	}
}

// Streams, resizes and events come from several goroutines at once.
func TestConcurrentWriters(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = b.Run(ctx) })
	rec := b.start(t, false)
	var wg sync.WaitGroup
	const n = 200
	for _, write := range []func([]byte) error{rec.Stdout, rec.Stderr, rec.Stdin} {
		wg.Go(func() {
			for range n {
				if err := write([]byte("0123456789\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range n {
			if err := rec.Resize(80+i, 24); err != nil {
				t.Error(err)
			}
			if err := rec.Event(recorder.Event{Kind: "env", Detail: "LANG"}); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	s := seal(t, rec)
	cancel()
	run.Wait()
	if got := output(t, b.folder(s)); len(got) != 2*n*11 {
		t.Errorf("%d bytes of output", len(got))
	}
	if s.BytesOut != 2*n*11 || s.BytesIn != n*11 {
		t.Errorf("counts %d out, %d in", s.BytesOut, s.BytesIn)
	}
}

// Beyond the limit a stream is told by digest, count and the last MiB.
func TestExecLimit(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 100_000 })
	rec := b.start(t, false)
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	for p := data; len(p) > 0; {
		n := min(len(p), 100_003)
		check(t, rec.Stdout(p[:n]))
		check(t, rec.Stdin(p[:n]))
		p = p[n:]
	}
	check(t, rec.Stderr([]byte("small\n")))
	s := seal(t, rec)
	dir := b.folder(s)
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	for _, name := range []string{"stdin", "stdout"} {
		tail, err := os.ReadFile(filepath.Join(dir, name+".tail"))
		check(t, err)
		if string(tail) != string(data[len(data)-1<<20:]) {
			t.Errorf("%s.tail is not the last MiB", name)
		}
	}
	for _, st := range m.Streams {
		if st.Name == "stderr" {
			continue
		}
		if st.Bytes != int64(len(data)) || st.SHA256 != sum(data) || st.TailFrom != int64(len(data)-1<<20) ||
			st.Recorded > 100_000 || st.Recorded < 99_997 {
			t.Errorf("%+v", st)
		}
	}
	if len(m.Streams) != 3 {
		t.Errorf("%d streams", len(m.Streams))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.ring")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// Input of a session without a terminal is exact, whatever it holds.
func TestStdinIsExact(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, false)
	check(t, rec.Stdin([]byte("#!/bin/sh\necho é\n")))
	check(t, rec.Stdin([]byte{0, 1, 2, 0xff, 0xfe}))
	s := seal(t, rec)
	raw, err := os.ReadFile(filepath.Join(b.folder(s), "stdin.ndjson"))
	check(t, err)
	var codes, texts []string
	for line := range strings.Lines(string(raw)) {
		var ev [3]any
		check(t, json.Unmarshal([]byte(line), &ev))
		codes, texts = append(codes, ev[1].(string)), append(texts, ev[2].(string))
	}
	if fmt.Sprint(codes) != "[i b]" || texts[0] != "#!/bin/sh\necho é\n" || texts[1] != "AAEC//4=" {
		t.Errorf("%q %q", codes, texts)
	}
}

// Time in the cast is the monotonic one and never runs back.
func TestTimeNeverRunsBack(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := newBench(t, func(c *recorder.Config) { c.Now = func() time.Time { return now } })
	rec := b.start(t, true)
	for _, step := range []time.Duration{time.Second, -5 * time.Second, 1500 * time.Millisecond, 10 * time.Hour} {
		now = now.Add(step)
		check(t, rec.Stdout([]byte("x")))
	}
	s := seal(t, rec)
	r, err := recorder.Open(b.folder(s))
	check(t, err)
	defer r.Close()
	var at []time.Duration
	for ev, err := range r.Events() {
		check(t, err)
		at = append(at, ev.At)
	}
	if got := fmt.Sprint(at); got != "[1s 1s 1s 9h59m57.5s]" {
		t.Error(got)
	}
	if s.Recording != "2026/01/02/"+string(s.ID) {
		t.Error(s.Recording)
	}
}
