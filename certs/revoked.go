package certs

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"

	"golang.org/x/crypto/ssh"
)

// maxRevocations bounds the file of revoked keys, in bytes.
const maxRevocations = 64 << 20

// Revocations are keys and certificates that count no longer, as in sshd's
// RevokedKeys: an OpenSSH key revocation list or a text of public keys. It is
// immutable and safe for concurrent use; the caller reads it anew when the
// file changes. A nil one revokes nothing.
type Revocations struct {
	keys    map[string]bool // wire form of plain keys
	sha1s   map[[sha1.Size]byte]bool
	sha256s map[[sha256.Size]byte]bool
	certs   []revokedCerts
}

// revokedCerts are certificates of one CA, or of all.
type revokedCerts struct {
	ca      []byte // wire form; empty: any
	keyIDs  map[string]bool
	serials map[uint64]bool
	ranges  []serialRange
	bitmaps []serialBitmap
}

type serialRange struct{ first, last uint64 } // both included

// serialBitmap revokes offset+N for each bit N that is set. It is kept as it
// stands: unfolding it would let a short file take much memory.
type serialBitmap struct {
	offset uint64
	bits   *big.Int
}

// ReadRevocations reads ssh.revoked_keys. When it returns an error nobody can
// say who is revoked: refuse everyone, or keep what was read before.
func ReadRevocations(file string) (*Revocations, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRevocations+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRevocations {
		return nil, fmt.Errorf("%s: larger than %d bytes", file, maxRevocations)
	}
	r, err := ParseRevocations(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// ParseRevocations reads a key revocation list as ssh-keygen -k writes it
// (OpenSSH's PROTOCOL.krl), or else public keys, one a line. Whatever it does
// not understand is an error: it might revoke something. Signatures within a
// list are skipped, for the file is local and as trusted as the configuration.
func ParseRevocations(data []byte) (*Revocations, error) {
	r := &Revocations{
		keys:    map[string]bool{},
		sha1s:   map[[sha1.Size]byte]bool{},
		sha256s: map[[sha256.Size]byte]bool{},
	}
	if bytes.HasPrefix(data, []byte(krlMagic)) {
		return r, r.parseKRL(data)
	}
	return r, r.parseLines(data)
}

func (r *Revocations) parseLines(data []byte) error {
	for n, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			return fmt.Errorf("line %d: neither a public key nor a revocation list: %w", n+1, err)
		}
		// A certificate in the list revokes the key in it, as in sshd.
		r.keys[string(plainKey(key).Marshal())] = true
	}
	return nil
}

// Revoked reports whether key counts no longer. Of a certificate it asks for
// the certificate, the key in it and its CA.
func (r *Revocations) Revoked(key ssh.PublicKey) bool {
	if r == nil {
		return false
	}
	if key == nil {
		return true
	}
	if r.keyRevoked(plainKey(key)) {
		return true
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return false
	}
	if cert.SignatureKey == nil || r.keyRevoked(plainKey(cert.SignatureKey)) {
		return true
	}
	ca := cert.SignatureKey.Marshal()
	for _, c := range r.certs {
		if (len(c.ca) == 0 || bytes.Equal(c.ca, ca)) && c.revokes(cert) {
			return true
		}
	}
	return false
}

func (r *Revocations) keyRevoked(key ssh.PublicKey) bool {
	wire := key.Marshal()
	return r.keys[string(wire)] || r.sha1s[sha1.Sum(wire)] || r.sha256s[sha256.Sum256(wire)]
}

func (c revokedCerts) revokes(cert *ssh.Certificate) bool {
	if c.keyIDs[cert.KeyId] {
		return true
	}
	if cert.Serial == 0 { // stands for "none given": sshd doesn't match it either
		return false
	}
	if c.serials[cert.Serial] {
		return true
	}
	for _, s := range c.ranges {
		if s.first <= cert.Serial && cert.Serial <= s.last {
			return true
		}
	}
	for _, b := range c.bitmaps {
		if cert.Serial < b.offset {
			continue
		}
		if n := cert.Serial - b.offset; n < uint64(b.bits.BitLen()) && b.bits.Bit(int(n)) == 1 {
			return true
		}
	}
	return false
}

// plainKey is the key within a certificate, or key itself.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if c, ok := key.(*ssh.Certificate); ok {
		return c.Key
	}
	return key
}

var errKRL = errors.New("damaged key revocation list")
