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

	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/internal/vttest"
)

// tmuxShows plays stream, from a terminal of cols by rows in raw mode, to a
// real tmux of its own.
func tmuxShows(t testing.TB, cols, rows int, stream []byte) vttest.Shown {
	t.Helper()
	tooltest.Need(t, "tmux")
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
	var got vttest.Shown
	if _, err := fmt.Sscan(tmux("display-message", "-p", "#{cursor_x} #{cursor_y}"), &got.X, &got.Y); err != nil {
		t.Fatal(err)
	}
	got.Rows = vttest.Rows(tmux("capture-pane", "-p", "-e"), rows)
	return got
}
