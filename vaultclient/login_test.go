package vaultclient_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/vaultclient"
)

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func TestLogins(t *testing.T) {
	tests := map[string]struct {
		auth vaultclient.Auth
		want map[string]any
	}{
		"approle": {
			vaultclient.Auth{Method: vaultclient.MethodAppRole, RoleID: constant("r"), SecretID: constant("s")},
			map[string]any{"path": "auth/approle/login", "role_id": "r", "secret_id": "s"},
		},
		"kubernetes": {
			vaultclient.Auth{Method: vaultclient.MethodKubernetes, Role: "bastion", JWT: constant("j")},
			map[string]any{"path": "auth/kubernetes/login", "role": "bastion", "jwt": "j"},
		},
		"jwt elsewhere": {
			vaultclient.Auth{Method: vaultclient.MethodJWT, Mount: "/ci/jwt/", Role: "bastion", JWT: constant("j")},
			map[string]any{"path": "auth/ci/jwt/login", "role": "bastion", "jwt": "j"},
		},
		"cert": {
			vaultclient.Auth{Method: vaultclient.MethodCert, Role: "web", CertFile: "c", KeyFile: "k"},
			map[string]any{"path": "auth/cert/login", "name": "web"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, cfg := newFake(t)
			cfg.Auth = tt.auth
			_, mint := run(t, cfg)
			if _, err := mint.Obtain(t.Context(), need); err != nil {
				t.Fatal(err)
			}
			f.set(func(f *fake) {
				if len(f.bodies) != 1 || !maps.Equal(f.bodies[0], tt.want) {
					t.Errorf("got %v, want %v", f.bodies, tt.want)
				}
			})
		})
	}
}

// Refused credentials are said at once, and not tried again for each person
// who comes: Vault would lock the role out.
func TestRefusedCredentials(t *testing.T) {
	f, cfg := newFake(t)
	f.login = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "invalid role or secret ID") }
	client, mint := run(t, cfg)
	for range 3 {
		_, err := mint.Obtain(t.Context(), need)
		wantFault(t, err, vaultclient.LoginFailed)
	}
	if n := f.logins.Load(); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
	if h := client.Health(); h.State != vaultclient.LoginFailed {
		t.Errorf("health %+v", h)
	}
}

func TestUnreadableSecret(t *testing.T) {
	f, cfg := newFake(t)
	cfg.Auth.SecretID = vaultclient.SecretFrom(t.TempDir() + "/missing")
	_, mint := run(t, cfg)
	_, err := mint.Obtain(t.Context(), need)
	wantFault(t, err, vaultclient.Misset)
	if f.logins.Load() != 0 {
		t.Error("logged in without a secret")
	}
}

// A token at its end is replaced by one login, however many wait for it. (That
// the denial of a good token is no reason to log in: TestWrongAnswers.)
func TestTokenEnds(t *testing.T) {
	f, cfg := newFake(t)
	_, mint := run(t, cfg)
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	f.set(func(f *fake) {
		f.tokens = []string{"new"}
		f.login = func(w http.ResponseWriter, _ *http.Request) {
			write(w, map[string]any{"auth": map[string]any{"client_token": "new", "lease_duration": 3600}})
		}
	})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := mint.Obtain(t.Context(), need); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

// A token that cannot be renewed is replaced before it ends; when that fails,
// the old one serves for as long as it lives.
func TestShortTokenLogsInAgain(t *testing.T) {
	f, cfg := newFake(t)
	f.login = func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{"auth": map[string]any{"client_token": "good", "lease_duration": 1, "renewable": false}})
	}
	_, mint := run(t, cfg)
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); f.logins.Load() < 2; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("never logged in again")
		}
	}
	f.set(func(f *fake) {
		f.login = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "permission denied") }
	})
	for tick := time.NewTicker(20 * time.Millisecond); f.logins.Load() < 3; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("never logged in again")
		}
	}
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Error(err)
	}
}

