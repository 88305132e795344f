package bastion

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// proof is what authentication established, and the key that established it:
// revocation is looked up again for each session.
type proof struct {
	identity access.Identity
	key      gossh.PublicKey // that signed; of a certificate, the certificate
}

// proofKey is where the proof stands in [gossh.Permissions.ExtraData].
type proofKey struct{}

// proofOf reads what authentication established. Every way in sets it, so its
// absence is a programming error and must not pass for a person.
func proofOf(p *gossh.Permissions) proof { return p.ExtraData[proofKey{}].(proof) }

// permissions carries a proof out of authentication, and nothing else: a
// certificate's extensions stay behind, so that no-touch-required can never
// lower what a security key must prove.
func permissions(p proof) *gossh.Permissions {
	return &gossh.Permissions{ExtraData: map[any]any{proofKey{}: p}}
}

var errNoAuth = errors.New("no authentication: a key must be proven")

// outerConfig is the authentication of a connection from outside: public keys
// and user certificates, nothing else (invariant 1). The key is looked at
// twice: when offered, to answer whether signing is worth it, and when it has
// signed. Only the second look makes an identity.
func (s *Server) outerConfig(a *arrival) *gossh.ServerConfig {
	return &gossh.ServerConfig{
		Config: algorithms(), PublicKeyAuthAlgorithms: userKeys(),
		MaxAuthTries:         s.Limits.AuthTries,
		NoClientAuthCallback: func(gossh.ConnMetadata) (*gossh.Permissions, error) { return nil, errNoAuth },
		PublicKeyCallback: func(c gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			return s.identify(c.RemoteAddr(), key)
		},
		VerifiedPublicKeyCallback: func(c gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
			p, err := s.identify(c.RemoteAddr(), key)
			if err == nil {
				err = a.proven(s, proofOf(p).identity.Person)
			}
			if err != nil {
				return nil, err
			}
			return p, nil
		},
		// The first thing that happens after the key exchange: the banner
		// is empty, but the clock of the authentication starts here.
		BannerCallback: func(gossh.ConnMetadata) string {
			a.deadline(s.Limits.Auth)
			return ""
		},
		AuthLogCallback: func(c gossh.ConnMetadata, method string, err error) {
			if err != nil {
				s.Log.Debug("authentication attempt", "source", c.RemoteAddr(), "method", method, "err", err)
			}
		},
	}
}

// identify says whose key this is. The error is for the log; the client only
// learns that the key will not do.
func (s *Server) identify(from net.Addr, key gossh.PublicKey) (*gossh.Permissions, error) {
	if s.Revoked(key) {
		return nil, fmt.Errorf("key %s is revoked", gossh.FingerprintSHA256(key))
	}
	id := access.Identity{Source: addrPort(from), At: s.Now()}
	current := s.Policy.Current()
	cert, ok := key.(*gossh.Certificate)
	if !ok {
		person, pk, known := current.PersonByKey(string(key.Marshal()))
		if !known {
			return nil, fmt.Errorf("key %s is nobody's", gossh.FingerprintSHA256(key))
		}
		id.Person, id.Uses = person.Name, pk.Use
		describe(&id, key)
		return permissions(proof{id, key}), nil
	}
	name, facts, err := s.UserCAs.Person(cert, id.Source.Addr(), s.Now())
	if err != nil {
		return nil, err
	}
	person, known := current.Person(name)
	if !known {
		return nil, fmt.Errorf("certificate %q is for %q, who is nobody", access.Plain(facts.KeyID, 80), access.Plain(string(name), 80))
	}
	id.Person, id.Uses = person.Name, []access.KeyUse{access.UseLogin, access.UseDecide}
	id.Certificate = &facts // source-address has been checked
	describe(&id, cert.Key)
	return permissions(proof{id, key}), nil
}

// describe adds what the plain key says. x/crypto demands the user's presence
// of every security key, so a signature proves a touch.
func describe(id *access.Identity, key gossh.PublicKey) {
	id.Fingerprint, id.KeyType = gossh.FingerprintSHA256(key), key.Type()
	id.SecurityKey = strings.HasPrefix(id.KeyType, "sk-")
}

// failed is called when a connection ended before a key was proven. Only one
// that offered a key and failed is an event of the audit trail; port scans are
// the log's.
func (s *Server) failed(from net.Addr, err error) {
	source := addrPort(from)
	s.guard.fail(source.Addr())
	reasons := attempts(err)
	if len(reasons) == 0 {
		s.Log.Info("connection ended before authentication", "source", source, "err", err)
		return
	}
	s.Log.Info("authentication failed", "source", source, "err", err)
	s.record(s.life, audit.Event{
		Kind: audit.AuthFailed, Source: source.String(),
		Detail: map[string]string{"attempts": access.Plain(strings.Join(reasons, "; "), 500)},
	})
}

// attempts says what was tried in vain. A signature that does not verify, or of
// a security key that nobody touched, ends the connection with an error that
// x/crypto gives no type.
func attempts(err error) []string {
	var auth *gossh.ServerAuthError
	switch {
	case errors.As(err, &auth):
		reasons := make([]string, len(auth.Errors))
		for i, e := range auth.Errors {
			reasons[i] = e.Error()
		}
		return reasons
	case strings.Contains(err.Error(), "verif"), // "did not verify", "verification error"
		strings.Contains(err.Error(), "signature"): // "missing required user presence flag"
		return []string{err.Error()}
	default:
		return nil
	}
}

// stillProven looks at the key again, for each session of a connection: a
// lingering master outlives neither revocation nor its certificate. Whether the
// person still is one, and holds the key, is the desk's to ask.
func (c *connection) stillProven() error {
	if c.srv.Revoked(c.key) {
		return access.Refuse(access.ReasonRevoked, "your key is revoked", "Use another key")
	}
	if cert := c.identity.Certificate; cert != nil && !cert.ValidBefore.IsZero() && !c.srv.Now().Before(cert.ValidBefore) {
		return errCertificateOver
	}
	return nil
}

var errCertificateOver = access.Refuse(access.ReasonExpired, "your certificate has expired", "Get a new one and connect again")

// expelInTime ends what is on the connection when the person's certificate
// ends.
func (c *connection) expelInTime() (stop func() bool) {
	cert := c.identity.Certificate
	if cert == nil || cert.ValidBefore.IsZero() {
		return func() bool { return true }
	}
	return time.AfterFunc(cert.ValidBefore.Sub(c.srv.Now()), func() { c.expel(errCertificateOver) }).Stop
}
