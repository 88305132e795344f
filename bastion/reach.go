package bastion

import (
	"context"
	"log/slog"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// host runs an admitted session: mint, record, dial, relay, seal.
func (s *session) host(st started, pass *access.Pass) {
	reach := s.reach
	if pass.Vigil != nil {
		reach = s.reachWatched
	}
	rec, l, err := reach(pass, s.facts(st), s.shape())
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
	if out.cause == nil && !out.left {
		s.patience = s.srv.Limits.Idle
	}
	end := out.end()
	if pass.Vigil != nil && l != nil {
		end.Certificate = l.facts // not there when the recording began
	}
	s.seal(rec, end)
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
		shape.Cols, shape.Rows = s.setup.window.recorded()
		shape.Term = access.Plain(s.setup.pty.Term, 64)
	}
	return shape
}

// run replays what was set up, starts the program and relays until the end.
func (s *session) run(st started, pass *access.Pass, rec *recorder.Recording, l *leg, host gossh.Channel, requests <-chan *gossh.Request) outcome {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	defer context.AfterFunc(s.ctx, func() { l.leave(host) })()

	if pass.Vigil != nil { // they may have left meanwhile
		if err := s.awaitWatcher(pass, rec); err != nil {
			go gossh.DiscardRequests(requests)
			l.leave(host)
			return s.cutShort(err)
		}
	}
	defer s.c.unaccept(s)
	ok, err := s.inTime(l, func() (bool, error) {
		s.lend(host, setup, pass, rec)
		return s.startOn(host, st, setup)
	})
	if err != nil {
		go gossh.DiscardRequests(requests)
		return s.cutShort(err)
	}
	t := s.tape(st, rec)
	defer t.watch.End()
	r := s.newRelay(l, host, t, setup.pty != nil, pass.Vigil)
	s.mu.Lock()
	s.program = r
	latest := s.setup.window
	s.mu.Unlock()
	within(func() { s.answerStart(ok, relaying) }, s.c.cutClient)
	if latest != setup.window {
		r.clientRequest(&gossh.Request{Type: "window-change", Payload: gossh.Marshal(latest)})
	}
	if !ok {
		go gossh.DiscardRequests(requests)
		l.leave(host)
		return outcome{refusedByHost: true}
	}
	if pass.Input && setup.pty != nil {
		s.say("sallyport: what you type in this session is recorded, passwords left out as far as they can be told (rule " + pass.Rule + ")")
	}
	go func() {
		if err := s.in.deliver(r); err != nil {
			s.log.Debug("early input", "err", err)
		}
	}()
	s.log.Info("session started", "host", pass.Host.Name, "login", pass.Login, "rule", pass.Rule, "grant", pass.Grant)
	return r.run(requests, pass)
}

// inTime waits for the host to start the program. One that does not answer
// holds nobody: x/crypto would wait for its answer as long as the leg stands.
func (s *session) inTime(l *leg, start func() (bool, error)) (bool, error) {
	type answer struct {
		ok  bool
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		ok, err := start()
		answered <- answer{ok, err}
	}()
	timer := time.NewTimer(s.srv.hostTime())
	defer timer.Stop()
	select {
	case a := <-answered:
		if a.err != nil {
			return false, access.Fail(access.ReasonHostLost, "the connection to the host broke", "Connect again", a.err)
		}
		return a.ok, nil
	case <-timer.C:
		l.close()
		return false, access.Fail(access.ReasonUnreachable, "the host does not start the program in time", "Try again, or tell its owner", nil)
	case <-s.ctx.Done():
		return false, context.Cause(s.ctx)
	}
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
	case out.status == nil:
		end.Detail = "the host closed the session without an exit status"
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
		s.farewell(e)
	case out.signal != nil:
		s.send("exit-signal", gossh.Marshal(out.signal))
	case out.status != nil:
		s.exit(*out.status)
	}
}
