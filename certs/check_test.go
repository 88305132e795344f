package certs_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
)

// asOrdered is the certificate that order asks for, unsigned.
func asOrdered(order certs.Order) *ssh.Certificate {
	c := &ssh.Certificate{
		Key: order.Key, Serial: 7, CertType: ssh.UserCert, KeyId: order.KeyID,
		ValidPrincipals: []string{order.Login},
		ValidAfter:      uint64(noon.Add(-30 * time.Second).Unix()),
		ValidBefore:     uint64(noon.Add(order.TTL).Unix()),
		Permissions: ssh.Permissions{
			CriticalOptions: map[string]string{"source-address": order.SourceAddressValue()},
			Extensions:      map[string]string{},
		},
	}
	for _, e := range order.Extensions {
		c.Extensions[e] = ""
	}
	return c
}

// Invariant 3, field by field: each row changes one thing and must be refused
// for that thing.
func TestCheckRefusesWhateverWasNotAskedFor(t *testing.T) {
	order, ca, other := newOrder(t), newSigner(t), newSigner(t)
	at := func(d time.Duration) uint64 { return uint64(noon.Add(d).Unix()) }
	tests := []struct {
		name, field string
		change      func(*ssh.Certificate)
	}{
		{"a host certificate", "type", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }},
		{"no type", "type", func(c *ssh.Certificate) { c.CertType = 0 }},
		{"another key", "key", func(c *ssh.Certificate) { c.Key = other.PublicKey() }},
		{"no principal: any login", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = nil }},
		{"another principal", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"postgres"} }},
		{"one principal more", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root", "postgres"} }},
		{"the same twice", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root", "root"} }},
		{"a comma in it", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root,postgres"} }},
		{"another key ID", "key ID", func(c *ssh.Certificate) { c.KeyId = "vault-root-abc" }},
		{"reserved bytes", "reserved field", func(c *ssh.Certificate) { c.Reserved = []byte{1} }},
		{"no source address", "critical options", func(c *ssh.Certificate) { c.CriticalOptions = nil }},
		{"a wider source address", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "10.0.0.0/8" }},
		{"one source address more", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] += ",0.0.0.0/0" }},
		{"one source address less", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "10.0.0.5/32" }},
		{"garbage for a source address", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "here" }},
		{"a forced command", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["force-command"] = "id" }},
		{"one extension more", "extensions", func(c *ssh.Certificate) { c.Extensions["permit-port-forwarding"] = "" }},
		{"one extension less", "extensions", func(c *ssh.Certificate) { delete(c.Extensions, "permit-pty") }},
		{"an extension with a value", "extensions", func(c *ssh.Certificate) { c.Extensions["permit-pty"] = "no" }},
		{"no end", "end", func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }},
		{"an end that wraps", "end", func(c *ssh.Certificate) { c.ValidBefore = 1 << 63 }},
		{"an end past the grace", "end", func(c *ssh.Certificate) { c.ValidBefore = at(order.TTL + 6*time.Second) }},
		{"an end that is over", "end", func(c *ssh.Certificate) { c.ValidBefore = at(0) }},
		{"no start", "start", func(c *ssh.Certificate) { c.ValidAfter = 0 }},
		{"a start long ago", "start", func(c *ssh.Certificate) { c.ValidAfter = at(-61 * time.Second) }},
		{"a start to come", "start", func(c *ssh.Certificate) { c.ValidAfter = at(6 * time.Second) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := asOrdered(order)
			tt.change(c)
			if err := c.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			wantMismatch(t, certs.Check(c, order, []ssh.PublicKey{ca.PublicKey()}, noon), tt.field)
		})
	}
}

func TestCheckAcceptsWhatWasAskedFor(t *testing.T) {
	order, ca := newOrder(t), newSigner(t)
	pinned := []ssh.PublicKey{newSigner(t).PublicKey(), ca.PublicKey()} // one replaces the other
	tests := map[string]func(*ssh.Certificate){
		"exactly":                     func(*ssh.Certificate) {},
		"an end within the grace":     func(c *ssh.Certificate) { c.ValidBefore += 5 },
		"a shorter life":              func(c *ssh.Certificate) { c.ValidBefore -= 60 },
		"a start a minute ago":        func(c *ssh.Certificate) { c.ValidAfter -= 30 },
		"a clock a little ahead":      func(c *ssh.Certificate) { c.ValidAfter += 34 },
		"source addresses, reordered": func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "10.1.0.0/16,10.0.0.5" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			c := asOrdered(order)
			change(c)
			if err := c.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			if err := certs.Check(c, order, pinned, noon); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheckRefusesOtherAuthorities(t *testing.T) {
	order, ca := newOrder(t), newSigner(t)
	good := asOrdered(order)
	if err := good.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	// The CA's key wrapped into a certificate of somebody else.
	wrapped := &ssh.Certificate{Key: ca.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := wrapped.SignCert(rand.Reader, newSigner(t)); err != nil {
		t.Fatal(err)
	}
	signedByCertificate := *good
	signedByCertificate.SignatureKey = wrapped

	unsigned := *good
	unsigned.Signature = nil
	forged := *good
	forged.Serial++ // after signing

	pinned := []ssh.PublicKey{ca.PublicKey()}
	wantMismatch(t, certs.Check(nil, order, pinned, noon), "certificate")
	wantMismatch(t, certs.Check(good, order, nil, noon), "signature key")
	wantMismatch(t, certs.Check(good, order, []ssh.PublicKey{newSigner(t).PublicKey()}, noon), "signature key")
	wantMismatch(t, certs.Check(good, order, []ssh.PublicKey{wrapped}, noon), "signature key")
	wantMismatch(t, certs.Check(&signedByCertificate, order, append(pinned, wrapped), noon), "signature key")
	wantMismatch(t, certs.Check(&unsigned, order, pinned, noon), "signature")
	wantMismatch(t, certs.Check(&forged, order, pinned, noon), "signature")
}

func TestCheckRefusesSHA1(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	order := newOrder(t)
	c := asOrdered(order)
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	wantMismatch(t, certs.Check(c, order, []ssh.PublicKey{ca.PublicKey()}, noon), "signature")
}

// Nothing that a certificate says reaches a log with its control characters,
// or at any length (invariant 10).
func TestMismatchIsPlain(t *testing.T) {
	order, ca := newOrder(t), newSigner(t)
	c := asOrdered(order)
	c.CriticalOptions["\x1b]0;owned\x07\n"+strings.Repeat("x", 10_000)] = ""
	delete(c.CriticalOptions, "source-address")
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	err := certs.Check(c, order, []ssh.PublicKey{ca.PublicKey()}, noon)
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\x07\n") || len(err.Error()) > 500 {
		t.Errorf("got %q", err)
	}
}

func wantMismatch(t *testing.T, err error, field string) {
	t.Helper()
	var m *certs.Mismatch
	if !errors.As(err, &m) || m.Field != field {
		t.Errorf("got %v, want a mismatch of %s", err, field)
	}
}
