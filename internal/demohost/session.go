package demohost

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
)

// sftpServers are where Debian, Fedora and macOS keep OpenSSH's SFTP server.
var sftpServers = []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server"}

// maxEnv bounds the variables that a client may set.
const maxEnv = 64

// session runs one program.
type session struct {
	host  *Host
	login string
	ch    ssh.Channel

	mu   sync.Mutex
	env  []string
	term string       // TERM; empty without a pty
	size *pty.Winsize // the latest
	tty  *os.File     // while a program runs on a pty
}

// The payloads of RFC 4254, sections 6.2 to 6.10.
type (
	ptyRequest struct {
		Term          string
		Cols, Rows    uint32
		Width, Height uint32
		Modes         string
	}
	windowChange struct{ Cols, Rows, Width, Height uint32 }
	envRequest   struct{ Name, Value string }
	textRequest  struct{ Text string }
	exitStatus   struct{ Status uint32 }
	exitSignal   struct {
		Signal  string
		Core    bool
		Message string
		Lang    string
	}
)

func (s *session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := false
	for r := range requests {
		ok := false
		switch {
		case r.Type == "window-change":
			var w windowChange
			if ok = ssh.Unmarshal(r.Payload, &w) == nil; ok {
				s.resize(w)
			}
		case !started:
			var cmd *exec.Cmd
			if ok, cmd = s.setUp(ctx, r); cmd != nil {
				started = true
				go s.run(cmd)
			}
		}
		if r.WantReply {
			_ = r.Reply(ok, nil) // a client that is gone ends the loop
		}
	}
}

// setUp handles one request before the start, and gives the program to start.
func (s *session) setUp(ctx context.Context, r *ssh.Request) (bool, *exec.Cmd) {
	switch r.Type {
	case "env":
		var e envRequest
		if ssh.Unmarshal(r.Payload, &e) != nil || len(s.env) >= maxEnv || !(e.Name == "LANG" || strings.HasPrefix(e.Name, "LC_")) {
			return false, nil
		}
		s.env = append(s.env, e.Name+"="+e.Value)
		return true, nil
	case "pty-req":
		var p ptyRequest
		if ssh.Unmarshal(r.Payload, &p) != nil {
			return false, nil
		}
		s.term = p.Term
		s.resize(windowChange{p.Cols, p.Rows, p.Width, p.Height})
		return true, nil
	case "shell":
		return true, s.command(ctx, shell(), "-i")
	case "exec":
		var t textRequest
		if ssh.Unmarshal(r.Payload, &t) != nil {
			return false, nil
		}
		return true, s.command(ctx, shell(), "-c", t.Text)
	case "subsystem":
		var t textRequest
		if ssh.Unmarshal(r.Payload, &t) != nil || t.Text != "sftp" {
			return false, nil
		}
		for _, path := range sftpServers {
			if _, err := os.Stat(path); err == nil {
				return true, s.command(ctx, path)
			}
		}
	}
	return false, nil
}

// shell is bash where there is one, for its line editing.
func shell() string {
	if path, err := exec.LookPath("bash"); err == nil {
		return path
	}
	return "/bin/sh"
}

func (s *session) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if strings.HasSuffix(name, "bash") {
		args = append([]string{"--norc", "--noprofile"}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.host.config.Home
	cmd.Env = append([]string{
		"HOME=" + s.host.config.Home, "USER=" + s.login, "LOGNAME=" + s.login, "PATH=" + os.Getenv("PATH"),
		"SHELL=" + shell(), "PS1=" + s.login + "@" + s.host.config.Name + ":\\w\\$ ", "HISTFILE=",
	}, s.env...)
	if s.term != "" {
		cmd.Env = append(cmd.Env, "TERM="+s.term)
	}
	// The end of the session ends everything it started, as a hang-up would.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP) }
	return cmd
}

func (s *session) resize(w windowChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = &pty.Winsize{Cols: uint16(min(w.Cols, 4096)), Rows: uint16(min(w.Rows, 4096)), X: uint16(min(w.Width, 65535)), Y: uint16(min(w.Height, 65535))}
	if s.tty != nil {
		_ = pty.Setsize(s.tty, s.size) // fails when the program has ended
	}
}

// run starts the program, copies, and reports how it ended.
func (s *session) run(cmd *exec.Cmd) {
	defer s.ch.Close()
	var err error
	if s.term != "" {
		err = s.onTerminal(cmd)
	} else {
		err = s.onPipes(cmd)
	}
	s.report(cmd, err)
}

func (s *session) onTerminal(cmd *exec.Cmd) error {
	s.mu.Lock()
	tty, err := pty.StartWithSize(cmd, s.size) // a session of its own: Setsid
	s.tty = tty
	s.mu.Unlock()
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(tty, s.ch) }() // ends with the channel
	_, _ = io.Copy(s.ch, tty)                 // EIO is how a terminal says goodbye
	err = cmd.Wait()
	s.mu.Lock()
	s.tty = nil
	s.mu.Unlock()
	return errors.Join(err, tty.Close())
}

func (s *session) onPipes(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = s.ch, s.ch.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(stdin, s.ch) // a program may stop reading
		_ = stdin.Close()
	}()
	return cmd.Wait()
}

func (s *session) report(cmd *exec.Cmd, err error) {
	_ = s.ch.CloseWrite() // all of this fails only when the client is gone
	state := cmd.ProcessState
	if state == nil {
		s.host.config.Log.Warn("demo host: cannot start a program", "host", s.host.config.Name, "err", err)
		_, _ = s.ch.SendRequest("exit-status", false, ssh.Marshal(exitStatus{126}))
		return
	}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		name := map[syscall.Signal]string{syscall.SIGHUP: "HUP", syscall.SIGINT: "INT", syscall.SIGKILL: "KILL", syscall.SIGTERM: "TERM", syscall.SIGSEGV: "SEGV", syscall.SIGPIPE: "PIPE", syscall.SIGABRT: "ABRT"}[w.Signal()]
		if name == "" {
			name = "KILL"
		}
		_, _ = s.ch.SendRequest("exit-signal", false, ssh.Marshal(exitSignal{Signal: name}))
		return
	}
	_, _ = s.ch.SendRequest("exit-status", false, ssh.Marshal(exitStatus{uint32(state.ExitCode())}))
}
