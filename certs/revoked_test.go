package certs_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
)

// revokedWorld is what the lists in these tests are asked about.
type revokedWorld struct {
	dir       string
	ca, other ssh.Signer
	key       ssh.PublicKey
}

func newRevokedWorld(t *testing.T) revokedWorld {
	w := revokedWorld{dir: t.TempDir(), ca: newSigner(t), other: newSigner(t), key: newSigner(t).PublicKey()}
	writePublic(t, w.dir, "ca.pub", w.ca.PublicKey())
	writePublic(t, w.dir, "key.pub", w.key)
	return w
}

func (w revokedWorld) cert(t *testing.T, ca ssh.Signer, serial uint64, id string) *ssh.Certificate {
	t.Helper()
	c := personCertificate(newSigner(t).PublicKey())
	c.Serial, c.KeyId = serial, id
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return c
}

// list makes a key revocation list with ssh-keygen.
func (w revokedWorld) list(t *testing.T, spec string, args ...string) *certs.Revocations {
	t.Helper()
	writeFile(t, filepath.Join(w.dir, "spec"), spec)
	run(t, w.dir, "ssh-keygen", append(append([]string{"-q", "-k", "-f", "krl"}, args...), "spec")...)
	r, err := certs.ReadRevocations(filepath.Join(w.dir, "krl"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRevokedSerials(t *testing.T) {
	w := newRevokedWorld(t)
	specs := map[string]string{
		"list":   "serial: 5\nserial: 1000000\nserial: 18446744073709551615\n",
		"range":  "serial: 5-70000\nserial: 1000000\nserial: 18446744073709551615\n",
		"bitmap": "serial: 5\nserial: 1000000\nserial: 18446744073709551615\n",
	}
	for i := uint64(100); i < 400; i += 3 { // dense enough that ssh-keygen writes a bitmap
		specs["bitmap"] += fmt.Sprintf("serial: %d\n", i)
	}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			r := w.list(t, spec, "-s", "ca.pub")
			for serial, want := range map[uint64]bool{
				5: true, 1000000: true, 1<<64 - 1: true, 4: false, 1000001: false, 0: false,
				103: name != "list", 104: name == "range",
			} {
				if got := r.Revoked(w.cert(t, w.ca, serial, "x")); got != want {
					t.Errorf("serial %d: revoked %v, want %v", serial, got, want)
				}
				if r.Revoked(w.cert(t, w.other, serial, "x")) {
					t.Errorf("serial %d of another CA is revoked", serial)
				}
			}
		})
	}
}

func TestRevokedKeyIDs(t *testing.T) {
	w := newRevokedWorld(t)
	ofCA := w.list(t, "id: alice laptop\nid: lost\n", "-s", "ca.pub")
	for id, want := range map[string]bool{"alice laptop": true, "lost": true, "alice": false, "": false} {
		if got := ofCA.Revoked(w.cert(t, w.ca, 9, id)); got != want {
			t.Errorf("key ID %q: revoked %v", id, got)
		}
	}
	if ofCA.Revoked(w.cert(t, w.other, 9, "lost")) {
		t.Error("a key ID of another CA is revoked")
	}
	ofAny := w.list(t, "id: lost\n", "-s", "none")
	if !ofAny.Revoked(w.cert(t, w.other, 9, "lost")) {
		t.Error("a key ID of any CA is not revoked")
	}
}

func TestRevokedKeys(t *testing.T) {
	w := newRevokedWorld(t)
	line := certs.AuthorizedLine(w.key, "")
	lists := map[string]*certs.Revocations{
		"key":         w.list(t, "key: "+line+"\n"),
		"sha1":        w.list(t, "sha1: "+line+"\n"),
		"sha256":      w.list(t, "sha256: "+line+"\n"),
		"fingerprint": w.list(t, "hash: "+ssh.FingerprintSHA256(w.key)+"\n"),
	}
	text, err := certs.ParseRevocations([]byte("# lost in the train\n\n" + line + " alice\n"))
	if err != nil {
		t.Fatal(err)
	}
	lists["text"] = text

	within := personCertificate(w.key)
	if err := within.SignCert(rand.Reader, w.ca); err != nil {
		t.Fatal(err)
	}
	for name, r := range lists {
		if !r.Revoked(w.key) || !r.Revoked(within) {
			t.Errorf("%s: the key is not revoked, alone or in a certificate", name)
		}
		if r.Revoked(w.ca.PublicKey()) || r.Revoked(w.cert(t, w.ca, 1, "x")) {
			t.Errorf("%s: another key is revoked", name)
		}
	}
}

func TestRevokedCA(t *testing.T) {
	w := newRevokedWorld(t)
	r := w.list(t, "key: "+certs.AuthorizedLine(w.ca.PublicKey(), "")+"\n")
	if !r.Revoked(w.cert(t, w.ca, 1, "x")) || r.Revoked(w.cert(t, w.other, 1, "x")) {
		t.Error("a revoked CA revokes its certificates, and no other's")
	}
}

func TestNothingRevoked(t *testing.T) {
	w := newRevokedWorld(t)
	empty, err := certs.ParseRevocations(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*certs.Revocations{nil, empty} {
		if r.Revoked(w.key) || r.Revoked(w.cert(t, w.ca, 1, "x")) {
			t.Error("revoked by nothing")
		}
	}
	if !empty.Revoked(nil) {
		t.Error("no key at all passes")
	}
}

// A list that cannot be understood to its end is an error: what it would have
// revoked is not known. Every cut must be noticed or fall between sections.
func TestDamagedRevocations(t *testing.T) {
	w := newRevokedWorld(t)
	w.list(t, "serial: 5-70000\nid: x\nkey: "+certs.AuthorizedLine(w.key, "")+"\n", "-s", "ca.pub")
	data, err := os.ReadFile(filepath.Join(w.dir, "krl"))
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for n := range data {
		if _, err := certs.ParseRevocations(data[:n]); err == nil {
			whole++ // nothing, or cut exactly between two sections
		}
	}
	if whole > 3 {
		t.Errorf("%d of %d cuts went unnoticed", whole, len(data))
	}
	unknown := append(append([]byte{}, data...), 99, 0, 0, 0, 0)
	if _, err := certs.ParseRevocations(unknown); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("an unknown section: %v", err)
	}
	if _, err := certs.ParseRevocations([]byte("ssh-ed25519 garbage\n")); err == nil {
		t.Error("a line that is no key passed")
	}
	if _, err := certs.ReadRevocations(filepath.Join(w.dir, "missing")); err == nil {
		t.Error("a missing file passed")
	}
}

func FuzzRevocations(f *testing.F) {
	f.Add([]byte("SSHKRL\n\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 32) + "\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := certs.ParseRevocations(data)
		if err == nil {
			r.Revoked(newSigner(t).PublicKey())
		}
	})
}
