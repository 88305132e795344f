package tui_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// TestInTmux is the program in a real terminal: a pseudo-terminal of this
// machine, which bubbletea puts into raw mode and back itself.
func TestInTmux(t *testing.T) {
	tooltest.Need(t, "tmux")
	dir := t.TempDir()
	socket := filepath.Join(dir, "tmux")
	run := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		if err != nil {
			t.Fatalf("tmux %v: %v: %s", args, err, out)
		}
		return out
	}
	t.Cleanup(func() {
		// The context of the test is over here.
		_ = exec.Command("tmux", "-S", socket, "kill-server").Run() // it may be gone already
	})
	must("new-session", "-d", "-x", "100", "-y", "30",
		fmt.Sprintf("LANG=C.UTF-8 TUI_TEST_WORLD=%s %s; echo left with $?; stty -a | grep -o ' icanon'; sleep 60", filepath.Join(dir, "world"), os.Args[0]))
	sees := func(texts ...string) {
		t.Helper()
		late := time.Now().Add(patience)
		for {
			screen := must("capture-pane", "-p")
			missing := ""
			for _, text := range texts {
				if !strings.Contains(screen, text) {
					missing = text
				}
			}
			if missing == "" {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("no %q on the screen:\n%s", missing, screen)
			}
			<-time.After(50 * time.Millisecond) // a terminal cannot be awaited, only asked
		}
	}
	keys := func(k ...string) { t.Helper(); must(append([]string{"send-keys"}, k...)...) }

	sees("postgres@db2", "Approvals 2")
	keys("/", "user:mallory", "Enter")
	sees("1 session\n", "mallory")
	keys("Enter")
	sees("mallory →", "killed", "/ 0:03")
	keys("G")
	sees("quiet", "■ end")
	if buffers, err := run("list-buffers"); err == nil && strings.TrimSpace(buffers) != "" {
		t.Errorf("the recording reached tmux's clipboard: %s", buffers)
	}
	if title := must("display-message", "-p", "#{pane_title} #{window_name}"); strings.Contains(title, "EVIL") {
		t.Errorf("the recording set the title %q", title)
	}
	must("resize-window", "-x", "80", "-y", "24")
	sees("■ end")
	keys("q", "Escape")
	sees("20 sessions")
	keys("Tab", "a")
	sees("Approve? alice wants root@db1", "INC-4711")
	keys("Enter")
	sees("alice on root@db1: approved")
	keys("q")
	sees("left with 0", "icanon")
}
