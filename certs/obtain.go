package certs

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// Need is what a connection needs a certificate for.
type Need struct {
	Host       access.Host
	Login      string
	KeyID      string    // see [KeyID]
	Extensions []string  // only what rule and client's request need
	NotAfter   time.Time // the grant's end, which no certificate outlives; zero: none
}

// Credential logs in to one host for a short time. The private key behind
// Signer exists in memory only (invariant 4); use it for one connection.
type Credential struct {
	Signer ssh.Signer
	Facts  access.Certificate // kept with the session
}

// Mint makes credentials: it orders from its issuer, checks, and only then
// hands out. There is no other way from an [Issuer] to a usable key, so the
// check cannot be forgotten. A Mint is safe for concurrent use.
type Mint struct {
	Issuer          Issuer
	SourceAddresses []netip.Prefix // of the bastion itself; pinned in every certificate
	TTL             time.Duration  // whole seconds
	Now             access.Clock
}

// Obtain makes a fresh key and has it certified for n. The error is an
// [*access.Error]: of [access.ReasonSigner] when the issuer gave nothing, of
// [access.ReasonCertificate], caused by a [*Mismatch], when it gave something
// else than was asked for, which deserves an audit event and an alert. When
// ctx ended, it is ctx's cause.
func (m Mint) Obtain(ctx context.Context, n Need) (Credential, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Credential{}, fmt.Errorf("making a session key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return Credential{}, fmt.Errorf("making a session key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return Credential{}, fmt.Errorf("making a session key: %w", err)
	}
	order, err := m.order(key, n)
	if err != nil {
		return Credential{}, err
	}
	issued, err := m.Issuer.Issue(ctx, order)
	if ctx.Err() != nil {
		// Whoever waited is gone, or its grant is: an answer that came all
		// the same is not used.
		return Credential{}, context.Cause(ctx)
	}
	if err != nil {
		return Credential{}, signerError(err)
	}
	if err := Check(issued.Certificate, order, m.Issuer.Authorities(), m.Now()); err != nil {
		why := "the certificate that was issued is not the one that was asked for, and was not used"
		do := "Tell the operator"
		if clocksDiffer(err, issued.Certificate, order) {
			why = "the certificate that was issued is of another time, and was not used: the clocks of the bastion and of its signer differ"
			do = "Tell the operator: both need NTP"
		}
		return Credential{}, access.Fail(access.ReasonCertificate, why, do, err)
	}
	return credential(signer, issued)
}

// clocksDiffer reports whether a certificate was refused for its times alone,
// although it lives no longer than was asked for: it was made at another time
// than ours. That is only told; it is refused all the same.
func clocksDiffer(err error, cert *ssh.Certificate, order Order) bool {
	var m *Mismatch
	if !errors.As(err, &m) || m.Field != "start" && m.Field != "end" || cert.ValidBefore < cert.ValidAfter {
		return false
	}
	return cert.ValidAfter > 0 && cert.ValidBefore-cert.ValidAfter <= uint64((order.TTL+maxBackdate).Seconds())
}

// order turns a need into an order, within the grant's remaining time.
func (m Mint) order(key ssh.PublicKey, n Need) (Order, error) {
	o := Order{
		Key: key, Host: n.Host, Login: n.Login, KeyID: n.KeyID,
		SourceAddresses: m.SourceAddresses, Extensions: n.Extensions,
		TTL: m.TTL, Asked: m.Now(),
	}
	if !n.NotAfter.IsZero() {
		o.TTL = min(o.TTL, n.NotAfter.Sub(o.Asked).Truncate(time.Second))
		if o.TTL < time.Second {
			return Order{}, access.Refuse(access.ReasonExpired, "the grant has ended", "Ask again")
		}
	}
	if err := o.Validate(); err != nil {
		return Order{}, access.Fail(access.ReasonInternal, "the bastion could not ask for a certificate", "Tell the operator", err)
	}
	return o, nil
}

func credential(signer ssh.Signer, issued Issued) (Credential, error) {
	c := issued.Certificate
	certified, err := ssh.NewCertSigner(c, signer)
	if err != nil {
		return Credential{}, fmt.Errorf("joining key and certificate: %w", err)
	}
	return Credential{Signer: certified, Facts: access.Certificate{
		Serial:         c.Serial,
		KeyID:          c.KeyId,
		CAFingerprint:  ssh.FingerprintSHA256(c.SignatureKey),
		ValidBefore:    time.Unix(int64(c.ValidBefore), 0).UTC(), // Check bounds it
		VaultRequestID: issued.RequestID,
	}}, nil
}

func signerError(err error) error {
	var e *access.Error
	if errors.As(err, &e) {
		return err
	}
	return access.Fail(access.ReasonSigner, "no certificate could be had", "Try again; if it lasts, tell the operator", err)
}
