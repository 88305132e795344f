package vt_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/vt"
)

// seen is what tmux shows at the end of a stream.
type seen struct {
	styled []string // rows as "capture-pane -p -e" prints them: SGR, and SO for line drawing
	x, y   int
	// ignored are rows that are not compared; nil is none.
	ignored map[int]bool
}

// tmuxShows plays stream, from a terminal of cols by rows in raw mode, to a
// real tmux of its own.
func tmuxShows(t testing.TB, cols, rows int, stream []byte) seen {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no tmux")
		}
		t.Skip("no tmux")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "stream")
	// The title says that tmux has read everything before it.
	if err := os.WriteFile(file, append(bytes.Clone(stream), "\x1b]2;all-read\a"...), 0o600); err != nil {
		t.Fatal(err)
	}
	tmux := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("tmux", append([]string{"-S", filepath.Join(dir, "s"), "-f", "/dev/null", "-u"}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	tmux("new-session", "-d", "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows), "exec sh", ";",
		"set", "-g", "status", "off", ";", "set", "-g", "exit-empty", "on", ";",
		"respawn-pane", "-k", "stty raw -echo; cat '"+file+"'; exec cat")
	defer tmux("kill-server")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(tmux("display-message", "-p", "#{pane_title}"), "all-read"); {
		if time.Now().After(deadline) {
			t.Fatal("tmux did not read the stream to its end")
		}
	}
	var got seen
	if _, err := fmt.Sscan(tmux("display-message", "-p", "#{cursor_x} #{cursor_y}"), &got.x, &got.y); err != nil {
		t.Fatal(err)
	}
	got.styled = splitRows(tmux("capture-pane", "-p", "-e"), rows)
	return got
}

// splitRows cuts a capture into rows; the last ones may be left out.
func splitRows(capture string, rows int) []string {
	lines := strings.Split(strings.TrimSuffix(capture, "\n"), "\n")
	for len(lines) < rows {
		lines = append(lines, "")
	}
	return lines
}

// screen is what was seen, cell by cell. tmux does not print blanks at the end
// of a row; it prints the changes of style only, and they carry over.
func (w seen) screen(cols int) *vt.Screen {
	s := vt.New(cols, len(w.styled))
	s.Write([]byte("\x1b)0" + strings.Join(w.styled, "\r\n")))
	return s
}

// differs says where s is not what was seen.
func (w seen) differs(s *vt.Screen) string {
	var b strings.Builder
	cols, rows := s.Size()
	want := w.screen(cols)
	for y := range rows {
		if w.ignored[y] {
			continue
		}
		if s.Row(y) != want.Row(y) {
			fmt.Fprintf(&b, "row %d\n  got  %q\n  want %q\n", y, s.Row(y), want.Row(y))
			continue
		}
		for x, left := 0, len(want.Row(y)); left > 0; x++ {
			got, want := s.Cell(x, y), want.Cell(x, y)
			left -= len(want.Content)
			if got.Content == " " { // in a blank only these show
				got.Style.Fg, want.Style.Fg = vt.Color(0), vt.Color(0)
			}
			if got != want {
				fmt.Fprintf(&b, "cell %d,%d: got %+v, want %+v\n", x, y, got, want)
			}
		}
	}
	if x, y, _ := s.Cursor(); y != w.y || x != min(w.x, cols-1) {
		fmt.Fprintf(&b, "cursor at %d,%d, want %d,%d\n", x, y, w.x, w.y)
	}
	return b.String()
}
