package forward_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/audit/forward"
	"github.com/sallyport/sallyport/store"
)

// chain is a real database with events in it.
func chain(t *testing.T, events int) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "s.db"), BastionID: "bastion-1", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	grow(t, s, events)
	return s
}

func grow(t *testing.T, s *store.Store, events int) {
	t.Helper()
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		for range events {
			e := audit.Event{Kind: audit.RequestDenied, Actor: "bob", Person: "alice", Detail: map[string]string{"reason": "not\nnow \x1b[31m\u2028\u0085 " + strings.Repeat("ü", 200)}}
			if err := tx.Record(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a forwarder until the test ends, or until it is stopped.
func start(t *testing.T, s *store.Store, target forward.Target) (f *forward.Forwarder, stop func()) {
	f = forward.New(forward.Config{
		Name: "test", Target: target, Chain: s, Every: time.Millisecond, Longest: 20 * time.Millisecond,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return f, stop
}

// await waits until a target has taken the row.
func await(t *testing.T, f *forward.Forwarder, seq int64) {
	t.Helper()
	until(t, func() bool { return f.Health().Sent >= seq })
}

func until(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it never came to be")
		}
	}
}

// authority makes a certificate for 127.0.0.1 and the file of who vouches for it.
func authority(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// whole checks that the lines are the chain up to last: nothing left out,
// nothing changed; what came twice came the same.
func whole(t *testing.T, lines []string, last int64) {
	t.Helper()
	var v audit.Verifier
	seen := map[int64]string{}
	for _, line := range lines {
		row, err := audit.ParseLine([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if before, twice := seen[row.Seq]; twice {
			if before != line {
				t.Fatalf("row %d came twice, and not the same", row.Seq)
			}
			continue
		}
		seen[row.Seq] = line
		if err := v.Check(row); err != nil {
			t.Fatal(err)
		}
	}
	if v.Seq != last {
		t.Fatalf("%d rows came of %d", v.Seq, last)
	}
}
