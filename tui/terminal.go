package tui

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// terminalVariables are the ones that describe a terminal. All others stay
// out: bubbletea would act on some (TMUX makes it run a program), and over SSH
// they are what a client chose to send.
var terminalVariables = []string{"TERM", "COLORTERM", "NO_COLOR", "CLICOLOR", "COLORFGBG", "TERM_PROGRAM", "WT_SESSION"}

func terminalEnv(env []string) []string {
	out := make([]string, 0, len(terminalVariables))
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok && len(value) <= 64 && slices.Contains(terminalVariables, name) {
			out = append(out, kv)
		}
	}
	return out
}

// farewell is how long the bytes that restore a terminal may take once ctx is
// done. A client that reads no more must not hold the program.
const farewell = time.Second

// output writes to a terminal that is not of this machine, from one goroutine,
// so that a peer that stopped reading cannot block the program's end.
type output struct {
	ctx     context.Context
	w       io.Writer
	left    func()
	jobs    chan []byte
	results chan error
	done    chan struct{}

	mu     sync.Mutex // of Write: bubbletea writes under more than one lock of its own
	broken error      // set once
	asked  bool       // which modes the terminal knows
}

func newOutput(ctx context.Context, w io.Writer, left func()) *output {
	out := &output{ctx: ctx, w: w, left: left, jobs: make(chan []byte), results: make(chan error, 1), done: make(chan struct{})}
	go out.pump()
	return out
}

func (out *output) pump() {
	for {
		select {
		case <-out.done:
			return
		case p := <-out.jobs:
			_, err := out.w.Write(p)
			out.results <- err // buffered: at most one job is out
		}
	}
}

// stop ends the pump after its present write. No Write may follow.
func (out *output) stop() { close(out.done) }

// modeQueries is what each program asks its terminal first. Ours asks once: the
// answer to a second time might come when the terminal is lent already.
const modeQueries = ansi.RequestModeSynchronizedOutput + ansi.RequestModeUnicodeCore

func (out *output) Write(p []byte) (int, error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.broken != nil {
		return 0, out.broken
	}
	size := len(p)
	if bytes.Contains(p, []byte(modeQueries)) {
		if out.asked {
			p = bytes.ReplaceAll(p, []byte(modeQueries), nil)
		}
		out.asked = true
	}
	// Without a terminal of its own, bubbletea counts on a line discipline that
	// adds the carriage return. There is none: the client's terminal is raw.
	// The pump is idle here: broken is set while it is not.
	out.jobs <- bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
	err := out.wait()
	if err != nil {
		out.broken = err
		out.left()
		return 0, err
	}
	return size, nil
}

func (out *output) wait() error {
	select {
	case err := <-out.results:
		return err
	case <-out.ctx.Done():
	}
	late := time.NewTimer(farewell)
	defer late.Stop()
	select {
	case err := <-out.results:
		return err
	case <-late.C:
		return context.Cause(out.ctx)
	}
}
