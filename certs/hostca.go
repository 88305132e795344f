package certs

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

const (
	// hostTTL is how long a host certificate lives: only the handshake
	// needs it.
	hostTTL = time.Hour
	// hostBackdate is generous: it is people's laptops that check it.
	hostBackdate = 10 * time.Minute
)

// HostCA mints the host certificates that the bastion shows when it ends the
// inner SSH of a jump in a host's place. It is safe for concurrent use.
type HostCA struct {
	key  ssh.Signer // signs
	leaf ssh.Signer // is certified; in memory, made anew at each start
	now  access.Clock

	mu     sync.Mutex
	minted map[string]mintedHost // by the names in it, so a changed inventory mints anew
}

type mintedHost struct {
	signer ssh.Signer
	renew  time.Time // and expired half an hour later
}

// OpenHostCA loads the CA's key from dir, the keys directory, or generates it.
func OpenHostCA(dir string, now access.Clock) (*HostCA, error) {
	key, err := loadOrCreate(filepath.Join(dir, hostCAFile), "sallyport host CA")
	if err != nil {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a host key: %w", err)
	}
	leaf, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("making a host key: %w", err)
	}
	return &HostCA{key: key, leaf: leaf, now: now, minted: map[string]mintedHost{}}, nil
}

// PublicKey is what people's known_hosts trusts: see [KnownHostsLine].
func (ca *HostCA) PublicKey() ssh.PublicKey { return ca.key.PublicKey() }

// Signer is the host key to show in the place of h, with a certificate for
// its name and aliases. h must come from the inventory: a certificate is
// minted for known names only. One minted before is used until half its life
// is over.
func (ca *HostCA) Signer(h access.Host) (ssh.Signer, error) {
	for _, name := range h.Names() {
		if !access.ValidName(name) { // no comma, no wildcard, never empty
			return nil, fmt.Errorf("%q cannot be in a host certificate", access.Plain(name, 60))
		}
	}
	id, now := strings.Join(h.Names(), ","), ca.now()
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if m, ok := ca.minted[id]; ok && now.Before(m.renew) {
		return m.signer, nil
	}
	signer, err := ca.mint(h.Names(), now)
	if err != nil {
		return nil, fmt.Errorf("minting a host certificate: %w", err)
	}
	// What is due for renewal was either not used for half an hour or left
	// the inventory: forget it, so that the map cannot outgrow the inventory.
	for other, m := range ca.minted {
		if !now.Before(m.renew) {
			delete(ca.minted, other)
		}
	}
	ca.minted[id] = mintedHost{signer: signer, renew: now.Add(hostTTL / 2)}
	return signer, nil
}

func (ca *HostCA) mint(names []string, now time.Time) (ssh.Signer, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	cert := &ssh.Certificate{
		Key:             ca.leaf.PublicKey(),
		Serial:          serial,
		CertType:        ssh.HostCert,
		KeyId:           "sallyport host=" + names[0],
		ValidPrincipals: names,
		ValidAfter:      uint64(now.Add(-hostBackdate).Unix()),
		ValidBefore:     uint64(now.Add(hostTTL).Unix()),
	}
	if err := cert.SignCert(rand.Reader, ca.key); err != nil {
		return nil, err
	}
	return ssh.NewCertSigner(cert, ca.leaf)
}

// KnownHostsLine is the line by which a person's known_hosts trusts ca for h:
// "@cert-authority NAME,ALIAS KEY", without a line break. It never names more
// than h: a CA trusted for "*" could stand for any host in the world.
func KnownHostsLine(h access.Host, ca ssh.PublicKey) string {
	return "@cert-authority " + strings.Join(h.Names(), ",") + " " + AuthorizedLine(ca, "")
}
