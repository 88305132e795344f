package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/internal/vttest"
	"github.com/sallyport/sallyport/recorder"
)

// TestPlayers plays recordings of what people run in terminals elsewhere, and
// finds the screen there that the person saw last.
func TestPlayers(t *testing.T) { scripts(t, "players") }

// cmdPlays ends the one session, which a screen shows, in the midst of the
// program, and holds each player to what the screen showed last: ours,
// asciinema's play and cat, and, where SALLYPORT_PLAYERS names a folder for
// pictures, the page of the exported bundle in Chromium.
//
//	plays SCREEN kill|hangup [DIFFERENCES]
//
// The page is held to our emulator's screen, which is tmux's wherever tmux's
// capture speaks: it leaves out blanks at the end of a row, coloured ones too.
// DIFFERENCES is a file that states where asciinema-player shows something
// else, and why; what it states must be so.
func cmdPlays(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 || neg {
		ts.Fatalf("usage: plays SCREEN kill|hangup [DIFFERENCES]")
	}
	w, name := townOf(ts), args[0]
	cmdSession(ts, false, []string{"live"})
	folder := ts.Getenv("RECORDING")
	saw := w.settled(ts, name, folder)
	switch args[1] {
	case "kill":
		act(ts, "erin", false, []string{"kill", ts.Getenv("SESSION"), "--reason", `"seen enough"`})
	case "hangup":
		w.tmux(ts, "kill-session", "-t", name)
	default:
		ts.Fatalf("plays %s?", args[1])
	}
	cmdSession(ts, false, []string{"sealed"})

	cast := filepath.Join(folder, "session.cast")
	end, err := lastScreen(folder)
	ts.Check(err)
	cols, rows := end.Size()
	hold := func(player, difference string) {
		if difference != "" {
			ts.Fatalf("%s shows another screen than the person saw:\n%s", player, difference)
		}
	}
	hold("our emulator", differs(saw, end))
	for _, how := range []string{"play -s 1000 -i 0.01", "cat"} {
		shows := w.filmed(ts, "asciinema "+how+" "+cast, cols, rows)
		hold("asciinema "+how, differs(saw, shows.Screen(cols)))
	}
	if dir := os.Getenv("SALLYPORT_PLAYERS"); dir != "" {
		var stated string
		if len(args) == 3 {
			stated = ts.ReadFile(args[2])
		}
		w.browse(ts, filepath.Join(dir, name+".png"), end, stated)
	}
}

// differs says where a player does not show what was seen. An asciicast is
// text: bytes of a stream that are none stand in it as U+FFFD, as xterm shows
// them, where tmux shows nothing. Of rows with such, the rest is compared.
func differs(saw vttest.Shown, shows *vt.Screen) string {
	cols, rows := shows.Size()
	was, more := saw.Screen(cols), ""
	saw.Ignored = map[int]bool{}
	for y := range rows {
		if row := shows.Row(y); strings.ContainsRune(row, '\uFFFD') {
			saw.Ignored[y] = true
			if rest := strings.ReplaceAll(row, "\uFFFD", ""); rest != was.Row(y) {
				more += fmt.Sprintf("row %d\n  got  %q\n  want %q\n", y, rest, was.Row(y))
			}
		}
	}
	return saw.Differs(shows) + more
}

// settled gives what a screen shows once all is there that its program sent.
// The program rests by now, and has left the name of its terminal in "tty": a
// title written there comes behind all that it wrote.
func (w *town) settled(ts *testscript.TestScript, name, folder string) vttest.Shown {
	const title = "all of it"
	tty, err := os.ReadFile(w.path("tty"))
	ts.Check(err)
	f, err := os.OpenFile(strings.TrimSpace(string(tty)), os.O_WRONLY|syscall.O_NOCTTY, 0)
	ts.Check(err)
	_, err = f.WriteString("\x1b]2;" + title + "\a")
	ts.Check(errors.Join(err, f.Close()))
	await(ts, name+" shows everything", func() (bool, error) {
		return strings.TrimSpace(w.tmux(ts, "display-message", "-p", "-t", name, "#{pane_title}")) == title, nil
	})
	s, err := lastScreen(folder)
	ts.Check(err)
	_, rows := s.Size()
	return w.shown(ts, "tmux", name, rows)
}

// shown is what a tmux shows now, colours and cursor included.
func (w *town) shown(ts *testscript.TestScript, socket, name string, rows int) vttest.Shown {
	saw := vttest.Shown{Rows: vttest.Rows(w.tmuxAt(ts, socket, "capture-pane", "-p", "-e", "-N", "-t", name), rows)}
	_, err := fmt.Sscan(w.tmuxAt(ts, socket, "display-message", "-p", "-t", name, "#{cursor_x} #{cursor_y}"), &saw.X, &saw.Y)
	ts.Check(err)
	return saw
}

// lastScreen plays a recording to its end, as it is at the moment.
func lastScreen(folder string) (*vt.Screen, error) {
	r, err := recorder.Open(folder)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := vt.New(r.Header.Width, r.Header.Height)
	for ev, err := range r.Events() {
		if err != nil {
			return nil, err
		}
		switch ev.Code {
		case recorder.CodeOutput:
			if _, err := s.Write([]byte(ev.Data)); err != nil {
				return nil, err
			}
		case recorder.CodeResize:
			var cols, rows int
			if _, err := fmt.Sscanf(ev.Data, "%dx%d", &cols, &rows); err != nil {
				return nil, err
			}
			s.Resize(cols, rows)
		}
	}
	return s, nil
}

// filmed is what a terminal of its own shows once command has played to it.
// The title says that it has seen everything; what a terminal answers to a
// recording nobody reads.
func (w *town) filmed(ts *testscript.TestScript, command string, cols, rows int) vttest.Shown {
	w.films++ // each has its tmux: one that is about to end takes no new session
	socket := fmt.Sprintf("film%d", w.films)
	w.tmuxAt(ts, socket, "new-session", "-d", "-c", w.dir, "-x", strconv.Itoa(cols), "-y", strconv.Itoa(rows), "exec sleep 600", ";",
		"set-option", "-g", "status", "off", ";",
		"respawn-pane", "-k", "stty raw -echo; "+command+` && printf '\033]2;seen it all\007'; exec sleep 600`)
	defer func() { _ = exec.Command("tmux", "-S", w.path(socket), "kill-server").Run() }() // it is there, or the test has failed
	await(ts, command, func() (bool, error) {
		return strings.TrimSpace(w.tmuxAt(ts, socket, "display-message", "-p", "#{pane_title}")) == "seen it all", nil
	})
	return w.shown(ts, socket, "", rows)
}
