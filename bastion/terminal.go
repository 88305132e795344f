package bastion

import (
	"context"
	"errors"
	"io"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// Size of a terminal in cells.
type Size struct{ Cols, Rows int }

// PTY is the client's terminal.
type PTY struct {
	Term    string
	Size    Size        // at the start
	Resizes <-chan Size // the latest only; never closed
}

// Terminal is a console session: what a command or a screen needs of its
// client.
type Terminal struct {
	Identity access.Identity
	Command  string // the exec line as typed; empty for a shell
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	PTY      *PTY              // nil without a terminal
	Env      map[string]string // what the client sent, bounded, unchecked
	// Connect runs a session to a host on what is lent to it, and returns when
	// it is over: on ends with it. ctx is that of the console, or hangs on it.
	// Only one may be under way at a time.
	Connect func(ctx context.Context, to access.Trip, on Lent) access.Return
	// Answers asks the client for a sign of life, and reports whether there was
	// one before ctx ended.
	Answers func(ctx context.Context) bool
}

// consoleProgram takes a console session's requests and input.
type consoleProgram struct {
	s       *session
	resizes chan Size
	*io.PipeWriter
}

// End passes on the end of input.
func (p consoleProgram) End() { _ = p.Close() } // never fails

// clientRequest keeps the latest size for a reader that may be slow.
func (p consoleProgram) clientRequest(q *gossh.Request) bool {
	var w windowChange
	if gateRequest(q.Type) == resizeTerminal && gossh.Unmarshal(q.Payload, &w) == nil {
		var latest Size
		latest.Cols, latest.Rows = w.size()
		select {
		case <-p.resizes:
		default:
		}
		p.resizes <- latest // only this goroutine sends
	}
	if q.WantReply {
		p.s.reply(q, false)
	}
	return true
}

// console serves a session that asks for no host. It reaches none, and is not
// recorded; what it does is in the audit chain.
func (s *session) console(st started) {
	if st.request.Type == "subsystem" {
		s.refused(access.Refuse(access.ReasonChannel, "the console has no subsystems", "Name a host: sftp LOGIN@HOST@bastion"))
		return
	}
	attending, leave, err := s.srv.Desk.Attend(s.ctx, s.c.identity)
	if err != nil {
		s.refused(err)
		return
	}
	defer leave()
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	stdin, typed := io.Pipe()
	program := consoleProgram{s: s, resizes: make(chan Size, 1), PipeWriter: typed}
	t := Terminal{
		Identity: s.c.identity, Command: st.argument,
		Stdin: stdin, Stdout: s.ch, Stderr: s.ch.Stderr(), Env: map[string]string{},
		Connect: s.travel,
		Answers: s.c.answers,
	}
	for _, e := range setup.env {
		t.Env[e.Name] = e.Value
	}
	if setup.reason != "" {
		t.Env[reasonVariable] = setup.reason
	}
	if setup.pty != nil {
		t.PTY = &PTY{Term: setup.pty.Term, Resizes: program.resizes}
		t.PTY.Size.Cols, t.PTY.Size.Rows = setup.window.size()
	}
	s.mu.Lock()
	s.program = program
	s.mu.Unlock()
	s.answerStart(true, relaying)
	// A pipe that nobody reads any more lets the input's goroutine go.
	defer context.AfterFunc(attending, func() { _ = stdin.CloseWithError(io.EOF) })()
	go func() {
		if err := s.in.deliver(program); err != nil {
			s.log.Debug("early input", "err", err)
		}
	}()
	served := make(chan struct{})
	defer context.AfterFunc(attending, func() { s.loosen(served) })()
	status := s.srv.Console.Serve(attending, t)
	close(served)
	_ = stdin.Close()
	var ended *access.Error
	if errors.As(context.Cause(attending), &ended) {
		s.farewell(ended.About(string(s.id)))
		return
	}
	s.exit(status)
}

// loosen ends the connection of a client that takes no output and so holds a
// program that should be over: the write it hangs in knows no context.
func (s *session) loosen(served <-chan struct{}) {
	timer := time.NewTimer(speakTime)
	defer timer.Stop()
	select {
	case <-served:
	case <-timer.C:
		_ = s.c.ssh.Close() // what it could tell is that it is closed already
	}
}
