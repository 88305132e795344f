package certs_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
)

// tamper is an issuer that changes what another one is asked.
type tamper struct {
	certs.Issuer
	change func(*certs.Order)
}

func (i tamper) Issue(ctx context.Context, o certs.Order) (certs.Issued, error) {
	i.change(&o)
	return i.Issuer.Issue(ctx, o)
}

func newMint(t *testing.T) certs.Mint {
	t.Helper()
	ca, err := certs.OpenLocalCA(filepath.Join(t.TempDir(), "keys"), clock(noon))
	if err != nil {
		t.Fatal(err)
	}
	return certs.Mint{
		Issuer: ca, TTL: 90 * time.Second, Now: clock(noon),
		SourceAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}
}

var need = certs.Need{Host: access.Host{Name: "db1"}, Login: "root", KeyID: "sallyport test", Extensions: []string{certs.PermitPty}}

func TestObtain(t *testing.T) {
	mint := newMint(t)
	one, err := mint.Obtain(t.Context(), need)
	if err != nil {
		t.Fatal(err)
	}
	two, err := mint.Obtain(t.Context(), need)
	if err != nil {
		t.Fatal(err)
	}
	a, b := one.Signer.PublicKey().(*ssh.Certificate), two.Signer.PublicKey().(*ssh.Certificate)
	if bytes.Equal(a.Key.Marshal(), b.Key.Marshal()) || a.Serial == b.Serial {
		t.Error("two connections share a key or a serial")
	}
	want := access.Certificate{
		Serial: a.Serial, KeyID: need.KeyID, ValidBefore: noon.Add(90 * time.Second),
		CAFingerprint: ssh.FingerprintSHA256(mint.Issuer.Authorities()[0]),
	}
	if one.Facts != want {
		t.Errorf("facts\n got %+v\nwant %+v", one.Facts, want)
	}
}

func TestObtainNeverOutlivesTheGrant(t *testing.T) {
	mint := newMint(t)
	n := need
	n.NotAfter = noon.Add(10*time.Second + 700*time.Millisecond)
	got, err := mint.Obtain(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(10 * time.Second); !got.Facts.ValidBefore.Equal(want) {
		t.Errorf("ends at %v, want %v", got.Facts.ValidBefore, want)
	}
	n.NotAfter = noon.Add(900 * time.Millisecond)
	_, err = mint.Obtain(t.Context(), n)
	wantReason(t, err, access.ReasonExpired)
}

// Whatever an issuer does, no credential comes out of a certificate that is
// not the one asked for: there is no way around the check.
func TestObtainChecks(t *testing.T) {
	tests := map[string]func(*certs.Order){
		"principals":       func(o *certs.Order) { o.Login = "postgres" },
		"end":              func(o *certs.Order) { o.TTL = time.Hour },
		"extensions":       func(o *certs.Order) { o.Extensions = append(o.Extensions, certs.PermitPortForwarding) },
		"critical options": func(o *certs.Order) { o.SourceAddresses = nil },
		"key":              func(o *certs.Order) { o.Key = newSigner(t).PublicKey() },
	}
	for field, change := range tests {
		t.Run(field, func(t *testing.T) {
			mint := newMint(t)
			mint.Issuer = tamper{mint.Issuer, change}
			got, err := mint.Obtain(t.Context(), need)
			wantReason(t, err, access.ReasonCertificate)
			wantMismatch(t, err, field)
			if got.Signer != nil {
				t.Error("a credential came out all the same")
			}
		})
	}
}

func TestObtainRefusesImpossibleOrders(t *testing.T) {
	for name, change := range map[string]func(*certs.Mint, *certs.Need){
		"comma in the login":  func(_ *certs.Mint, n *certs.Need) { n.Login = "root,postgres" },
		"half a second":       func(m *certs.Mint, _ *certs.Need) { m.TTL = 500 * time.Millisecond },
		"a second and a half": func(m *certs.Mint, _ *certs.Need) { m.TTL = 1500 * time.Millisecond },
		"a day":               func(m *certs.Mint, _ *certs.Need) { m.TTL = 24 * time.Hour },
		"unknown extension":   func(_ *certs.Mint, n *certs.Need) { n.Extensions = []string{"permit-everything"} },
		"no key ID":           func(_ *certs.Mint, n *certs.Need) { n.KeyID = "" },
		"key ID of two lines": func(_ *certs.Mint, n *certs.Need) { n.KeyID = "a\nb" },
	} {
		t.Run(name, func(t *testing.T) {
			mint, n := newMint(t), need
			change(&mint, &n)
			_, err := mint.Obtain(t.Context(), n)
			wantReason(t, err, access.ReasonInternal)
		})
	}
}

// An answer that comes when nobody waits any longer is not used.
func TestObtainAfterTheEnd(t *testing.T) {
	mint := newMint(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := access.Refuse(access.ReasonRevoked, "the grant was revoked", "")
	mint.Issuer = tamper{mint.Issuer, func(*certs.Order) { cancel(gone) }}
	_, err := mint.Obtain(ctx, need)
	if !errors.Is(err, error(gone)) {
		t.Errorf("got %v, want the cause of the end", err)
	}
}

func wantReason(t *testing.T, err error, reason access.Reason) {
	t.Helper()
	var e *access.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Errorf("got %v, want an error of reason %s", err, reason)
	}
}

// A signer whose clock is another is told apart from one that signs something
// else: the operator knows what to do at once. Refused are both.
func TestObtainTellsOfClocks(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*ssh.Certificate)
		clocks bool
	}{
		"ahead":       {func(c *ssh.Certificate) { c.ValidAfter += 3600; c.ValidBefore += 3600 }, true},
		"behind":      {func(c *ssh.Certificate) { c.ValidAfter -= 3600; c.ValidBefore -= 3600 }, true},
		"longer life": {func(c *ssh.Certificate) { c.ValidBefore += 3600 }, false},
		"no start":    {func(c *ssh.Certificate) { c.ValidAfter = 0 }, false},
	} {
		mint := newMint(t)
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ca, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		mint.Issuer = resigner{mint.Issuer, ca, c.change}
		_, err = mint.Obtain(t.Context(), need)
		e := access.AsError(err)
		if e.Reason != access.ReasonCertificate || strings.Contains(e.Why, "the clocks of the bastion and of its signer differ") != c.clocks {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// resigner signs anew what another issuer signed, changed.
type resigner struct {
	certs.Issuer
	ca     ssh.Signer
	change func(*ssh.Certificate)
}

func (r resigner) Authorities() []ssh.PublicKey { return []ssh.PublicKey{r.ca.PublicKey()} }

func (r resigner) Issue(ctx context.Context, o certs.Order) (certs.Issued, error) {
	issued, err := r.Issuer.Issue(ctx, o)
	if err != nil {
		return issued, err
	}
	r.change(issued.Certificate)
	return issued, issued.Certificate.SignCert(rand.Reader, r.ca)
}
