package bastion

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/certs"
)

// defaultHostTime is [Limits.Host] where it is not given.
const defaultHostTime = 20 * time.Second

func (s *Server) hostTime() time.Duration {
	if s.Limits.Host > 0 {
		return s.Limits.Host
	}
	return defaultHostTime
}

// leg is the SSH connection to a host: one certificate, one TCP connection.
type leg struct {
	conn       gossh.Conn
	facts      access.Certificate
	extensions []string      // of the certificate
	gone       chan struct{} // closed when the connection is over
}

// serves reports whether the leg's certificate lets through what the pass
// allows.
func (l *leg) serves(pass *access.Pass) bool {
	return !slices.ContainsFunc(certs.ExtensionsFor(pass.Allow), func(e string) bool { return !slices.Contains(l.extensions, e) })
}

func (l *leg) broken() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// close is called at the connection's end; an error says that it was closed.
func (l *leg) close() { _ = l.conn.Close() }

// obtain mints the certificate for this connection. One that is not what was
// asked for raises an event (invariant 3).
func (s *visit) obtain(pass *access.Pass) (certs.Credential, error) {
	need := certs.Need{
		Host: pass.Host, Login: pass.Login, NotAfter: pass.NotAfter,
		KeyID: certs.KeyID(pass.Person.Name, s.id, pass.Grant),
	}
	need.Extensions = certs.ExtensionsFor(pass.Allow)
	cred, err := s.obtainPatiently(pass, need)
	if err != nil {
		if s.ctx.Err() == nil {
			s.obtainFailed(pass, err)
		}
		return certs.Credential{}, err
	}
	return cred, nil
}

// issued tells of a certificate that was minted, and is closed when that is
// written.
func (s *visit) issued(pass *access.Pass, cert access.Certificate) <-chan struct{} {
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.event(audit.CertificateIssued, pass, map[string]string{
			"serial": fmt.Sprintf("%016x", cert.Serial), "key_id": cert.KeyID, "ca": cert.CAFingerprint,
			"valid_before": cert.ValidBefore.Format(time.RFC3339), "vault_request_id": cert.VaultRequestID,
		})
	}()
	return told
}

// obtainFailed names the event of a certificate that could not be had.
func (s *visit) obtainFailed(pass *access.Pass, err error) {
	e := access.AsError(err)
	kind := audit.SignerFailed
	if e.Reason == access.ReasonCertificate {
		kind = audit.CertificateRejected
	}
	s.event(kind, pass, map[string]string{"cause": access.Plain(fmt.Sprint(e.Cause), 300)})
}

// dial logs in to the host with the certificate, after the host's key has been
// verified.
func (s *visit) dial(pass *access.Pass, cred certs.Credential) (*leg, error) {
	dialer := net.Dialer{Timeout: s.srv.hostTime()}
	tcp, err := dialer.DialContext(s.ctx, "tcp", pass.Host.Address)
	if err != nil {
		return nil, s.unreachable(pass, err)
	}
	stop := context.AfterFunc(s.ctx, func() { _ = tcp.Close() }) // the handshake knows no context
	defer stop()
	if err := tcp.SetDeadline(time.Now().Add(s.srv.hostTime())); err != nil {
		return nil, s.unreachable(pass, err)
	}
	check, keys, err := hostKeys(pass.Host, s.srv.Now)
	if err != nil {
		_ = tcp.Close()
		return nil, access.Fail(access.ReasonHostKey, "no host key of "+pass.Host.Name+" is known", "Tell the operator", err)
	}
	var wrongKey error
	config := &gossh.ClientConfig{
		Config:        algorithms(),
		User:          pass.Login,
		Auth:          []gossh.AuthMethod{gossh.PublicKeys(cred.Signer)},
		ClientVersion: "SSH-2.0-" + version,
		HostKeyCallback: func(addr string, remote net.Addr, key gossh.PublicKey) error {
			wrongKey = check(addr, remote, key)
			return wrongKey
		},
		HostKeyAlgorithms: keys,
		BannerCallback:    s.hostBanner,
	}
	conn, chans, reqs, err := gossh.NewClientConn(prompt(tcp), pass.Host.Address, config)
	if err == nil {
		err = tcp.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = tcp.Close()
		return nil, s.loginFailed(pass, err, wrongKey)
	}
	l := &leg{conn: conn, facts: cred.Facts, extensions: certs.ExtensionsFor(pass.Allow), gone: make(chan struct{})}
	go func() {
		defer close(l.gone)
		s.c.fromHost(chans, reqs)
		if err := conn.Wait(); err != nil {
			s.log.Debug("connection to the host is over", "host", pass.Host.Name, "err", err)
		}
	}()
	return l, nil
}

