package engine_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/vaulttest/engine"
	"github.com/sallyport/sallyport/vaultclient"
)

// The real client and the real check against Vault's own code.

type world struct {
	vault  *engine.Server
	client *vaultclient.Client
	mint   certs.Mint
}

func start(t *testing.T, cfg engine.Config) world {
	t.Helper()
	vault, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(vault)
	t.Cleanup(server.Close)
	client, err := vaultclient.New(vaultclient.Config{
		Address: server.URL, Namespace: "team", Mount: vault.Mount(), Role: "sallyport-{login}",
		Auth: vaultclient.Auth{
			Method: vaultclient.MethodAppRole,
			RoleID: constant(vault.RoleID), SecretID: constant(vault.SecretID),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return world{vault, client, certs.Mint{
		Issuer: client, TTL: 90 * time.Second, Now: time.Now,
		SourceAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/24")},
	}}
}

func constant(s string) vaultclient.Secret { return func() (string, error) { return s, nil } }

func need(login string) certs.Need {
	return certs.Need{
		Host: access.Host{Name: "db1"}, Login: login,
		KeyID:      certs.KeyID("alice", "01J0000000000000000000000A", "01J0000000000000000000000B"),
		Extensions: []string{certs.PermitPty, certs.PermitAgentForwarding},
	}
}

func TestSign(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}})
	before := time.Now()
	got, err := w.mint.Obtain(t.Context(), need("root"))
	if err != nil {
		t.Fatal(err)
	}
	cert := got.Signer.PublicKey().(*ssh.Certificate)
	life := time.Unix(int64(cert.ValidBefore), 0).Sub(before)
	if life < 85*time.Second || life > 95*time.Second {
		t.Errorf("it lives %v", life)
	}
	ca, err := w.vault.CA(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(ca))
	if err != nil {
		t.Fatal(err)
	}
	if got.Facts.CAFingerprint != ssh.FingerprintSHA256(key) || got.Facts.VaultRequestID == "" || got.Facts.Serial == 0 {
		t.Errorf("facts %+v", got.Facts)
	}
	calls := w.vault.Calls()
	last := calls[len(calls)-1]
	if last.Method != "PUT" || last.Path != "/v1/ssh-client-signer/sign/sallyport-root" ||
		last.Correlation != need("root").KeyID || last.Namespace != "team" {
		t.Errorf("last call %+v", last)
	}
	if h := w.client.Health(); h.State != vaultclient.Ready || h.Cause != "" {
		t.Errorf("health %+v", h)
	}
}

func TestSignWithoutExtensionsOrSource(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}})
	w.mint.SourceAddresses = nil
	n := need("root")
	n.Extensions = nil
	got, err := w.mint.Obtain(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Signer.PublicKey().(*ssh.Certificate); len(c.Extensions)+len(c.CriticalOptions) != 0 {
		t.Errorf("got %+v", c.Permissions)
	}
}

// A role that is set up wider than it should be gives a wider certificate, or
// refuses: either way it is not used, and the error says what to mend.
func TestRolesSetUpWrong(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]any
		need   func(*certs.Need)
		source bool
		reason access.Reason
		field  string            // of a mismatch, or
		state  vaultclient.State // of a fault
	}{
		{name: "extensions by default", change: map[string]any{"default_extensions": map[string]string{"permit-port-forwarding": ""}},
			need: func(n *certs.Need) { n.Extensions = nil }, reason: access.ReasonCertificate, field: "extensions"},
		{name: "options by default", change: map[string]any{"default_critical_options": map[string]string{"force-command": "id"}},
			reason: access.ReasonCertificate, field: "critical options"},
		{name: "an extension not allowed", change: map[string]any{"allowed_extensions": "permit-pty"},
			reason: access.ReasonSigner, state: vaultclient.Rejected},
		{name: "no source address allowed", change: map[string]any{"allowed_critical_options": "force-command"}, source: true,
			reason: access.ReasonSigner, state: vaultclient.Rejected},
		{name: "another login", change: map[string]any{"allowed_users": "postgres"},
			reason: access.ReasonSigner, state: vaultclient.Rejected},
		{name: "no key IDs of ours", change: map[string]any{"allow_user_key_ids": false},
			reason: access.ReasonSigner, state: vaultclient.Rejected},
		{name: "no user certificates", change: map[string]any{"allow_user_certificates": false, "allow_host_certificates": true},
			reason: access.ReasonSigner, state: vaultclient.Rejected},
		{name: "backdated by an hour", change: map[string]any{"not_before_duration": "1h"},
			reason: access.ReasonCertificate, field: "start"},
		{name: "a shorter end than asked", change: map[string]any{"ttl": "30s", "max_ttl": "30s"},
			reason: access.ReasonSigner, state: vaultclient.Rejected},
	}
	w := start(t, engine.Config{})
	source := w.mint.SourceAddresses
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			role := engine.LockedRole("root", 5*time.Minute)
			for k, v := range tt.change {
				role[k] = v
			}
			if err := w.vault.Delete(t.Context(), "roles/sallyport-root"); err != nil {
				t.Fatal(err)
			}
			if err := w.vault.Write(t.Context(), "roles/sallyport-root", role); err != nil {
				t.Fatal(err)
			}
			n := need("root")
			if tt.need != nil {
				tt.need(&n)
			}
			w.mint.SourceAddresses = nil
			if tt.source {
				w.mint.SourceAddresses = source
			}
			_, err := w.mint.Obtain(t.Context(), n)
			wantError(t, err, tt.reason, tt.state)
			var m *certs.Mismatch
			if tt.field != "" && (!errors.As(err, &m) || m.Field != tt.field) {
				t.Errorf("got %v, want a mismatch of %s", err, tt.field)
			}
		})
	}
}

