package bastion

import (
	"context"
	"log/slog"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/recorder"
)

// host runs an admitted session: mint, record, dial, relay, seal.
func (s *session) host(st started, pass *access.Pass) {
	rec, channel, requests, err := s.reach(st, pass)
	if rec == nil {
		s.refused(err)
		return
	}
	var out outcome
	if err != nil {
		out = s.cutShort(err)
	} else {
		out = s.run(st, pass, rec, channel, requests)
	}
	s.seal(rec, out)
	s.part(out)
}

// reach gets a recording and a channel on the host. The leg's lock is held
// from looking for a leg until there is one, so that sessions that open
// together share one certificate. A recording comes back even with an error,
// once there is one: it has to be sealed.
func (s *session) reach(st started, pass *access.Pass) (*recorder.Recording, gossh.Channel, <-chan *gossh.Request, error) {
	if err := s.c.leg.take(s.ctx); err != nil {
		return nil, nil, nil, err
	}
	held := true
	release := func() {
		if held {
			held = false
			s.c.leg.release()
		}
	}
	defer release()

	l := s.c.leg.current()
	var cred certs.Credential
	if l == nil {
		var err error
		if cred, err = s.obtain(pass); err != nil {
			return nil, nil, nil, err
		}
	} else {
		cred.Facts = l.facts
	}
	rec, err := s.record(st, pass, cred.Facts)
	if err != nil {
		s.event(audit.RecordingFailed, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		return nil, nil, nil, err
	}
	if l == nil {
		if l, err = s.dial(pass, cred); err != nil {
			return rec, nil, nil, err
		}
		s.c.leg.put(l)
	}
	release()
	channel, requests, err := s.openOn(l)
	return rec, channel, requests, err
}

// record opens the recording. No recording, no bytes.
func (s *session) record(st started, pass *access.Pass, cert access.Certificate) (*recorder.Recording, error) {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	kind, _ := gateStart(st.request.Type, st.argument) // admitted, so it has one
	var shape recorder.Shape
	if setup.pty != nil {
		shape.Cols, shape.Rows = setup.window.size()
		shape.Term = access.Plain(setup.pty.Term, 64)
	}
	return s.srv.Recorder.Start(s.ctx, access.Session{
		ID: s.id, ConnectionID: s.c.id, BastionID: s.srv.BastionID,
		Person: pass.Person.Name, Target: access.Target{Login: pass.Login, Host: pass.Host.Name},
		Kind: kind, Command: st.argument, Terminal: setup.pty != nil,
		Rule: pass.Rule, PolicyDigest: pass.PolicyDigest,
		RequestID: pass.Request, GrantID: pass.Grant, Approvers: pass.Approvers,
		Fingerprint: s.c.identity.Fingerprint, Source: s.c.identity.Source.String(),
		StartedAt: s.srv.Now(), State: access.SessionLive, Certificate: cert,
	}, shape)
}

// run replays what was set up, starts the program and relays until the end.
func (s *session) run(st started, pass *access.Pass, rec *recorder.Recording, host gossh.Channel, requests <-chan *gossh.Request) outcome {
	s.mu.Lock()
	setup := s.setup
	s.mu.Unlock()
	// A host that never answers must not hold the session's end.
	defer context.AfterFunc(s.ctx, func() { _ = host.Close() })()

	ok, err := s.startOn(host, st, setup)
	if err != nil {
		go gossh.DiscardRequests(requests)
		return s.cutShort(access.Fail(access.ReasonHostLost, "the connection to the host broke", "Connect again", err))
	}
	r := s.newRelay(host, rec, setup.pty != nil)
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

// seal closes the recording. It is done before the client learns of the end:
// whoever sees ssh return finds the session sealed.
func (s *session) seal(rec *recorder.Recording, out outcome) {
	end := recorder.End{Cause: access.EndExit, ExitStatus: out.status}
	switch {
	case out.left:
		end.Cause = access.EndDisconnect
	case out.refusedByHost:
		end.Cause, end.Detail = access.EndExit, "the host refused the request"
	case out.cause != nil:
		end.Cause, end.Detail = string(out.cause.Reason), out.cause.Why
	case out.signal != nil:
		end.Cause = "signal:" + access.Plain(out.signal.Signal, 20)
	}
	// The session is over, and so is its context; the recording is not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), sealTime)
	defer cancel()
	if _, err := rec.Seal(ctx, end); err != nil {
		s.log.Error("recording not sealed; the next start will", "err", err)
		return
	}
	s.log.Info("session ended", "cause", end.Cause, "detail", end.Detail)
}

// sealTime bounds how long closing a recording may take on a slow disk.
const sealTime = time.Minute

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
