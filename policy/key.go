package policy

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// minRSA is the shortest RSA key taken, in bits.
const minRSA = 2048

// What a key may be for. Hosts have no security keys; a CA may.
var (
	forHosts  = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}
	forPeople = append([]string{ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256}, forHosts...)
)

// ParseKey reads the public key of a person or a CA, one line of
// authorized_keys form, by the rules that hold for keys in the access file: no
// options, no certificates, nothing weak.
func ParseKey(line string) (ssh.PublicKey, string, error) { return parseKey(line, forPeople) }

// parseKey reads one line of authorized_keys form, strictly. Options are
// refused, not dropped: each of them narrows what a key may do (or, as
// no-touch-required, widens it), and none of them would be honoured here.
func parseKey(line string, types []string) (ssh.PublicKey, string, error) {
	if strings.Contains(line, "PRIVATE KEY") {
		return nil, "", errors.New("holds a private key; give the public one, and replace the pair")
	}
	pub, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, "", errors.New(`is no public key such as "ssh-ed25519 AAAA… comment"`)
	}
	if len(options) > 0 {
		return nil, "", fmt.Errorf("carries the option %q; options are not honoured here: give the plain key", options[0])
	}
	if _, ok := pub.(*ssh.Certificate); ok {
		return nil, "", errors.New("is a certificate; give the plain key")
	}
	if !slices.Contains(types, pub.Type()) {
		return nil, "", fmt.Errorf("keys of type %s are not taken; take ssh-ed25519", pub.Type())
	}
	if c, ok := pub.(ssh.CryptoPublicKey); ok {
		if k, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
			return nil, "", fmt.Errorf("is an RSA key of %d bits; at least %d are taken", k.N.BitLen(), minRSA)
		}
	}
	return pub, comment, nil
}
