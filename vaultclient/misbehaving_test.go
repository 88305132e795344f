package vaultclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/vaultclient"
)

// A certificate that is not the one asked for is never used.
func TestWrongCertificates(t *testing.T) {
	f, cfg := newFake(t)
	_, mint := run(t, cfg)
	other := newSigner(t)
	tests := []struct {
		name, field string
		change      func(*ssh.Certificate)
	}{
		{"wider principals", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = append(c.ValidPrincipals, "postgres") }},
		{"any principal", "principals", func(c *ssh.Certificate) { c.ValidPrincipals = nil }},
		{"a comma in the principal", "principals", func(c *ssh.Certificate) { c.ValidPrincipals[0] += ",postgres" }},
		{"longer life", "end", func(c *ssh.Certificate) { c.ValidBefore += 60 }},
		{"endless life", "end", func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }},
		{"other key", "key", func(c *ssh.Certificate) { c.Key = other.PublicKey() }},
		{"missing source address", "critical options", func(c *ssh.Certificate) { c.CriticalOptions = nil }},
		{"wider source address", "critical options", func(c *ssh.Certificate) { c.CriticalOptions["source-address"] = "0.0.0.0/0" }},
		{"more extensions", "extensions", func(c *ssh.Certificate) { c.Extensions["permit-agent-forwarding"] = "" }},
		{"wrong type", "type", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }},
		{"other key ID", "key ID", func(c *ssh.Certificate) { c.KeyId = "vault-approle-root" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.set(func(f *fake) { f.change = tt.change })
			got, err := mint.Obtain(t.Context(), need)
			wantMismatch(t, got, err, tt.field)
		})
	}
	t.Run("another CA", func(t *testing.T) {
		f.set(func(f *fake) { f.change, f.signer = nil, other })
		got, err := mint.Obtain(t.Context(), need)
		wantMismatch(t, got, err, "signature key")
	})
	t.Run("and a right one", func(t *testing.T) {
		f.set(func(f *fake) { f.signer = nil })
		got, err := mint.Obtain(t.Context(), need)
		if err != nil || got.Facts.VaultRequestID != "0b5d" || got.Facts.Serial != 42 {
			t.Errorf("got %+v, %v", got.Facts, err)
		}
	})
}

func wantMismatch(t *testing.T, got certs.Credential, err error, field string) {
	t.Helper()
	var e *access.Error
	var m *certs.Mismatch
	if !errors.As(err, &e) || e.Reason != access.ReasonCertificate || !errors.As(err, &m) || m.Field != field {
		t.Errorf("got %v, want a mismatch of %s", err, field)
	}
	if got.Signer != nil {
		t.Error("a credential came out all the same")
	}
}

