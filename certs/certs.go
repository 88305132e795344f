// Package certs owns what a certificate must be. It says what is asked of an
// issuer ([Order]), checks that exactly this came back ([Check]), and hands
// out a key that can log in to a host only after that check
// ([Mint.Obtain]): the private key is made inside Obtain and leaves it
// together with a checked certificate or not at all. It also owns the keys
// that live in the data directory (the bastion's host key, the host CA for
// jumps, the embedded user CA for the demo), the check of people's own
// certificates ([UserCAs]) and revocation ([Revocations]).
//
// It refuses to talk to anybody: issuers over the network live in packages of
// their own and implement [Issuer]. It never logs.
//
// Start reading at [Mint.Obtain], then [Check].
package certs

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// algoDSA is the algorithm of keys too weak to be used (RFC 4253, section 6.6).
const algoDSA = "ssh-dss"

// sameKey compares keys by their wire form, the only comparison that cannot be
// led astray by an interface.
func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && bytes.Equal(a.Marshal(), b.Marshal())
}

// isCertificate reports whether key is a certificate in the place of a key. A
// certificate used as a CA has passed checks that compared only its inner key
// (CVE-2025-49825).
func isCertificate(key ssh.PublicKey) bool {
	_, ok := key.(*ssh.Certificate)
	return ok
}

// isAuthority reports whether key is one of cas, both raw keys.
func isAuthority(key ssh.PublicKey, cas []ssh.PublicKey) bool {
	if key == nil || isCertificate(key) {
		return false
	}
	for _, ca := range cas {
		if !isCertificate(ca) && sameKey(ca, key) {
			return true
		}
	}
	return false
}

// AuthorizedLine writes a public key as it stands in authorized_keys, in a
// host's TrustedUserCAKeys and in .pub files, without a line break.
func AuthorizedLine(key ssh.PublicKey, comment string) string {
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
	if comment = access.Plain(comment, 100); comment != "" {
		line += " " + comment
	}
	return line
}

// ParseAuthorities reads the public keys of CAs in authorized_keys form, one a
// line; blank lines and comments are skipped. The error names the line. A
// certificate is refused.
func ParseAuthorities(text []byte) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	for n, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, _, options, _, err := ssh.ParseAuthorizedKey(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: no public key: %w", n+1, err)
		case len(options) > 0:
			return nil, fmt.Errorf("line %d: options before a key are not understood here", n+1)
		case isCertificate(key):
			return nil, fmt.Errorf("line %d: a certificate is no CA", n+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
