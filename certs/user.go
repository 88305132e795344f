package certs

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// UserCAs are the CAs whose certificates identify people, raw keys. Without
// any, no certificate does.
type UserCAs []ssh.PublicKey

// Person checks a certificate that somebody offers at the front door and says
// whose it is: of a user, signed by one of the CAs, for exactly one principal,
// the person's name, used within its time and from where it may be used.
// The source address is enforced here, against remote: nothing needs to be
// passed on for it. Extensions give nothing, so no-touch-required frees nobody
// from touching their key, as long as the caller copies none of them into its
// permissions.
//
// Whether the client holds the key, whether it is revoked ([Revocations]) and
// whether there is such a person is for the caller to find out. The error is
// for the operator.
func (cas UserCAs) Person(cert *ssh.Certificate, remote netip.Addr, now time.Time) (access.PersonName, access.UserCertificate, error) {
	name, err := cas.person(cert, remote, now)
	if err != nil {
		return "", access.UserCertificate{}, err
	}
	facts := access.UserCertificate{
		KeyID:         access.Plain(cert.KeyId, 200),
		Serial:        cert.Serial,
		CAFingerprint: ssh.FingerprintSHA256(cert.SignatureKey),
	}
	if cert.ValidBefore <= math.MaxInt64 {
		facts.ValidBefore = time.Unix(int64(cert.ValidBefore), 0).UTC()
	}
	return name, facts, nil
}

func (cas UserCAs) person(cert *ssh.Certificate, remote netip.Addr, now time.Time) (access.PersonName, error) {
	switch {
	case cert == nil || cert.Key == nil || isCertificate(cert.Key):
		return "", fmt.Errorf("no certificate of a key")
	case !isAuthority(cert.SignatureKey, cas):
		return "", fmt.Errorf("signed by %s, which is none of ssh.user_cas", keyName(cert.SignatureKey))
	case cert.CertType != ssh.UserCert:
		return "", fmt.Errorf("type %d is no user certificate", cert.CertType)
	}
	if err := verifySignature(cert); err != nil {
		return "", err
	}
	// None would mean "everybody" to some readers, several nobody in
	// particular; a comma (CVE-2026-35414) is in no valid name.
	if len(cert.ValidPrincipals) != 1 || !access.ValidName(cert.ValidPrincipals[0]) {
		return "", fmt.Errorf("principals %s: exactly one, the person's name, is needed",
			access.Plain(fmt.Sprintf("%q", cert.ValidPrincipals), 200))
	}
	if cert.ValidAfter > math.MaxInt64 || now.Before(time.Unix(int64(cert.ValidAfter), 0)) {
		return "", fmt.Errorf("not valid yet")
	}
	// ssh-keygen writes a certificate without end as 1<<64-1.
	if cert.ValidBefore != ssh.CertTimeInfinity &&
		(cert.ValidBefore > math.MaxInt64 || !now.Before(time.Unix(int64(cert.ValidBefore), 0))) {
		return "", fmt.Errorf("expired")
	}
	if err := checkUserOptions(cert, remote); err != nil {
		return "", err
	}
	return access.PersonName(cert.ValidPrincipals[0]), nil
}

// checkUserOptions refuses every critical option but source-address:
// force-command has no meaning here, and verify-required cannot be checked
// (the SSH library hands out no user-verification flag).
func checkUserOptions(cert *ssh.Certificate, remote netip.Addr) error {
	for option, value := range cert.CriticalOptions {
		if option != sourceAddress {
			return fmt.Errorf("the critical option %q is not understood", access.Plain(option, 60))
		}
		prefixes, err := parsePrefixes(value)
		if err != nil {
			return fmt.Errorf("%s: %w", sourceAddress, err)
		}
		if !anyContains(prefixes, remote) {
			return fmt.Errorf("not valid from %s", remote)
		}
	}
	return nil
}
