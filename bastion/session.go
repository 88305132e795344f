package bastion

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

const (
	// speakTime bounds how long we wait for a client to take a line of ours.
	speakTime = 2 * time.Second
	// closeTime bounds how long a peer may take to answer the close of a
	// channel (RFC 4254, section 5.3) that we have ended, and how long it may
	// take no bytes at the end, before its connection goes.
	closeTime = 5 * time.Second
)

// session is one session channel: from its opening, through the wait, to the
// end of its recording.
type session struct {
	visit
	ch gossh.Channel
	in *input

	// patience is how long the client may take to close the channel. ssh
	// does when it has written all output, and whoever reads that may be slow.
	patience time.Duration

	// closed ends when the client has closed the channel, or is gone.
	closed chan struct{}
	start  chan started

	mu      sync.Mutex
	phase   phase
	setup   setup
	begun   *gossh.Request   // the start request, unanswered while waiting
	later   []*gossh.Request // asked during the wait, answered in order after it
	program program          // while relaying
	mute    bool             // the client does not take what we say

	fromConsole bool          // the terminal is lent: see trip.go
	told        *access.Error // what the person was told at the end; set by farewell
}

// phase says who answers requests.
type phase int

const (
	settingUp phase = iota // we do, and remember
	waiting                // nobody, until the start request is answered
	relaying               // the host
	ending                 // nobody any more
)

// program is what runs in a session and takes its requests: a relay to a host,
// or the console. clientRequest must not wait; it reports whether there was
// room for the request.
type program interface {
	clientRequest(*gossh.Request) bool
}

func newSession(c *connection, ch gossh.Channel) *session {
	s := &session{visit: c.newVisit(), ch: &clientChannel{Channel: ch}, patience: closeTime, closed: make(chan struct{}), start: make(chan started, 1)}
	s.show = s.say
	s.in = newInput(ch, func() { s.end(errWithdrawn) })
	return s
}

// serve is the one flow: identify has happened, then resolve, rule and acquire
// (at the desk), mint, record, dial, relay, seal.
func (s *session) serve(requests <-chan *gossh.Request) {
	defer s.over()
	go s.in.run()
	go s.answer(requests)
	defer context.AfterFunc(s.srv.life, func() { s.end(context.Cause(s.srv.life)) })()

	st, err := s.started()
	if err != nil {
		s.refused(err)
		return
	}
	if s.c.target == nil {
		s.console(st)
		return
	}
	pass, err := s.admit(st)
	if err != nil {
		s.refused(err)
		return
	}
	defer pass.Done()
	defer context.AfterFunc(pass.Context, func() { s.end(context.Cause(pass.Context)) })()
	s.host(st, pass)
}

// started waits for the start request. A channel on which nothing is started is
// held for as long as one on which nothing passes.
func (s *session) started() (st started, err error) {
	limit := s.srv.Limits.Idle
	idle := time.NewTimer(limit)
	defer idle.Stop()
	select {
	case st = <-s.start:
		return st, s.c.stillProven()
	case <-idle.C:
		return st, access.Refuse(access.ReasonIdle, "nothing was started for "+limit.String(), "Connect again")
	case <-s.ctx.Done():
		return st, context.Cause(s.ctx)
	}
}

