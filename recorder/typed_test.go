package recorder_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sallyport/sallyport/recorder"
)

// hand is a clock that is moved by hand.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// typing begins a session at a terminal whose input is kept.
func typing(t *testing.T, change ...func(*recorder.Config)) (*bench, *recorder.Recording, *hand) {
	t.Helper()
	clock := &hand{now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	b := newBench(t, append(change, func(c *recorder.Config) { c.Now = clock.Now })...)
	rec, err := b.Start(t.Context(), session(true), recorder.Shape{Cols: 80, Rows: 24, Input: true})
	check(t, err)
	return b, rec, clock
}

// kept is what a folder has of the input, and when each piece was typed.
func kept(t *testing.T, dir string) (text string, at []float64) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "stdin.ndjson"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	check(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line []any
		check(t, json.Unmarshal(lines.Bytes(), &line))
		text += line[2].(string)
		at = append(at, line[0].(float64))
	}
	return text, at
}

func TestTypedIsKeptAsFarAsItWasShown(t *testing.T) {
	type step struct {
		in, out string
		wait    time.Duration
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"echoed at once", []step{{in: "l", out: "l"}, {in: "s", out: "s"}, {in: "\r", out: "\r\nfile\r\n$ "}}, "ls\r"},
		{"a paste, its echo in pieces", []step{{in: "ls\rpwd\r"}, {out: "l"}, {out: "s\r\n"}, {out: "pwd\r\n"}}, "ls\rpwd\r"},
		{"not echoed", []step{{in: "hunter2\r"}, {out: "\r\n", wait: 2 * time.Second}, {in: "x", out: "x"}}, "*******\rx"},
		{"echoed too late", []step{{in: "a"}, {out: "a", wait: 2 * time.Second}}, "*"},
		{"stars for echo", []step{{out: "key> "}, {in: "a", out: "*"}, {in: "b", out: "*"}}, "**"},
		{"asked for a password, and shown", []step{{out: "\x1b[1m[sudo] password for alice:\x1b[0m "}, {in: "geheim", out: "geheim"}, {in: "\r", out: "\r\n$ "}, {in: "id", out: "id"}}, "******\rid"},
		{"a password was asked for above", []step{{out: "Password: \r\n$ "}, {in: "id", out: "id"}}, "id"},
		{"keys that are no text", []step{{in: "\x1b[A", out: "ls"}, {in: "\x7f", out: "\b \b"}, {in: "\x03", out: "^C"}}, "\x1b[A\x7f\x03"},
		{"a line drawn anew", []step{{in: "l", out: "l"}, {in: "s", out: "\b\x1b[32ml\x1b[32ms\x1b[39m"}}, "ls"},
		{"characters of several bytes", []step{{in: "é日", out: "é日"}, {in: "ü"}}, "é日*"},
		{"given up with Ctrl-C", []step{{out: "Passphrase: "}, {in: "ab\x03", out: "^C\r\n$ "}, {in: "w", out: "w"}}, "**\x03w"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, rec, clock := typing(t)
			for _, s := range c.steps {
				clock.move(s.wait + time.Millisecond)
				if s.in != "" {
					check(t, rec.Stdin([]byte(s.in)))
				}
				if s.out != "" {
					check(t, rec.Stdout([]byte(s.out)))
				}
			}
			dir := b.folder(seal(t, rec))
			if got, _ := kept(t, dir); got != c.want {
				t.Errorf("kept %q, want %q", got, c.want)
			}
			if v, err := recorder.Verify(dir, b.Keys().Trust()); err != nil || v.Verdict != recorder.Intact {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

// A real line discipline: what it echoes is kept, what it does not is masked,
// and so is what answers to a prompt for a password even where it echoes.
func TestTypedAtARealTerminal(t *testing.T) {
	b, rec, _ := typing(t)
	script := `printf 'Name: '; read n; stty -echo; printf 'Go: '; read x; stty echo; printf '\nPassword: '; read y; echo over`
	tty, err := pty.Start(exec.Command("sh", "-c", script))
	check(t, err)
	defer tty.Close()
	screen := make(chan string, 1)
	awaited, answers := []string{"Name: ", "Go: ", "Password: ", "over"}, []string{"alice\r", "hunter2\r", "swordfish\r", ""}
	go func() {
		var seen strings.Builder
		buf := make([]byte, 1024)
		for {
			n, err := tty.Read(buf)
			if n > 0 {
				if err := rec.Stdout(buf[:n]); err != nil {
					t.Error(err)
				}
				seen.Write(buf[:n])
				for len(awaited) > 0 && strings.Contains(seen.String(), awaited[0]) {
					if err := rec.Stdin([]byte(answers[0])); err != nil {
						t.Error(err)
					}
					if _, err := tty.WriteString(answers[0]); err != nil {
						t.Error(err)
					}
					awaited, answers = awaited[1:], answers[1:]
				}
			}
			if err != nil { // EIO: the program has ended
				screen <- seen.String()
				return
			}
		}
	}()
	shown := <-screen
	dir := b.folder(seal(t, rec))
	if got, _ := kept(t, dir); got != "alice\r*******\r*********\r" {
		t.Errorf("kept %q; the screen showed %q", got, shown)
	}
}

// Moments are those at which keys were pressed, and time never runs back.
func TestTypedMoments(t *testing.T) {
	b, rec, clock := typing(t)
	for _, c := range "abc" {
		clock.move(time.Second / 4)
		check(t, rec.Stdin([]byte(string(c))))
	}
	check(t, rec.Stdout([]byte("abc")))
	text, at := kept(t, b.folder(seal(t, rec)))
	if text != "abc" || len(at) != 3 || at[0] != 0.25 || at[1] != 0.5 || at[2] != 0.75 {
		t.Errorf("kept %q at %v", text, at)
	}
}

// Who pastes much where nothing comes back costs no memory, and shows nothing.
func TestTypedIsBounded(t *testing.T) {
	b, rec, _ := typing(t)
	for range 100 {
		check(t, rec.Stdin([]byte(strings.Repeat("s", 1000))))
	}
	if got, _ := kept(t, filepath.Join(b.dir, "recordings", rec.Session().Recording)); len(got) < 90_000 || strings.Trim(got, "*") != "" {
		t.Errorf("%d keys written so far, or not masked", len(got))
	}
	if got, _ := kept(t, b.folder(seal(t, rec))); got != strings.Repeat("*", 100_000) {
		t.Errorf("%d keys", len(got))
	}
}

// With recipients it is encrypted like all else.
func TestTypedIsEncrypted(t *testing.T) {
	a := newAuditor(t)
	b, rec, _ := typing(t, encrypted(a))
	check(t, rec.Stdin([]byte(secretText)))
	check(t, rec.Stdout([]byte(secretText)))
	live := filepath.Join(b.dir, "recordings", rec.Session().Recording)
	if where := holds(t, live, secretText); where != nil {
		t.Errorf("readable while live: %v", where)
	}
	dir := b.folder(seal(t, rec))
	if where := holds(t, dir, secretText); where != nil {
		t.Errorf("readable when sealed: %v", where)
	}
	if got, _ := kept(t, decrypt(t, dir, a)); got != secretText {
		t.Errorf("the auditor reads %q", got)
	}
	if _, err := recorder.OpenInput(dir, nil); !errors.Is(err, recorder.ErrEncrypted) {
		t.Errorf("without a key: %v", err)
	}
	r, err := recorder.OpenInput(dir, a.ids)
	check(t, err)
	defer r.Close()
	read := ""
	for e, err := range r.Input() {
		check(t, err)
		read += e.Data
	}
	if read != secretText {
		t.Errorf("the auditor reads %q", read)
	}
}

// Nothing that is typed at a terminal is kept where no rule asks for it.
func TestTypedIsOffByDefault(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	check(t, rec.Stdin([]byte("ls\r")))
	check(t, rec.Stdout([]byte("ls\r\n")))
	if where := names(t, b.folder(seal(t, rec))); strings.Contains(strings.Join(where, " "), "stdin") {
		t.Errorf("there is %v", where)
	}
}
