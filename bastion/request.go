package bastion

import (
	"slices"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

const (
	// reasonVariable is how a person without a terminal gives the reason:
	// SetEnv SALLYPORT_REASON=… It is ours and does not reach the host.
	reasonVariable = "SALLYPORT_REASON"
	// glassVariable asks to be let in at once, in an emergency.
	glassVariable = "SALLYPORT_BREAK_GLASS"

	maxEnv      = 64       // variables kept for the host
	maxEnvBytes = 32 << 10 // of all of them
	maxCommand  = 64 << 10 // bytes; longer ones are refused
	maxLater    = 16       // requests kept for after the wait
)

// setup is what the client asked for before the start request. It was told yes
// and is replayed to the host.
type setup struct {
	env      []envRequest
	envBytes int
	reason   string
	length   time.Duration // of a grant, if one has to be asked for
	glass    bool
	pty      *ptyRequest
	lent     []*gossh.Request // agent and display, replayed if the rule allows them
	window   windowChange     // the latest
}

// started is the start request with what was set up before it. Its answer is
// the host's, or ours when no host is reached.
type started struct {
	request    *gossh.Request
	argument   string // command or subsystem
	reason     string
	length     time.Duration
	breakGlass bool
	terminal   bool
}

// answer reads the client's requests until the channel closes. It never waits:
// neither for the host, nor for a person.
func (s *session) answer(requests <-chan *gossh.Request) {
	defer s.left()
	for r := range requests {
		if !s.handle(r) {
			// x/crypto queues 16 and then stops reading the connection.
			s.end(access.Refuse(access.ReasonLimit, "your client sent too many requests", ""))
		}
	}
}

// left is called when the client closed the channel, or is gone. While a
// request waits it matters which: closing withdraws it, a lost connection does
// not, and only a round trip can tell, since x/crypto closes the channels of a
// lost connection first.
func (s *session) left() {
	close(s.closed)
	s.mu.Lock()
	held := s.phase == waiting
	s.mu.Unlock()
	if !held {
		s.end(errLost)
		return
	}
	if _, _, err := s.c.ssh.SendRequest("keepalive@openssh.com", true, nil); err == nil {
		s.end(errWithdrawn)
	}
	// else s.c.gone ends, and with it s.ctx, with the connection's cause
}

// handle takes one request and reports whether there was room for it.
func (s *session) handle(r *gossh.Request) bool {
	s.mu.Lock()
	phase := s.phase
	if phase == relaying {
		program := s.program
		s.mu.Unlock()
		return program.clientRequest(r)
	}
	defer s.mu.Unlock()
	if phase == waiting {
		return s.whileWaiting(r)
	}
	if phase == ending {
		s.reply(r, false)
		return true
	}
	switch gateRequest(r.Type) {
	case setUp:
		s.reply(r, s.remember(r))
	case resizeTerminal:
		s.resize(r)
	case startSession:
		s.begin(r)
	case lendToHost:
		s.reply(r, s.rememberLent(r))
	default:
		s.reply(r, false)
	}
	return true
}

// whileWaiting keeps what needs an answer: answers carry no number, and that
// of the start request comes first (RFC 4254, section 5.4).
func (s *session) whileWaiting(r *gossh.Request) bool {
	if gateRequest(r.Type) == resizeTerminal {
		s.resize(r)
	}
	if !r.WantReply {
		return true
	}
	if len(s.later) >= maxLater {
		return false
	}
	s.later = append(s.later, r)
	return true
}

func (s *session) reply(r *gossh.Request, ok bool) {
	if err := r.Reply(ok, nil); err != nil {
		s.log.Debug("reply to the client", "request", r.Type, "err", err)
	}
}

// remember keeps env and pty-req, bounded.
func (s *session) remember(r *gossh.Request) bool {
	if r.Type == "pty-req" {
		var p ptyRequest
		if s.setup.pty != nil || gossh.Unmarshal(r.Payload, &p) != nil || len(p.Term) > 64 || len(p.Modes) > 4096 {
			return false
		}
		s.setup.pty, s.setup.window = &p, p.window()
		return true
	}
	var e envRequest
	if gossh.Unmarshal(r.Payload, &e) != nil {
		return false
	}
	switch e.Name {
	case reasonVariable:
		s.setup.reason = access.Plain(e.Value, maxReason)
		return true
	case glassVariable:
		s.setup.glass = slices.Contains([]string{"yes", "true", "1"}, strings.ToLower(e.Value))
		return true
	}
	s.setup.envBytes += len(e.Name) + len(e.Value)
	if len(s.setup.env) >= maxEnv || s.setup.envBytes > maxEnvBytes {
		return false
	}
	s.setup.env = append(s.setup.env, e)
	return true
}

// windowSize is the terminal's, as the client said last.
func (s *session) windowSize() (cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setup.window.size()
}

// redraws reports whether the client's terminal can draw in place.
func (s *session) redraws() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.setup.pty
	return p != nil && p.Term != "" && p.Term != "dumb" && p.Cols > 0 && p.Rows > 2
}

func (s *session) resize(r *gossh.Request) {
	var w windowChange
	if gossh.Unmarshal(r.Payload, &w) == nil {
		s.setup.window = w
	}
}

// begin takes the start request: shell, exec or subsystem.
func (s *session) begin(r *gossh.Request) {
	st := started{request: r, reason: s.setup.reason, length: s.setup.length, breakGlass: s.setup.glass, terminal: s.setup.pty != nil}
	if r.Type != "shell" {
		var t textRequest
		if gossh.Unmarshal(r.Payload, &t) != nil || len(t.Text) > maxCommand {
			s.reply(r, false)
			return
		}
		st.argument = t.Text
	}
	s.phase, s.begun = waiting, r
	s.start <- st
}

// rememberLent keeps one request of each kind: whether the rule allows it is not
// known yet.
func (s *session) rememberLent(r *gossh.Request) bool {
	if len(r.Payload) > maxX11Payload || slices.ContainsFunc(s.setup.lent, func(have *gossh.Request) bool { return have.Type == r.Type }) {
		return false
	}
	s.setup.lent = append(s.setup.lent, r)
	return true
}

// acceptStart answers the start request with yes, and what came after it with
// no. It does nothing when the host's answer has gone out already.
func (s *session) acceptStart() { s.answerStart(true, ending) }

// answerStart sends the one answer to the start request, then those that were
// kept behind it.
func (s *session) answerStart(ok bool, next phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != waiting {
		return
	}
	s.phase = next
	s.reply(s.begun, ok)
	for _, r := range s.later {
		s.reply(r, false)
	}
	s.later = nil
}