// What is unwrapped once is remembered: nobody can unwrap it again.
func TestWrappedSecretID(t *testing.T) {
	f, cfg := newFake(t)
	cfg.Auth.Wrapped = true
	cfg.Auth.SecretID = constant("wrapping")
	unwrapped := 0
	inner := f
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/sys/wrapping/unwrap" {
			if unwrapped++; unwrapped > 1 || r.Header.Get("X-Vault-Token") != "wrapping" {
				refuse(w, 400, "wrapping token is not valid or does not exist")
				return
			}
			write(w, map[string]any{"data": map[string]any{"secret_id": "inside"}})
			return
		}
		inner.ServeHTTP(w, r)
	})
	cfg.Address = server
	_, mint := run(t, cfg)
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	f.set(func(f *fake) { f.tokens = nil }) // ends the token; the login gives one that counts again
	f.set(func(f *fake) {
		f.login = func(w http.ResponseWriter, _ *http.Request) {
			f.set(func(f *fake) { f.tokens = []string{"second"} })
			write(w, map[string]any{"auth": map[string]any{"client_token": "second", "lease_duration": 3600}})
		}
	})
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	f.set(func(f *fake) {
		if len(f.bodies) != 2 || f.bodies[1]["secret_id"] != "inside" || unwrapped != 1 {
			t.Errorf("logins %v, unwrapped %d times", f.bodies, unwrapped)
		}
	})
}

// The environment of the process decides nothing.
func TestEnvironmentIsIgnored(t *testing.T) {
	f, cfg := newFake(t)
	cfg.Namespace = "team"
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_AGENT_ADDR", "http://127.0.0.1:1")
	t.Setenv("VAULT_TOKEN", "from-the-environment")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	headers, err := json.Marshal(map[string]string{"X-Forged": "1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_HEADERS", string(headers))
	_, mint := run(t, cfg)
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	f.set(func(f *fake) {
		h := f.headers[0]
		if h.Get("X-Vault-Token") != "good" || h.Get("X-Vault-Namespace") != "team" || h.Get("X-Forged") != "" ||
			h.Get("User-Agent") != "sallyport" || h.Get("X-Correlation-Id") != need.KeyID || h.Get("X-Vault-Request") != "true" {
			t.Errorf("headers %v", h)
		}
	})
}

// With CAs pinned by the configuration, two during a rotation, the mount is
// not asked.
func TestPinnedAuthorities(t *testing.T) {
	f, cfg := newFake(t)
	old := newSigner(t)
	cfg.Authorities = []ssh.PublicKey{old.PublicKey(), f.ca.PublicKey()}
	_, mint := run(t, cfg)
	for _, signer := range []ssh.Signer{nil, old} {
		f.set(func(f *fake) { f.signer = signer })
		if _, err := mint.Obtain(t.Context(), need); err != nil {
			t.Error(err)
		}
	}
	f.set(func(f *fake) { f.signer = newSigner(t) })
	got, err := mint.Obtain(t.Context(), need)
	wantMismatch(t, got, err, "signature key")
}

func TestRoleTemplates(t *testing.T) {
	f, cfg := newFake(t)
	roles := make(chan string, 1)
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		roles <- strings.TrimPrefix(r.URL.Path, "/v1/ssh/sign/")
		f.sign(w, r)
	}
	cfg.Role = "{env}-{host}-{login}"
	_, mint := run(t, cfg)
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	if role := <-roles; role != "prod-db1-root" {
		t.Errorf("role %q", role)
	}
	for name, labels := range map[string]map[string]string{
		"no such label":         nil,
		"a label with a path":   {"env": "../../sys/x"},
		"a label with a space":  {"env": "a b"},
		"a label with escaping": {"env": "%2e%2e"},
	} {
		n := need
		n.Host.Labels = labels
		_, err := mint.Obtain(t.Context(), n)
		if err == nil {
			t.Errorf("%s: used", name)
			continue
		}
		wantFault(t, err, vaultclient.Misset)
	}
}
