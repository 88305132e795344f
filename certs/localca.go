package certs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// backdate is how long before its making a certificate begins, for hosts whose
// clocks are behind. It is Vault's not_before_duration.
const backdate = 30 * time.Second

// LocalCA is the embedded user CA, for the demo and for trying without Vault.
// Its key lies in the data directory: whoever reads that may log in to every
// host that trusts it, which is why production uses Vault. It is safe for
// concurrent use.
type LocalCA struct {
	key ssh.Signer
	now access.Clock
}

// OpenLocalCA loads the CA's key from dir, the keys directory, or generates it.
func OpenLocalCA(dir string, now access.Clock) (*LocalCA, error) {
	key, err := loadOrCreate(filepath.Join(dir, userCAFile), "sallyport user CA")
	if err != nil {
		return nil, err
	}
	return &LocalCA{key: key, now: now}, nil
}

// HasLocalCA reports whether [OpenLocalCA] would generate nothing.
func HasLocalCA(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, userCAFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// PublicKey is what hosts put into TrustedUserCAKeys.
func (ca *LocalCA) PublicKey() ssh.PublicKey { return ca.key.PublicKey() }

// Authorities implements [Issuer].
func (ca *LocalCA) Authorities() []ssh.PublicKey { return []ssh.PublicKey{ca.PublicKey()} }

// Issue implements [Issuer]. It cannot be slow and so ignores ctx.
func (ca *LocalCA) Issue(_ context.Context, o Order) (Issued, error) {
	serial, err := newSerial()
	if err != nil {
		return Issued{}, localFailure(err)
	}
	now := ca.now()
	cert := &ssh.Certificate{
		Key:             o.Key,
		Serial:          serial,
		CertType:        ssh.UserCert,
		KeyId:           o.KeyID,
		ValidPrincipals: []string{o.Login},
		ValidAfter:      uint64(now.Add(-backdate).Unix()),
		ValidBefore:     uint64(now.Add(o.TTL).Unix()),
		Permissions:     ssh.Permissions{Extensions: map[string]string{}},
	}
	for _, e := range o.Extensions {
		cert.Extensions[e] = ""
	}
	if len(o.SourceAddresses) > 0 {
		cert.CriticalOptions = map[string]string{sourceAddress: o.SourceAddressValue()}
	}
	if err := cert.SignCert(rand.Reader, ca.key); err != nil {
		return Issued{}, localFailure(err)
	}
	return Issued{Certificate: cert}, nil
}

func localFailure(err error) error {
	return access.Fail(access.ReasonSigner, "the local CA could not sign a certificate", "Tell the operator", err)
}

// newSerial makes a random serial, as Vault does. It is never 0, which stands
// for "no serial" in revocation lists.
func newSerial() (uint64, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("making a serial: %w", err)
	}
	return binary.BigEndian.Uint64(b[:]) | 1, nil
}
