// Package tracetest has the kernel fail system calls of a running process, and
// counts them, by way of strace: real errors of a real disk, at the file and at
// the moment that a test wants, in the program as it is shipped. It needs no
// root: whoever is to be traced allows it ([Allow]), or is started by [Wrap].
//
// It owns no test, and is for tests only; it refuses to touch calls that
// concern no given path. Start reading at [Need], then [Attach].
package tracetest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// Fault is what becomes of system calls.
type Fault struct {
	Calls []string // such as "fsync"
	Err   string   // what they fail with, such as "EIO"; empty: they are only noted
	Kill  bool     // instead, the process dies of SIGKILL before the call
	Paths []string // calls with one of these, as argument or as open file
}

// Call is one system call that was noted.
type Call struct {
	Name string
	Path string // of the open file that is its first argument; may be empty
	Line string // as strace shows it
}

// Trace is a strace at work.
type Trace struct {
	cmd  *exec.Cmd
	log  string
	said chan string
}

// patience is how long strace may take to attach.
const patience = 30 * time.Second

// Need ends the test where nothing can be traced: one of an uninstalled strace
// as package tooltest has it, and one of a machine that lets nobody trace a
// program of their own, which no package would change, by skipping it.
func Need(t testing.TB) {
	t.Helper()
	tooltest.Need(t, "strace")
	if out, err := exec.Command("strace", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("nothing can be traced here: %v: %s", err, out)
	}
}

// Allow lets any process of this user trace this one, which Yama would refuse.
func Allow() { _ = unix.Prctl(unix.PR_SET_PTRACER, unix.PR_SET_PTRACER_ANY, 0, 0, 0) } // EINVAL without Yama

// Wrap makes cmd allow it, before it becomes the program that it is.
func Wrap(cmd *exec.Cmd) {
	const allow = `import ctypes, os, sys
ctypes.CDLL(None).prctl(ctypes.c_int(0x59616d61), ctypes.c_ulong(-1 & (1 << 64) - 1), 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])`
	cmd.Args = append([]string{"python3", "-c", allow, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/usr/bin/python3"
}

// Attach begins. log is a file of the trace's own. When it returns every
// thread of the process is traced; [Trace.End] ends it.
func Attach(pid int, log string, f Fault) (*Trace, error) {
	args := []string{"-f", "-y", "-s", "0", "-e", "signal=none", "-o", log, "-p", strconv.Itoa(pid)}
	calls := strings.Join(f.Calls, ",")
	args = append(args, "-e", "trace="+calls)
	switch {
	case f.Kill:
		args = append(args, "-e", "inject="+calls+":signal=SIGKILL")
	case f.Err != "":
		args = append(args, "-e", "inject="+calls+":error="+f.Err)
	}
	for _, path := range f.Paths {
		args = append(args, "-P", path)
	}
	cmd := exec.Command("strace", args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &Trace{cmd: cmd, log: log, said: make(chan string, 1)}
	attached := make(chan bool, 1)
	go t.listen(stderr, attached)
	select {
	case ok := <-attached:
		if ok {
			return t, nil
		}
	case <-time.After(patience):
		_ = cmd.Process.Kill() // and then it says no more
	}
	return nil, errors.Join(fmt.Errorf("strace does not attach: %s", <-t.said), cmd.Wait())
}

// listen waits for the word that it has attached, and reads on.
func (t *Trace) listen(stderr io.Reader, attached chan<- bool) {
	var all bytes.Buffer
	in := bufio.NewReader(stderr)
	told := false
	for {
		line, err := in.ReadString('\n')
		if all.Len() < 4096 {
			all.WriteString(line)
		}
		if !told && strings.Contains(line, " attached") {
			told = true
			attached <- true
		}
		if err != nil {
			break
		}
	}
	if !told {
		attached <- false
	}
	t.said <- all.String()
}

// call is a call as strace begins to show it: what was interrupted is shown
// once more, as resumed.
var call = regexp.MustCompile(`^\d+ +([a-z0-9_]+)\((?:\d+<([^>]*)>)?`)

// End lets the process go, if it lives, and gives what was noted.
func (t *Trace) End() (calls []Call, err error) {
	_ = t.cmd.Process.Signal(syscall.SIGINT) // it may have ended with the process
	<-t.said
	_ = t.cmd.Wait() // with 130, as it was interrupted
	log, err := os.ReadFile(t.log)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(log)) {
		if m := call.FindStringSubmatch(line); m != nil {
			calls = append(calls, Call{m[1], m[2], strings.TrimSpace(line)})
		}
	}
	return calls, nil
}
