package certs_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
)

var db1 = access.Host{Name: "db1", Aliases: []string{"db1.example.com"}}

func TestHostCertificate(t *testing.T) {
	now := noon
	ca, err := certs.OpenHostCA(t.TempDir(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ca.Signer(db1)
	if err != nil {
		t.Fatal(err)
	}
	checker := ssh.CertChecker{
		Clock: func() time.Time { return now },
		IsHostAuthority: func(key ssh.PublicKey, _ string) bool {
			return string(key.Marshal()) == string(ca.PublicKey().Marshal())
		},
	}
	for address, good := range map[string]bool{"db1:22": true, "db1.example.com:22": true, "db2:22": false, "10.0.0.1:22": false} {
		if err := checker.CheckHostKey(address, nil, signer.PublicKey()); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}

	serial := func(h access.Host) uint64 {
		s, err := ca.Signer(h)
		if err != nil {
			t.Fatal(err)
		}
		return s.PublicKey().(*ssh.Certificate).Serial
	}
	first := serial(db1)
	now = now.Add(29 * time.Minute)
	if serial(db1) != first {
		t.Error("minted anew before half of its life")
	}
	if serial(access.Host{Name: "db1"}) == first {
		t.Error("a certificate for an alias that is gone was used")
	}
	now = now.Add(2 * time.Minute)
	if serial(db1) == first {
		t.Error("not renewed at half of its life")
	}
	now = now.Add(24 * time.Hour)
	if s, err := ca.Signer(db1); err != nil || checker.CheckHostKey("db1:22", nil, s.PublicKey()) != nil {
		t.Error("the certificate shown is over")
	}
}

func TestHostCertificateNeedsPlainNames(t *testing.T) {
	ca, err := certs.OpenHostCA(t.TempDir(), clock(noon))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []access.Host{{}, {Name: "*"}, {Name: "db1,db2"}, {Name: "db1", Aliases: []string{"*.example.com"}}, {Name: "db1\n"}} {
		if _, err := ca.Signer(h); err == nil {
			t.Errorf("minted for %q", h.Names())
		}
	}
}

// The line as OpenSSH's known_hosts means it, read by an independent parser,
// accepts the certificate that is shown for that host and for no other.
func TestKnownHostsLine(t *testing.T) {
	ca, err := certs.OpenHostCA(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	line := certs.KnownHostsLine(db1, ca.PublicKey())
	if !strings.HasPrefix(line, "@cert-authority db1,db1.example.com ssh-ed25519 AAAA") || strings.ContainsAny(line, "*\n") {
		t.Errorf("line %q", line)
	}
	file := t.TempDir() + "/known_hosts"
	writeFile(t, file, line+"\n")
	check, err := knownhosts.New(file)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ca.Signer(db1)
	if err != nil {
		t.Fatal(err)
	}
	remote := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 22}
	if err := check("db1:22", remote, signer.PublicKey()); err != nil {
		t.Error(err)
	}
	if err := check("db2:22", remote, signer.PublicKey()); err == nil {
		t.Error("accepted for another host")
	}
}