// Everything else that a Vault may answer has its own clear line.
func TestWrongAnswers(t *testing.T) {
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, text) }
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		state  vaultclient.State
		outage bool // of Vault, not of one role
	}{
		{"sealed", status(503, "Vault is sealed"), vaultclient.Sealed, true},
		{"no active node", status(500, "local node not active but active cluster node not found"), vaultclient.Erring, true},
		{"not sealed, but down", status(503, "upstream"), vaultclient.Erring, true},
		{"too many requests", status(429, "request path: rate limit quota exceeded"), vaultclient.Throttled, true},
		{"permission denied", status(403, "permission denied"), vaultclient.Denied, false},
		{"unknown role", status(400, "Unknown role: sallyport-root"), vaultclient.UnknownRole, false},
		{"not allowed by the role", status(400, "extensions are not on allowed list"), vaultclient.Rejected, false},
		{"no such mount", status(404, "no handler for route"), vaultclient.NoEngine, true},
		{"control characters", status(400, "\x1b]0;owned\x07"+strings.Repeat("x", 5000)), vaultclient.Rejected, false},
		{"nothing", text(""), vaultclient.Garbled, true},
		{"garbage", text("<html>It works!</html>"), vaultclient.Garbled, true},
		{"half an answer", text(`{"request_id": "x", "data": {"signed_key": "ssh-ed25519-cert`), vaultclient.Garbled, true},
		{"an answer cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"data": {`)
		}, vaultclient.Garbled, true},
		{"no key in it", text(`{"data": {}}`), vaultclient.Garbled, true},
		{"a number for a key", text(`{"data": {"signed_key": 7}}`), vaultclient.Garbled, true},
		{"no certificate in it", text(`{"data": {"signed_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ1NO5wwFW2kzU+Lzi2qqk5LPAg1uDAHc0Um26aE9If"}}`), vaultclient.Garbled, true},
		{"more than fits", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data": {"signed_key": "`+strings.Repeat("x", 2<<20))
		}, vaultclient.Garbled, true},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, vaultclient.Garbled, true},
	}
	f, cfg := newFake(t)
	client, mint := run(t, cfg)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.set(func(f *fake) { f.answer = tt.answer })
			_, err := mint.Obtain(t.Context(), need)
			wantFault(t, err, tt.state)
			want := vaultclient.Ready
			if tt.outage {
				want = tt.state
			}
			if h := client.Health(); h.State != want || (h.Cause == "") != (want == vaultclient.Ready) {
				t.Errorf("health %+v, want %s", h, want)
			}
		})
	}
	f.set(func(f *fake) { f.answer = nil })
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Errorf("well again: %v", err)
	}
	if h := client.Health(); h.State != vaultclient.Ready {
		t.Errorf("health %+v after it went well", h)
	}
	if n := f.logins.Load(); n != 1 {
		t.Errorf("%d logins, want 1: none of this is a reason for another", n)
	}
}

// An answer after the deadline is not used, and nobody waits longer for it.
func TestLateAnswer(t *testing.T) {
	f, cfg := newFake(t)
	cfg.Deadline = 200 * time.Millisecond
	client, mint := run(t, cfg)
	if err := client.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	f.set(func(f *fake) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			<-release
			f.sign(w, r)
		}
	})
	begin := time.Now()
	_, err := mint.Obtain(t.Context(), need)
	wantFault(t, err, vaultclient.Slow)
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	close(release)
}

// Who waited is gone: the cause is the caller's, and Vault is not to blame.
func TestGoneWhileWaiting(t *testing.T) {
	f, cfg := newFake(t)
	client, mint := run(t, cfg)
	if err := client.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone := access.Refuse(access.ReasonCancelled, "withdrawn", "")
	ctx, leave := context.WithCancelCause(t.Context())
	f.set(func(f *fake) {
		f.answer = func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // else the server does not notice who leaves
			leave(gone)
			<-r.Context().Done()
		}
	})
	if _, err := mint.Obtain(ctx, need); !errors.Is(err, error(gone)) {
		t.Errorf("got %v", err)
	}
	// The login may be noted a moment after it is in use. A fault that was
	// noted for who left would stay.
	for deadline := time.Now().Add(10 * time.Second); client.Health().State != vaultclient.Ready; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("health %+v", client.Health())
		}
	}
}

func TestUnreachable(t *testing.T) {
	f, cfg := newFake(t)
	server := httptest.NewUnstartedServer(f)
	cfg.Address = "http://" + server.Listener.Addr().String()
	if err := server.Listener.Close(); err != nil { // nobody listens there
		t.Fatal(err)
	}
	client, mint := run(t, cfg)
	_, err := mint.Obtain(t.Context(), need)
	wantFault(t, err, vaultclient.Unreachable)
	if h := client.Health(); h.State != vaultclient.Unreachable || h.Since.IsZero() {
		t.Errorf("health %+v", h)
	}
}

func TestUntrusted(t *testing.T) {
	f, cfg := newFake(t)
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	cfg.Address = server.URL
	_, mint := run(t, cfg)
	_, err := mint.Obtain(t.Context(), need)
	wantFault(t, err, vaultclient.Untrusted)

	// With its CA in ca_file it is fine.
	cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cfg.CAFile, pemOf(server.Certificate()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, mint = run(t, cfg)
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Error(err)
	}
}
