package certs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

const (
	// grace is how much later than asked a certificate may end, and how far
	// in the future it may begin: the issuer's clock is not ours.
	grace = 5 * time.Second
	// maxBackdate is how long ago it may have begun. Vault backdates by 30 s.
	maxBackdate = time.Minute
)

// Mismatch says in which field a certificate is not what was asked for. It is
// the operator's error and an audit reason; its texts are safe to show.
type Mismatch struct {
	Field string // such as "principals"; a stable word
	Asked string
	Got   string
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("certificate refused: %s: asked for %s, got %s", m.Field, m.Asked, m.Got)
}

func mismatch(field, asked, got string) error {
	return &Mismatch{Field: field, Asked: asked, Got: access.Plain(got, 200)}
}

// Check is invariant 3: a certificate, whoever signed it, is used only if it
// has exactly the key, one principal, key ID, options and extensions that were
// asked for, ends no later than asked (5 s of grace) and begins within the
// last minute. cas are the pinned raw keys of CAs; now is the time of the
// answer. The error is a [*Mismatch].
func Check(cert *ssh.Certificate, order Order, cas []ssh.PublicKey, now time.Time) error {
	if cert == nil {
		return mismatch("certificate", "one", "none")
	}
	for _, check := range []func() error{
		func() error { return checkTimes(cert, order, now) }, // first: verifying reads the times
		func() error { return checkSignature(cert, cas) },
		func() error { return checkSubject(cert, order) },
		func() error { return checkOptions(cert, order) },
		func() error { return checkExtensions(cert, order) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func checkSignature(cert *ssh.Certificate, cas []ssh.PublicKey) error {
	if !isAuthority(cert.SignatureKey, cas) {
		return mismatch("signature key", "a pinned CA", keyName(cert.SignatureKey))
	}
	if err := verifySignature(cert); err != nil {
		return mismatch("signature", "a valid one", err.Error())
	}
	if cert.CertType != ssh.UserCert {
		return mismatch("type", "user certificate", fmt.Sprintf("type %d", cert.CertType))
	}
	return nil
}

func checkSubject(cert *ssh.Certificate, order Order) error {
	if isCertificate(cert.Key) || !sameKey(cert.Key, order.Key) {
		return mismatch("key", keyName(order.Key), keyName(cert.Key))
	}
	// No comma can be in order.Login, but it is part of the rule that a
	// principal with one (CVE-2026-35414) never passes.
	if len(cert.ValidPrincipals) != 1 || cert.ValidPrincipals[0] != order.Login || !access.ValidLogin(order.Login) {
		return mismatch("principals", fmt.Sprintf("[%q]", order.Login), fmt.Sprintf("%q", cert.ValidPrincipals))
	}
	if cert.KeyId != order.KeyID {
		return mismatch("key ID", fmt.Sprintf("%q", order.KeyID), fmt.Sprintf("%q", cert.KeyId))
	}
	if len(cert.Reserved) > 0 {
		return mismatch("reserved field", "nothing", fmt.Sprintf("%d bytes", len(cert.Reserved)))
	}
	return nil
}

func checkOptions(cert *ssh.Certificate, order Order) error {
	const field = "critical options"
	asked := "none"
	if len(order.SourceAddresses) > 0 {
		asked = sourceAddress + "=" + joinPrefixes(order.SourceAddresses)
	}
	for name := range cert.CriticalOptions {
		if name != sourceAddress || len(order.SourceAddresses) == 0 {
			return mismatch(field, asked, name)
		}
	}
	if len(order.SourceAddresses) == 0 {
		return nil
	}
	got, ok := cert.CriticalOptions[sourceAddress]
	if !ok {
		return mismatch(field, asked, "none")
	}
	prefixes, err := parsePrefixes(got)
	if err != nil || !samePrefixes(prefixes, order.SourceAddresses) {
		return mismatch(field, asked, sourceAddress+"="+got)
	}
	return nil
}

func checkExtensions(cert *ssh.Certificate, order Order) error {
	const field = "extensions"
	asked := fmt.Sprintf("%q", order.Extensions)
	for name, value := range cert.Extensions {
		if !slices.Contains(order.Extensions, name) || value != "" {
			return mismatch(field, asked, fmt.Sprintf("%s=%q", name, value))
		}
	}
	for _, name := range order.Extensions {
		if _, ok := cert.Extensions[name]; !ok {
			return mismatch(field, asked, "no "+name)
		}
	}
	return nil
}

func checkTimes(cert *ssh.Certificate, order Order, now time.Time) error {
	// Both are seconds in a uint64: what does not fit in an int64 is the
	// infinity of ssh-keygen or an attempt at a wrap.
	if cert.ValidBefore > math.MaxInt64 || cert.ValidAfter > math.MaxInt64 {
		return mismatch("end", "an end", "a certificate without one")
	}
	begin, end := time.Unix(int64(cert.ValidAfter), 0), time.Unix(int64(cert.ValidBefore), 0)
	switch latest := order.Asked.Add(order.TTL + grace); {
	case end.After(latest):
		return mismatch("end", "at most "+stamp(latest), stamp(end))
	case !end.After(now):
		return mismatch("end", "after "+stamp(now), stamp(end))
	case begin.Before(now.Add(-maxBackdate)):
		return mismatch("start", "within the minute before "+stamp(now), stamp(begin))
	case begin.After(now.Add(grace)):
		return mismatch("start", "before "+stamp(now), stamp(begin)+" (do the clocks agree?)")
	}
	return nil
}

// verifySignature reports whether the CA named in cert signed it, with an
// algorithm that is still good. It says nothing about who that CA is.
func verifySignature(cert *ssh.Certificate) error {
	if cert.Signature == nil || cert.SignatureKey == nil || cert.Key == nil {
		return errors.New("no signature")
	}
	switch cert.Signature.Format {
	case ssh.KeyAlgoRSA, algoDSA: // SHA-1; OpenSSH 8.2 refuses them too
		return fmt.Errorf("signed with %s", cert.Signature.Format)
	}
	// The library exports the verification only within CheckCert. Give it
	// what makes its other checks pass: they are made, stricter, by us.
	checker := ssh.CertChecker{Clock: func() time.Time { return time.Unix(int64(cert.ValidAfter), 0) }}
	for name := range cert.CriticalOptions {
		checker.SupportedCriticalOptions = append(checker.SupportedCriticalOptions, name)
	}
	principal := ""
	if len(cert.ValidPrincipals) > 0 {
		principal = cert.ValidPrincipals[0]
	}
	return checker.CheckCert(principal, cert)
}

// keyName names a key in an error.
func keyName(key ssh.PublicKey) string {
	if key == nil {
		return "none"
	}
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
