package certs_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/tooltest"
)

// noon is the time in these tests, where nothing else judges it.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func clock(t time.Time) access.Clock { return func() time.Time { return t } }

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newOrder(t *testing.T) certs.Order {
	t.Helper()
	return certs.Order{
		Key:             newSigner(t).PublicKey(),
		Host:            access.Host{Name: "db1"},
		Login:           "root",
		KeyID:           certs.KeyID("alice", "01J000000000000000000000S1", "01J000000000000000000000G1"),
		SourceAddresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("10.1.0.0/16")},
		Extensions:      []string{certs.PermitPty, certs.PermitAgentForwarding},
		TTL:             90 * time.Second,
		Asked:           noon,
	}
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tooltest.Path(t, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// writePublic writes a key or certificate for ssh-keygen to read.
func writePublic(t *testing.T, dir, name string, key ssh.PublicKey) string {
	t.Helper()
	file := filepath.Join(dir, name)
	writeFile(t, file, certs.AuthorizedLine(key, "test")+"\n")
	return file
}
