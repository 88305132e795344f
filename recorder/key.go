package recorder

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	keyPrefix   = "recording-"
	publicEnd   = ".pub"
	pemType     = "PRIVATE KEY"
	keyIDLength = 16 // hexadecimal digits
)

// Keyring holds the keys that sign manifests. Each lies in a file
// recording-KEYID (PKCS #8 in PEM, 0600) beside recording-KEYID.pub, a line
// for a trust file. The newest signs; a new one is endorsed by the one before
// it, so that who trusts the old one can trust the new. It is safe for
// concurrent use.
type Keyring struct {
	dir string

	mu      sync.Mutex
	current ed25519.PrivateKey
	public  []PublicKey // oldest first; the last is current
}

// keyID names a key by its own digest.
func keyID(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return hex.EncodeToString(sum[:])[:keyIDLength]
}

// LoadKeys reads the keys of dir and makes the first one when there is none.
func LoadKeys(dir string, now func() time.Time) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	public, err := readPublicKeys(dir)
	if err != nil {
		return nil, err
	}
	k := &Keyring{dir: dir, public: public}
	if len(k.public) == 0 {
		return k, k.Rotate(now())
	}
	id := k.ID()
	k.current, err = readPrivateKey(filepath.Join(dir, keyPrefix+id))
	if err == nil && keyID(k.current.Public().(ed25519.PublicKey)) != id {
		err = errors.New("the private key is not the one its name says")
	}
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", id, err)
	}
	return k, nil
}

// readPublicKeys reads the public keys of dir, oldest first.
func readPublicKeys(dir string) (public []PublicKey, err error) {
	names, err := filepath.Glob(filepath.Join(dir, keyPrefix+"*"+publicEnd))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		pub, err := parsePublicKey(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		public = append(public, pub)
	}
	slices.SortFunc(public, func(a, b PublicKey) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return public, nil
}

// ReadKeys reads the public keys of dir, of which there may be none. It makes
// nothing, and what it gives signs nothing.
func ReadKeys(dir string) (*Keyring, error) {
	public, err := readPublicKeys(dir)
	return &Keyring{dir: dir, public: public}, err
}

// ReadTrust gives the trust in the public keys of a keys directory, of which
// there may be none. It makes nothing.
func ReadTrust(dir string) (Trust, error) {
	keys, err := ReadKeys(dir)
	return keys.Trust(), err
}

// ID is that of the key that signs.
func (k *Keyring) ID() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id()
}

func (k *Keyring) id() string { return k.public[len(k.public)-1].ID }

// Public lists the public keys, oldest first.
func (k *Keyring) Public() []PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.public)
}

// signer is the current key, with those that endorsed it one after the other,
// itself last; none if nobody did.
func (k *Keyring) signer() (id string, key ed25519.PrivateKey, chain []PublicKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id = k.id()
	for i, at := len(k.public)-1, id; i >= 0; i-- {
		if p := k.public[i]; p.ID == at {
			chain = append(chain, p)
			at = p.SignedBy
		}
	}
	slices.Reverse(chain)
	if len(chain) == 1 {
		chain = nil
	}
	return id, k.current, chain
}

// Rotate makes a new key, endorsed by the current one if there is one, and
// signs with it from now on. What the old one signed stays as it is. When it
// fails, the old one goes on.
func (k *Keyring) Rotate(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current == nil && len(k.public) > 0 {
		return errors.New("the private key was not read, so there is none to sign a new one")
	}
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	p := PublicKey{ID: keyID(pub), Key: pub, CreatedAt: now.UTC().Truncate(time.Second)}
	if k.current != nil {
		if last := k.public[len(k.public)-1].CreatedAt; !p.CreatedAt.After(last) {
			p.CreatedAt = last.Add(time.Second) // the order is by time
		}
		p.SignedBy = k.id()
	}
	line, err := p.encode(k.current)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	// The private key first: the public one makes it count.
	var none reserve
	secret := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	if err := replaceFile(k.dir, keyPrefix+p.ID, secret, &none); err != nil {
		return err
	}
	if err := replaceFile(k.dir, keyPrefix+p.ID+publicEnd, line, &none); err != nil {
		return err
	}
	if p, err = parsePublicKey(line); err != nil {
		return err
	}
	k.current, k.public = private, append(k.public, p)
	return nil
}

func readPrivateKey(name string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemType || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("not one PEM block of type " + pemType)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("not an ed25519 key")
	}
	return private, nil
}
