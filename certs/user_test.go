package certs_test

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
)

func TestPersonByCertificate(t *testing.T) {
	ca, key, from := newSigner(t), newSigner(t).PublicKey(), netip.MustParseAddr("192.0.2.7")
	tests := []struct {
		name   string
		change func(*ssh.Certificate)
		good   bool
	}{
		{"as it should be", func(*ssh.Certificate) {}, true},
		{"from here", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "10.0.0.0/8,192.0.2.7" }, true},
		{"without end", func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }, true},
		{"with extensions, which give nothing", func(c *ssh.Certificate) { c.Extensions["no-touch-required"] = "" }, true},
		{"from elsewhere", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "192.0.2.8/32" }, false},
		{"from nonsense", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "192.0.2.7,!x" }, false},
		{"from nowhere", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "" }, false},
		{"forced command", func(c *ssh.Certificate) { c.CriticalOptions["force-command"] = "true" }, false},
		{"verification wanted", func(c *ssh.Certificate) { c.CriticalOptions["verify-required"] = "" }, false},
		{"a host's", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, false},
		{"for everybody", func(c *ssh.Certificate) { c.ValidPrincipals = nil }, false},
		{"for two", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"alice", "bob"} }, false},
		{"with a comma", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"alice,bob"} }, false},
		{"for no name", func(c *ssh.Certificate) { c.ValidPrincipals = []string{""} }, false},
		{"over", func(c *ssh.Certificate) { c.ValidBefore = uint64(noon.Unix()) }, false},
		{"over long ago, by wrapping", func(c *ssh.Certificate) { c.ValidBefore = 1 << 63 }, false},
		{"to come", func(c *ssh.Certificate) { c.ValidAfter = uint64(noon.Unix()) + 1 }, false},
		{"to come, by wrapping", func(c *ssh.Certificate) { c.ValidAfter = 1<<64 - 1 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := personCertificate(key)
			tt.change(c)
			if err := c.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			name, facts, err := certs.UserCAs{ca.PublicKey()}.Person(c, from, noon)
			if tt.good && (err != nil || name != "alice" || facts.KeyID != "laptop" || facts.Serial != 3) {
				t.Errorf("got %q, %+v, %v", name, facts, err)
			}
			if !tt.good && (err == nil || name != "") {
				t.Errorf("accepted as %q", name)
			}
		})
	}
}

func personCertificate(key ssh.PublicKey) *ssh.Certificate {
	return &ssh.Certificate{
		Key: key, Serial: 3, CertType: ssh.UserCert, KeyId: "laptop", ValidPrincipals: []string{"alice"},
		ValidAfter: uint64(noon.Add(-time.Hour).Unix()), ValidBefore: uint64(noon.Add(time.Hour).Unix()),
		Permissions: ssh.Permissions{CriticalOptions: map[string]string{}, Extensions: map[string]string{}},
	}
}

func TestPersonNeedsARawAuthority(t *testing.T) {
	ca, from := newSigner(t), netip.MustParseAddr("::ffff:192.0.2.7")
	c := personCertificate(newSigner(t).PublicKey())
	c.CriticalOptions["source-address"] = "192.0.2.0/24"
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	wrapped := &ssh.Certificate{Key: ca.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := wrapped.SignCert(rand.Reader, newSigner(t)); err != nil {
		t.Fatal(err)
	}
	for name, cas := range map[string]certs.UserCAs{"none": nil, "another": {newSigner(t).PublicKey()}, "a certificate": {wrapped}} {
		if _, _, err := cas.Person(c, from, noon); err == nil {
			t.Errorf("accepted under %s", name)
		}
	}
	// IPv4 over an IPv6 socket is IPv4.
	if _, _, err := (certs.UserCAs{ca.PublicKey()}).Person(c, from, noon); err != nil {
		t.Error(err)
	}
	c.KeyId = "changed after signing"
	if _, _, err := (certs.UserCAs{ca.PublicKey()}).Person(c, from, noon); err == nil {
		t.Error("accepted with a signature that does not fit")
	}
}
