package bastion

import (
	"context"
	"log/slog"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// host runs an admitted session: mint, record, dial, relay, seal.
func (s *session) host(st started, pass *access.Pass) {
	rec, l, err := s.reach(pass, s.facts(st), s.shape())
	if rec == nil {
		s.refused(err)
		return
	}
	var channel gossh.Channel
	var requests <-chan *gossh.Request
	if err == nil {
		channel, requests, err = s.openOn(l)
	}
	var out outcome
	if err != nil {
		out = s.cutShort(err)
	} else {
		out = s.run(st, pass, rec, l, channel, requests)
	}
	s.seal(rec, out.end())
	s.part(out)
}

// facts are what the session's own requests say of it.
func (s *session) facts(st started) access.Session {
	kind, _ := gateStart(st.request.Type, st.argument) // admitted, so it has one
	return access.Session{Kind: kind, Command: st.argument, Terminal: st.terminal}
}

// shape is that of the client's terminal, if it has one.
func (s *session) shape() (shape recorder.Shape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.setup.pty != nil {
		shape.Cols, shape.Rows = s.setup.window.size()
		shape.Term = access.Plain(s.setup.pty.Term, 64)
	}
	return shape
}

// run replays what was set up, starts the program and relays until the end.
func (s *session) run(st started, pass *access.Pass, rec *recorder.Recording, l *leg, host gossh.Channel, requests <-chan *gossh.Request) outcome {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	// A host that never answers must not hold the session's end.
	defer context.AfterFunc(s.ctx, func() { _ = host.Close() })()

	defer s.c.unaccept(s)
	s.lend(host, setup, pass, rec)
	ok, err := s.startOn(host, st, setup)
	if err != nil {
		go gossh.DiscardRequests(requests)
		return s.cutShort(access.Fail(access.ReasonHostLost, "the connection to the host broke", "Connect again", err))
	}
	t := s.tape(st, rec)
	defer t.watch.End()
	r := s.newRelay(l, host, t, setup.pty != nil)
	s.mu.Lock()
	s.program = r
	latest := s.setup.window
	s.mu.Unlock()
	s.answerStart(ok, relaying)
	if latest != setup.window {
		r.resize(&gossh.Request{Type: "window-change", Payload: gossh.Marshal(latest)})
	}
	if !ok {
		go gossh.DiscardRequests(requests)
		_ = host.Close()
		return outcome{refusedByHost: true}
	}
	go func() {
		// Typed ahead on a terminal is dropped: it would run unseen.
		if err := s.in.deliver(r, setup.pty == nil); err != nil {
			s.log.Debug("early input", "err", err)
		}
	}()
	s.log.Info("session started", "host", pass.Host.Name, "login", pass.Login, "rule", pass.Rule, "grant", pass.Grant)
	return r.run(requests, pass)
}

// startOn replays env and pty-req and sends the start request; the answer is
// the host's.
func (s *session) startOn(host gossh.Channel, st started, setup setup) (bool, error) {
	for _, e := range setup.env {
		if _, err := host.SendRequest("env", false, gossh.Marshal(e)); err != nil {
			return false, err
		}
	}
	if setup.pty != nil {
		ok, err := host.SendRequest("pty-req", true, gossh.Marshal(setup.pty.resized(setup.window)))
		if err != nil {
			return false, err
		}
		if !ok {
			s.say("sallyport: the host gives no terminal")
		}
	}
	return host.SendRequest(st.request.Type, true, st.request.Payload)
}

// cutShort is the outcome of a session that ended before its program ran.
func (s *session) cutShort(err error) outcome {
	if s.c.gone.Err() != nil {
		return outcome{left: true}
	}
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	return outcome{cause: access.AsError(err)}
}

// end is how the outcome stands on the session's record.
func (out outcome) end() recorder.End {
	end := recorder.End{Cause: access.EndExit, ExitStatus: out.status}
	switch {
	case out.left:
		end.Cause = access.EndDisconnect
	case out.refusedByHost:
		end.Detail = "the host refused the request"
	case out.cause != nil:
		end.Cause, end.Detail = string(out.cause.Reason), out.cause.Why
	case out.signal != nil:
		end.Cause = "signal:" + access.Plain(out.signal.Signal, 20)
	}
	return end
}

// part tells the client how it ended.
func (s *session) part(out outcome) {
	switch {
	case out.left:
	case out.refusedByHost:
	case out.cause != nil:
		e := out.cause
		if e.ID == "" {
			e = e.About(string(s.id))
		}
		if e.Class == access.Failed {
			s.log.Log(s.srv.life, slog.LevelError, "session failed", "reason", e.Reason, "err", e)
		}
		s.acceptStart()
		s.farewell(e)
	case out.signal != nil:
		s.send("exit-signal", gossh.Marshal(out.signal))
	case out.status != nil:
		s.exit(*out.status)
	}
}