func TestFaultsOfTheEngine(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}})
	_, err := w.mint.Obtain(t.Context(), need("nobody"))
	wantError(t, err, access.ReasonSigner, vaultclient.UnknownRole)
	if h := w.client.Health(); h.State != vaultclient.Ready {
		t.Errorf("a missing role made Vault %s", h.State)
	}

	w.vault.Seal(true)
	_, err = w.mint.Obtain(t.Context(), need("root"))
	wantError(t, err, access.ReasonSigner, vaultclient.Sealed)
	if h := w.client.Health(); h.State != vaultclient.Sealed || h.Cause == "" || h.Since.IsZero() {
		t.Errorf("health %+v", h)
	}
	w.vault.Seal(false)
	if _, err = w.mint.Obtain(t.Context(), need("root")); err != nil {
		t.Errorf("unsealed: %v", err)
	}

	// The CA disappears, and comes back as another.
	if err := w.vault.Delete(t.Context(), "config/ca"); err != nil {
		t.Fatal(err)
	}
	_, err = w.mint.Obtain(t.Context(), need("root"))
	wantError(t, err, access.ReasonSigner, vaultclient.NoEngine)
	if err := w.vault.Write(t.Context(), "config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"}); err != nil {
		t.Fatal(err)
	}
	_, err = w.mint.Obtain(t.Context(), need("root"))
	wantError(t, err, access.ReasonCertificate, "")
}

func TestMountWithoutCA(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}, NoCA: true})
	_, err := w.mint.Obtain(t.Context(), need("root"))
	wantError(t, err, access.ReasonSigner, vaultclient.NoEngine)
	if err := w.vault.Write(t.Context(), "config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mint.Obtain(t.Context(), need("root")); err != nil {
		t.Errorf("once there is one: %v", err)
	}
}

// A token that ended between two certificates is replaced while who waits
// waits, by one new login.
func TestTokenEnds(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}})
	if _, err := w.mint.Obtain(t.Context(), need("root")); err != nil {
		t.Fatal(err)
	}
	w.vault.RevokeTokens()
	if _, err := w.mint.Obtain(t.Context(), need("root")); err != nil {
		t.Fatal(err)
	}
	if n := w.logins(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

// Tokens of two seconds are renewed before they end.
func TestTokenIsRenewed(t *testing.T) {
	w := start(t, engine.Config{Logins: []string{"root"}, TokenTTL: 4 * time.Second})
	if err := w.client.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		renewals := 0
		for _, c := range w.vault.Calls() {
			if strings.HasSuffix(c.Path, "/renew-self") && c.Status == "200" {
				renewals++
			}
		}
		if renewals >= 2 || w.logins() >= 3 { // kept alive, by either way
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("calls: %+v", w.vault.Calls())
		}
	}
	if _, err := w.mint.Obtain(t.Context(), need("root")); err != nil {
		t.Error(err)
	}
}

func (w world) logins() int {
	n := 0
	for _, c := range w.vault.Calls() {
		if c.Path == "/v1/auth/approle/login" {
			n++
		}
	}
	return n
}

func TestTokenFile(t *testing.T) {
	vault, err := engine.New(t.Context(), engine.Config{Logins: []string{"root"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(vault)
	t.Cleanup(server.Close)
	for token, state := range map[string]vaultclient.State{vault.Root: "", "hvs.wrong": vaultclient.LoginFailed} {
		client, err := vaultclient.New(vaultclient.Config{
			Address: server.URL, Mount: vault.Mount(), Role: "sallyport-{login}",
			Auth: vaultclient.Auth{Method: vaultclient.MethodToken, Token: constant(token)},
		})
		if err != nil {
			t.Fatal(err)
		}
		go client.Run(t.Context())
		mint := certs.Mint{Issuer: client, TTL: time.Minute, Now: time.Now}
		_, err = mint.Obtain(t.Context(), need("root"))
		if state == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantError(t, err, access.ReasonSigner, state)
	}
}

func wantError(t *testing.T, err error, reason access.Reason, state vaultclient.State) {
	t.Helper()
	var e *access.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Fatalf("got %v, want reason %s", err, reason)
	}
	var f *vaultclient.Fault
	if state != "" && (!errors.As(err, &f) || f.State != state) {
		t.Fatalf("got %v, want state %s", err, state)
	}
	line := e.Line()
	for _, secret := range []string{"http://", "127.0.0.1", "sallyport-root", "\n"} {
		if strings.Contains(line, secret) {
			t.Errorf("the person's line %q holds %q", line, secret)
		}
	}
	if e.Class != access.Failed || slices.Contains([]string{"", "."}, e.Why) {
		t.Errorf("%+v", e)
	}
	t.Log(line, "|", err)
}