// admit asks the desk, and holds the connection while a person decides.
func (s *session) admit(st started) (*access.Pass, error) {
	if s.c.targetErr != nil {
		return nil, s.c.targetErr
	}
	if s.fromConsole {
		if err := s.c.notFromHere(); err != nil {
			return nil, err
		}
	}
	kind, ok := gateStart(st.request.Type, st.argument)
	if !ok {
		s.c.event(audit.ChannelRefused, map[string]string{"subsystem": access.Plain(st.argument, 40)})
		return nil, access.Refuse(access.ReasonChannel, "the subsystem "+access.Plain(st.argument, 40)+" is not allowed here", "sftp is")
	}
	if kind == access.KindExec && startsMosh(st.argument) {
		s.c.event(audit.ChannelRefused, map[string]string{"command": "mosh-server"})
		return nil, access.Refuse(access.ReasonChannel, "mosh goes by UDP, which the bastion neither carries nor records", "Use ssh")
	}
	leave, ok := s.srv.presence.enter(s.c.identity.Person)
	if !ok {
		return nil, access.Refuse(access.ReasonLimit, "you have too many sessions open", "Close some")
	}
	context.AfterFunc(s.ctx, leave) // over ends s.ctx, whatever happens

	a := access.Application{
		Session: s.id, Connection: s.c.id, Identity: s.c.identity, Target: *s.c.target,
		Kind: kind, Command: st.argument, Reason: st.reason, For: st.length, BreakGlass: st.breakGlass, Tell: s.tell,
	}
	if st.terminal {
		s.in.ahead()
		a.AskReason = s.askReason
		show := s.tell
		if s.redraws() {
			p := s.newPanel()
			defer p.close()
			show = p.tell
		}
		a.Tell = func(w access.Waiting) {
			s.in.watch()
			show(w)
		}
	}
	pass, err := s.srv.Desk.Admit(s.ctx, a)
	if s.fromConsole {
		err = s.c.hereOnly(err)
	}
	if err == nil && st.terminal && s.in.stranded() {
		pass.Done()
		return nil, access.Refuse(access.ReasonMalformed,
			"what you sent came before the approval, and is not typed on a terminal long after", "Connect again while the grant lasts, or leave out -t")
	}
	return pass, err
}

// refused ends a session that never reached a host. Leaving is no refusal.
func (s *session) refused(err error) {
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	if s.c.gone.Err() != nil || errors.Is(err, errLost) {
		return
	}
	e := access.AsError(err)
	if e.ID == "" {
		e = e.About(string(s.id))
	}
	level := slog.LevelInfo
	if e.Class == access.Failed {
		level = slog.LevelError
	}
	s.log.Log(s.srv.life, level, "session not opened", "reason", e.Reason, "err", e)
	s.farewell(e)
}

// farewell shows the person why, and gives ssh its exit status.
func (s *session) farewell(e *access.Error) {
	s.told = e
	within(s.acceptStart, s.c.cutClient)
	s.say(e.Line())
	s.exit(e.Class.ExitStatus())
}

func (s *session) exit(status int) {
	s.send("exit-status", gossh.Marshal(exitStatus{uint32(status)}))
}

// send sends a request to the client that wants no answer. An error means that
// the client is gone, which ends the session by itself.
func (s *session) send(name string, payload []byte) {
	within(func() {
		if _, err := s.ch.SendRequest(name, false, payload); err != nil {
			s.log.Debug("request to the client", "request", name, "err", err)
		}
	}, s.c.cutClient)
}

// say shows the person a line, as extended data: it stays on the screen under
// `>file`, and never mixes with the output of the program. A client that does
// not take it within a moment is not spoken to again.
func (s *session) say(line string) { s.write(line + "\r\n") }

func (s *session) write(text string) {
	s.mu.Lock()
	mute := s.mute
	s.mu.Unlock()
	if mute {
		return
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		// The error means that the client is gone.
		_, _ = io.WriteString(s.ch.Stderr(), text)
	}()
	timer := time.NewTimer(speakTime)
	defer timer.Stop()
	select {
	case <-said:
	case <-s.closed:
	case <-timer.C:
		s.mu.Lock()
		s.mute = true
		s.mu.Unlock()
	}
}

// over closes the channel and waits for the client to do the same. Goroutines
// that a stubborn client holds end with its connection, which goes then.
func (s *session) over() {
	s.end(nil)
	s.become(ending)
	s.in.drop()
	within(func() {
		_ = s.ch.CloseWrite() // fails when the client is gone
		_ = s.ch.Close()
	}, s.c.cutClient)
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-s.closed:
		return
	case <-s.srv.life.Done():
		timer.Reset(closeTime)
		select {
		case <-s.closed:
			return
		case <-timer.C:
		}
	case <-timer.C:
	}
	s.log.Info("client does not close its channel; closing its connection")
	s.c.cutClient()
}

func (s *session) become(p phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = p
}
