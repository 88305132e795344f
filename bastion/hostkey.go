package bastion

import (
	"errors"
	"fmt"
	"net"
	"slices"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// hostKeys gives the check for a host's key and the key algorithms to ask for:
// those of the pinned keys, and certificates where CAs are known. Without the
// latter a host with several keys would show one that is not pinned. A host of
// which neither is known is refused: there is no trust on first use.
func hostKeys(h access.Host, now access.Clock) (gossh.HostKeyCallback, []string, error) {
	pinned, err := parseKeys(h.HostKeys)
	if err != nil {
		return nil, nil, err
	}
	cas, err := parseKeys(h.HostCAs)
	if err != nil {
		return nil, nil, err
	}
	if len(pinned)+len(cas) == 0 {
		return nil, nil, errors.New("neither host_keys nor host_ca")
	}
	check := func(_ string, remote net.Addr, key gossh.PublicKey) error {
		cert, ok := key.(*gossh.Certificate)
		if !ok {
			if contains(pinned, key) {
				return nil
			}
			return fmt.Errorf("host key %s is not pinned", gossh.FingerprintSHA256(key))
		}
		return checkHostCertificate(cert, cas, h, remote, now)
	}
	return check, hostKeyAlgorithms(pinned, len(cas) > 0), nil
}

// checkHostCertificate accepts a certificate of one of the CAs for any name of
// the host: the names stand in the inventory, not in what was dialed.
func checkHostCertificate(cert *gossh.Certificate, cas []gossh.PublicKey, h access.Host, remote net.Addr, now access.Clock) error {
	if len(cert.ValidPrincipals) == 0 {
		return errors.New("host certificate for no name")
	}
	checker := gossh.CertChecker{
		IsHostAuthority: func(ca gossh.PublicKey, _ string) bool { return contains(cas, ca) },
		Clock:           now,
	}
	var err error
	for _, name := range h.Names() {
		if err = checker.CheckHostKey(net.JoinHostPort(name, "22"), remote, cert); err == nil {
			return nil
		}
	}
	return err
}

// hostKeyAlgorithms orders certificates first, as OpenSSH does with
// @cert-authority lines.
func hostKeyAlgorithms(pinned []gossh.PublicKey, certificates bool) []string {
	var algorithms []string
	if certificates {
		algorithms = append(algorithms, gossh.CertAlgoED25519v01,
			gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01,
			gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01)
	}
	for _, k := range pinned {
		names := []string{k.Type()}
		if k.Type() == gossh.KeyAlgoRSA { // the key's type is not the signature's: RFC 8332
			names = []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256}
		}
		for _, n := range names {
			if !slices.Contains(algorithms, n) {
				algorithms = append(algorithms, n)
			}
		}
	}
	return algorithms
}

func parseKeys(lines []string) ([]gossh.PublicKey, error) {
	keys := make([]gossh.PublicKey, 0, len(lines))
	for _, line := range lines {
		key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, err
		}
		if _, ok := key.(*gossh.Certificate); ok {
			return nil, errors.New("a certificate is neither a host key nor a CA")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// contains compares raw keys: a certificate never equals a key.
func contains(keys []gossh.PublicKey, key gossh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k gossh.PublicKey) bool {
		return string(k.Marshal()) == string(key.Marshal())
	})
}
