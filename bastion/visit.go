package bastion

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/recorder"
)

// sealTime bounds how long closing a recording may take on a slow disk.
const sealTime = time.Minute

// visit is somebody's stay on a host, recorded as one: a session, or all the
// forwards of a connection.
type visit struct {
	c    *connection
	srv  *Server
	id   access.SessionID
	log  *slog.Logger
	show func(line string) // to the person, where somebody can see it

	// ctx ends when the visit must end, whoever wants it; its cause says
	// why. Everything below hangs on it.
	ctx context.Context
	end context.CancelCauseFunc

	open *passages // through the host, on the record of this visit
}

// passages counts the forwards that write on a visit's record.
type passages struct {
	mu   sync.Mutex
	over bool // none may begin
	n    sync.WaitGroup
}

// enter counts one in, unless the record is being closed.
func (p *passages) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.n.Add(1)
	return true
}

func (p *passages) leave() { p.n.Done() }

// settle lets passages, which are being closed, write how they ended. One that
// a peer holds open is not waited for.
func (p *passages) settle() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	settled := make(chan struct{})
	go func() {
		p.n.Wait()
		close(settled)
	}()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case <-settled:
	case <-timer.C:
	}
}

func (c *connection) newVisit() visit {
	v := visit{c: c, srv: c.srv, id: access.SessionID(c.srv.NewID()), show: func(string) {}, open: &passages{}}
	v.log = c.srv.Log.With("session", v.id, "connection", c.id, "person", c.identity.Person)
	v.ctx, v.end = context.WithCancelCause(c.life)
	return v
}

// reach gets a recording and a leg to the host: mint, record, dial. The slot of
// the leg is held from looking for one until there is one, so that sessions
// that open together share one certificate. A recording comes back even with an
// error, once there is one: it has to be sealed.
func (s *visit) reach(pass *access.Pass, facts access.Session, shape recorder.Shape) (*recorder.Recording, *leg, error) {
	if err := s.c.leg.take(s.ctx); err != nil {
		return nil, nil, err
	}
	defer s.c.leg.release()

	l := s.c.leg.current()
	if l != nil && !l.serves(pass) {
		l = nil // another rule allows more: a certificate of its own
	}
	var cred certs.Credential
	var told <-chan struct{}
	if l == nil {
		var err error
		if cred, err = s.obtain(pass); err != nil {
			return nil, nil, err
		}
		// Written while the recording is opened, so that the two share a
		// commit, and before the certificate is used.
		told = s.issued(pass, cred.Facts)
	} else {
		cred.Facts = l.facts
	}
	rec, err := s.record(pass, facts, shape, cred.Facts)
	if told != nil {
		<-told
	}
	if err != nil {
		s.unrecordable(pass, err)
		return nil, nil, err
	}
	if l == nil {
		if l, err = s.dial(pass, cred); err != nil {
			return rec, nil, err
		}
		s.c.leg.put(l)
	}
	return rec, l, nil
}

func (s *visit) unrecordable(pass *access.Pass, err error) {
	s.event(audit.RecordingFailed, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
}

// record opens the recording. No recording, no bytes.
func (s *visit) record(pass *access.Pass, facts access.Session, shape recorder.Shape, cert access.Certificate) (*recorder.Recording, error) {
	facts.ID, facts.ConnectionID, facts.BastionID = s.id, s.c.id, s.srv.BastionID
	facts.Person, facts.Target = pass.Person.Name, access.Target{Login: pass.Login, Host: pass.Host.Name}
	facts.Rule, facts.PolicyDigest = pass.Rule, pass.PolicyDigest
	facts.RequestID, facts.GrantID, facts.Approvers = pass.Request, pass.Grant, pass.Approvers
	facts.Fingerprint, facts.Source = s.c.identity.Fingerprint, s.c.identity.Source.String()
	facts.StartedAt, facts.State, facts.Certificate = s.srv.Now(), access.SessionLive, cert
	shape.Bulk, shape.Input = pass.Bulk, pass.Input
	return s.srv.Recorder.Start(s.ctx, facts, shape)
}

// seal closes the recording. It is done before the client learns of the end:
// whoever sees ssh return finds the session sealed.
func (s *visit) seal(rec *recorder.Recording, end recorder.End) {
	// The visit is over, and so are its context and what hangs on it; the
	// recording is not.
	s.end(nil)
	s.open.settle()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), sealTime)
	defer cancel()
	if of, err := rec.Seal(ctx, end); err != nil {
		s.log.Error("recording not sealed; it is tried again, at last by the next start", "err", err)
		s.srv.record(ctx, audit.Event{
			Kind: audit.RecordingFailed, Actor: audit.ActorSystem, Person: string(of.Person),
			Host: of.Target.Host, Login: of.Target.Login, Rule: of.Rule, Session: string(s.id),
			Request: string(of.RequestID), Grant: string(of.GrantID), Connection: string(s.c.id),
			Source: s.c.identity.Source.String(), Detail: map[string]string{"cause": access.Plain("not sealed so far: "+err.Error(), 300)},
		})
		return
	}
	s.log.Info("session ended", "cause", end.Cause, "detail", end.Detail)
}
