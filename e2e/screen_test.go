package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdScreen is a terminal that shows what is in it, by tmux:
//
//	screen open NAME COLSxROWS KEY COMMAND…   KEY's clients are on the PATH
//	screen resize NAME COLSxROWS
//	screen keys NAME KEYS…                     as tmux send-keys takes them
//	screen shows NAME REGEXP                   until it does, or with ! until it does not
//	screen save NAME FILE                      what it shows now
//	screen tap NAME FILE                       all bytes to the terminal from now on go to FILE, too
//	screen drawn NAME FILE                     FILE holds but what draws: cells, and the modes of our own interface
//	screen state NAME FORMAT TEXT              until tmux says so of the terminal's modes
func cmdScreen(ts *testscript.TestScript, neg bool, args []string) {
	w := townOf(ts)
	if len(args) < 3 {
		ts.Fatalf("usage: screen WHAT NAME …")
	}
	name := args[1]
	tmux := func(args ...string) string { return w.tmux(ts, args...) }
	size := func(s string) (cols, rows string) {
		cols, rows, _ = strings.Cut(s, "x")
		return cols, rows
	}
	switch args[0] {
	case "open":
		cols, rows := size(args[2])
		key, command := args[3], strings.Join(args[4:], " ")
		w.screens = append(w.screens, func() { _ = exec.Command("tmux", "-S", w.path("tmux"), "kill-session", "-t", name).Run() })
		// The command sees KEY's clients first.
		tmux("new-session", "-d", "-c", w.dir, "-s", name, "-x", cols, "-y", rows,
			"PATH="+w.path(".bin", key)+":$PATH "+command)
		tmux("set-option", "-t", name, "status", "off")
	case "resize":
		cols, rows := size(args[2])
		tmux("resize-window", "-t", name, "-x", cols, "-y", rows)
	case "keys":
		tmux(append([]string{"send-keys", "-t", name}, args[2:]...)...)
	case "shows":
		pattern := compile(ts, args[2])
		var shown string
		defer func() { fmt.Fprint(ts.Stdout(), shown) }()
		await(ts, "screen shows "+args[2], func() (bool, error) {
			shown = tmux("capture-pane", "-p", "-t", name)
			return pattern.MatchString(shown) != neg, nil
		})
	case "tap":
		tmux("set-option", "-s", "set-clipboard", "on") // whoever may write it, would
		tmux("pipe-pane", "-t", name, "cat > "+ts.MkAbs(args[2]))
	case "drawn":
		if rest := undrawn(ts.ReadFile(args[2])); rest != "" {
			ts.Fatalf("it is not drawn: %s", rest)
		}
	case "state":
		var state string
		defer func() { fmt.Fprint(ts.Stdout(), state) }()
		await(ts, "screen state "+args[2], func() (bool, error) {
			state = strings.TrimSpace(tmux("display-message", "-p", "-t", name, args[2]))
			return state == args[3], nil
		})
	case "save":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(tmux("capture-pane", "-p", "-t", name)), 0o600))
	default:
		ts.Fatalf("screen %s?", args[0])
	}
}

// drawing is what the interface may send, and nothing else: moves, erasures and
// styles, and at the start of a page its modes.
var drawing = regexp.MustCompile(`\x1b\[[0-9;:]*[ABCDEFGHIJKLMPSTXZ@bdefm` + "`" + `]|\x1bM|` +
	`\x1b\[\?(7|25|1002|1003|1006|1049|2004|2026|2027)[hl]|\x1b\[[0-9]* q|\x1b\]2;sallyport(\a|\x1b\\)`)

// undrawn is the first that is neither of it nor text.
func undrawn(sent string) string {
	sent = drawing.ReplaceAllString(sent, "")
	for i, r := range sent {
		if r == '\r' || r == '\n' || r == '\b' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			return fmt.Sprintf("%q in %q", r, sent[max(i-30, 0):min(i+30, len(sent))])
		}
	}
	return ""
}

// tmux drives the one tmux of a script's screens.
func (w *town) tmux(ts *testscript.TestScript, args ...string) string {
	return w.tmuxAt(ts, "tmux", args...)
}

// tmuxAt drives the tmux with that socket.
func (w *town) tmuxAt(ts *testscript.TestScript, socket string, args ...string) string {
	cmd := exec.Command("tmux", append([]string{"-S", w.path(socket), "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=", "HOME="+w.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}
