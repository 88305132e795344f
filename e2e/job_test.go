package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// job is a client that a person has started, in the foreground or not.
type job struct {
	cmd      *exec.Cmd
	terminal *os.File // nil without
	done     chan struct{}

	mu       sync.Mutex
	out, err []byte // on a terminal all is out
}

// startJob starts cmd, on a terminal of 80 by 24 if it shall have one.
func startJob(cmd *exec.Cmd, terminal bool) (*job, error) {
	j := &job{cmd: cmd, done: make(chan struct{})}
	read := make(chan struct{})
	if !terminal {
		close(read)
		cmd.Stdout, cmd.Stderr = stream{j, &j.out}, stream{j, &j.err}
		// Background processes of the client may hold its stdout.
		cmd.WaitDelay = time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
	} else {
		var err error
		if j.terminal, err = pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
			return nil, err
		}
		go func() {
			defer close(read)
			_, _ = io.Copy(stream{j, &j.out}, j.terminal) // EIO is how a terminal ends
		}()
	}
	go func() {
		defer close(j.done)
		_ = cmd.Wait() // the exit status is looked at
		<-read
	}()
	return j, nil
}

// stream collects output that is read while it grows.
type stream struct {
	j  *job
	to *[]byte
}

// maxOutput bounds what a client may print into memory.
const maxOutput = 64 << 20

func (s stream) Write(p []byte) (int, error) {
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	if len(*s.to)+len(p) > maxOutput {
		return 0, errors.New("too much output")
	}
	*s.to = append(*s.to, p...)
	return len(p), nil
}

// output is what the person has seen so far.
func (j *job) output() string {
	out, err := j.outputs()
	return out + err
}

func (j *job) outputs() (out, err string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.out), string(j.err)
}

// end waits for the end; false when it did not come within d.
func (j *job) end(d time.Duration) bool {
	if d == 0 { // a timer of no time may win against an end long past
		select {
		case <-j.done:
			return true
		default:
			return false
		}
	}
	select {
	case <-j.done:
		return true
	case <-time.After(d):
		return false
	}
}

// status is the exit status, -1 for a signal.
func (j *job) status() int { return j.cmd.ProcessState.ExitCode() }

// signal is sent to the client and whatever it started.
func (j *job) signal(s syscall.Signal) {
	_ = syscall.Kill(-j.cmd.Process.Pid, s) // it may have ended
}

func (j *job) kill() {
	select {
	case <-j.done:
	default:
		j.signal(syscall.SIGKILL)
		j.end(patience)
	}
	if j.terminal != nil {
		_ = j.terminal.Close()
	}
}