// hostBanner shows the host's banner line by line, with nothing in it that a
// terminal would obey (invariant 10).
func (s *visit) hostBanner(text string) error {
	if len(text) > 4096 {
		text = text[:4096]
	}
	for line := range strings.Lines(text) {
		s.show(access.Plain(line, 200))
	}
	return nil
}

func (s *visit) unreachable(pass *access.Pass, err error) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	s.event(audit.HostUnreachable, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
	return access.Fail(access.ReasonUnreachable, pass.Host.Name+" does not answer", "Is it up? Try again, or tell its owner", err)
}

// loginFailed tells apart what can go wrong in the handshake with a host.
func (s *visit) loginFailed(pass *access.Pass, err, wrongKey error) error {
	var net net.Error
	switch {
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case wrongKey != nil || strings.Contains(err.Error(), "no common algorithm for host key"):
		s.event(audit.HostKeyMismatch, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		return access.Fail(access.ReasonHostKey, pass.Host.Name+" showed another host key than the inventory knows, so nothing was sent to it",
			"Tell the operator: it was reinstalled, or somebody is in between", err)
	case strings.Contains(err.Error(), "unable to authenticate"):
		s.event(audit.HostAuthFailed, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		return access.Fail(access.ReasonHostAuth, fmt.Sprintf("%s did not let %s in", pass.Host.Name, pass.Login),
			"Tell the operator: does the host trust the CA (sallyport ca), and has it that login?", err)
	case errors.As(err, &net) && net.Timeout():
		s.event(audit.HostUnreachable, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		return access.Fail(access.ReasonUnreachable, pass.Host.Name+" does not speak SSH in time", "Try again, or tell its owner", err)
	default:
		s.event(audit.HostUnreachable, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		return access.Fail(access.ReasonUnreachable, "the SSH handshake with "+pass.Host.Name+" failed", "Try again, or tell its owner", err)
	}
}

// openOn opens a session channel on the leg, and gives up with the session.
func (s *visit) openOn(l *leg) (gossh.Channel, <-chan *gossh.Request, error) {
	type opened struct {
		ch   gossh.Channel
		reqs <-chan *gossh.Request
		err  error
	}
	result := make(chan opened, 1)
	go func() {
		ch, reqs, err := l.conn.OpenChannel("session", nil)
		result <- opened{ch, reqs, err}
	}()
	timer := time.NewTimer(s.srv.hostTime())
	defer timer.Stop()
	select {
	case o := <-result:
		if o.err != nil {
			return nil, nil, access.Fail(access.ReasonUnreachable, "the host opens no session", "Try again, or tell its owner", o.err)
		}
		return o.ch, o.reqs, nil
	case <-timer.C:
		l.close() // what does not answer an open serves nobody
		return nil, nil, access.Fail(access.ReasonUnreachable, "the host opens no session in time", "Try again, or tell its owner", nil)
	case <-s.ctx.Done():
		go func() {
			if o := <-result; o.err == nil {
				go gossh.DiscardRequests(o.reqs)
				_ = o.ch.Close()
			}
		}()
		return nil, nil, context.Cause(s.ctx)
	}
}

// event records a fact about this session.
func (s *visit) event(kind audit.Kind, pass *access.Pass, detail map[string]string) {
	s.srv.record(s.ctx, audit.Event{
		Kind: kind, Actor: string(pass.Person.Name), Person: string(pass.Person.Name),
		Host: pass.Host.Name, Login: pass.Login, Rule: pass.Rule, Session: string(s.id),
		Request: string(pass.Request), Grant: string(pass.Grant), Connection: string(s.c.id),
		Source: s.c.identity.Source.String(), Detail: detail,
	})
}
