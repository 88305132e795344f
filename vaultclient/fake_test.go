package vaultclient_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/vaultclient"
)

// fake is a Vault that misbehaves. How a right one behaves is tested against
// Vault's own engine, in internal/vaulttest.
type fake struct {
	ca     ssh.Signer
	logins atomic.Int32
	signs  atomic.Int32

	mu      sync.Mutex
	change  func(*ssh.Certificate)                       // before signing
	answer  func(http.ResponseWriter, *http.Request)     // instead of signing
	signer  ssh.Signer                                   // instead of ca
	login   func(w http.ResponseWriter, r *http.Request) // instead of a login
	tokens  []string                                     // that count
	headers []http.Header                                // of signing requests
	bodies  []map[string]any                             // of logins
}

func (f *fake) set(change func(f *fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	login, answer := f.login, f.answer
	good := slices.Contains(f.tokens, r.Header.Get("X-Vault-Token"))
	f.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	switch {
	case strings.HasPrefix(path, "auth/") && strings.HasSuffix(path, "/login"):
		f.logins.Add(1)
		body := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			refuse(w, 400, err.Error())
			return
		}
		body["path"] = path
		f.set(func(f *fake) { f.bodies = append(f.bodies, body) })
		if login != nil {
			login(w, r)
			return
		}
		write(w, map[string]any{"auth": map[string]any{"client_token": "good", "lease_duration": 3600, "renewable": true}})
	case path == "ssh/public_key":
		w.Write(ssh.MarshalAuthorizedKey(f.ca.PublicKey()))
	case !good:
		refuse(w, 403, "permission denied")
	case path == "auth/token/lookup-self":
		write(w, map[string]any{"data": map[string]any{"ttl": 3600, "renewable": true}})
	case path == "auth/token/renew-self":
		write(w, map[string]any{"auth": map[string]any{"client_token": "good", "lease_duration": 3600, "renewable": true}})
	case strings.HasPrefix(path, "ssh/sign/"):
		f.signs.Add(1)
		f.set(func(f *fake) { f.headers = append(f.headers, r.Header.Clone()) })
		if answer != nil {
			answer(w, r)
			return
		}
		f.sign(w, r)
	default:
		refuse(w, 404, "no handler for route")
	}
}

// sign signs what is asked, but for what the test changed.
func (f *fake) sign(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		PublicKey       string            `json:"public_key"`
		ValidPrincipals string            `json:"valid_principals"`
		KeyID           string            `json:"key_id"`
		TTL             string            `json:"ttl"`
		CriticalOptions map[string]string `json:"critical_options"`
		Extensions      map[string]string `json:"extensions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, 400, err.Error())
		return
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(asked.PublicKey))
	if err != nil {
		refuse(w, 400, err.Error())
		return
	}
	ttl, err := time.ParseDuration(asked.TTL)
	if err != nil {
		refuse(w, 400, err.Error())
		return
	}
	c := &ssh.Certificate{
		Key: key, Serial: 42, CertType: ssh.UserCert, KeyId: asked.KeyID,
		ValidPrincipals: strings.Split(asked.ValidPrincipals, ","),
		ValidAfter:      uint64(time.Now().Add(-30 * time.Second).Unix()),
		ValidBefore:     uint64(time.Now().Add(ttl).Unix()),
		Permissions:     ssh.Permissions{CriticalOptions: asked.CriticalOptions, Extensions: asked.Extensions},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.change != nil {
		f.change(c)
	}
	signer := f.ca
	if f.signer != nil {
		signer = f.signer
	}
	if err := c.SignCert(rand.Reader, signer); err != nil {
		refuse(w, 500, err.Error())
		return
	}
	write(w, map[string]any{
		"request_id": "0b5d",
		"data":       map[string]any{"serial_number": "2a", "signed_key": string(ssh.MarshalAuthorizedKey(c))},
	})
}

func write(w http.ResponseWriter, answer any) { json.NewEncoder(w).Encode(answer) }

func refuse(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	write(w, map[string]any{"errors": []string{text}})
}

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

// newFake starts a fake and gives the configuration that reaches it.
func newFake(t *testing.T) (*fake, vaultclient.Config) {
	t.Helper()
	f := &fake{ca: newSigner(t), tokens: []string{"good"}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, vaultclient.Config{
		Address: server.URL, Mount: "ssh", Role: "sallyport-{login}",
		Auth: vaultclient.Auth{Method: vaultclient.MethodAppRole, RoleID: constant("role"), SecretID: constant("secret")},
	}
}

func constant(s string) vaultclient.Secret { return func() (string, error) { return s, nil } }

// run starts a client and ends it with the test.
func run(t *testing.T, cfg vaultclient.Config) (*vaultclient.Client, certs.Mint) {
	t.Helper()
	client, err := vaultclient.New(cfg)
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
	return client, certs.Mint{
		Issuer: client, TTL: 90 * time.Second, Now: time.Now,
		SourceAddresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")},
	}
}

var need = certs.Need{
	Host: access.Host{Name: "db1", Labels: map[string]string{"env": "prod"}}, Login: "root",
	KeyID: "sallyport person=alice session=S grant=G", Extensions: []string{certs.PermitPty},
}

// wantFault checks a refusal for both audiences: the person's line is one
// line, names what is wrong and nothing of ours; the operator's has the state.
func wantFault(t *testing.T, err error, state vaultclient.State) {
	t.Helper()
	var e *access.Error
	var f *vaultclient.Fault
	if !errors.As(err, &e) || e.Reason != access.ReasonSigner || !errors.As(err, &f) || f.State != state {
		t.Fatalf("got %v, want the state %s", err, state)
	}
	for _, hidden := range []string{"http", "127.0.0.1", "secret", "good", "\n", "\x1b"} {
		if strings.Contains(e.Line(), hidden) {
			t.Errorf("the person's line %q holds %q", e.Line(), hidden)
		}
	}
	if strings.ContainsAny(err.Error(), "\x1b\x07") || len(err.Error()) > 1000 {
		t.Errorf("the operator's error %q is not plain", err.Error())
	}
}
