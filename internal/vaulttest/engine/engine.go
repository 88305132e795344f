// Package engine runs the real SSH secrets engine of HashiCorp Vault within a
// test: its code over a storage in memory, behind a few lines of HTTP that the
// real client takes for a Vault.
//
// It owns what the engine is not: tokens (one with all rights, and those that
// an AppRole login gives, which may only sign), sealing, and a memory of what
// was asked. It refuses to be a server for anything else: there is no
// persistence, no TLS, no policy language, no audit log. For those a test
// needs the real binary.
//
// It lives in a module of its own, because Vault is under the Business Source
// License and brings hundreds of modules: neither may come into the product.
//
// Start reading at [New].
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	vaultssh "github.com/hashicorp/vault/builtin/logical/ssh"
	"github.com/hashicorp/vault/sdk/logical"
)

// Config says what is set up at the start.
type Config struct {
	Mount    string        // of the engine; "" is ssh-client-signer
	Logins   []string      // each gets the role sallyport-LOGIN
	MaxTTL   time.Duration // of those roles; 0 is 5m
	TokenTTL time.Duration // of tokens by AppRole; 0 is 1h
	NoCA     bool          // leave the mount without a CA
}

// Server is a Vault with one SSH engine. It is an [http.Handler], safe for
// concurrent use.
type Server struct {
	Root     string // a token with all rights, which does not end
	RoleID   string // for AppRole
	SecretID string

	cfg     Config
	backend logical.Backend
	storage logical.Storage

	mu     sync.Mutex
	sealed bool
	tokens map[string]time.Time // by AppRole, with their ends
	calls  []Call
}

// Call is one request that reached the server.
type Call struct {
	Method, Path, Correlation, Namespace, Status string
}

// New starts an engine with an ed25519 CA and a locked-down role per login.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Mount == "" {
		cfg.Mount = "ssh-client-signer"
	}
	if cfg.MaxTTL == 0 {
		cfg.MaxTTL = 5 * time.Minute
	}
	if cfg.TokenTTL == 0 {
		cfg.TokenTTL = time.Hour
	}
	s := &Server{
		Root: "root-" + rand.Text(), RoleID: rand.Text(), SecretID: rand.Text(),
		cfg: cfg, storage: &logical.InmemStorage{}, tokens: map[string]time.Time{},
	}
	var err error
	s.backend, err = vaultssh.Factory(ctx, &logical.BackendConfig{
		StorageView: s.storage,
		System: &logical.StaticSystemView{
			DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour, // as Vault's own
		},
		Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		return nil, fmt.Errorf("starting the SSH engine: %w", err)
	}
	if !cfg.NoCA {
		if err := s.Write(ctx, "config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"}); err != nil {
			return nil, err
		}
	}
	for _, login := range cfg.Logins {
		if err := s.Write(ctx, "roles/sallyport-"+login, LockedRole(login, cfg.MaxTTL)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// LockedRole is a role as operators should have it: one login, no defaults that
// widen a certificate, an end.
func LockedRole(login string, maxTTL time.Duration) map[string]any {
	return map[string]any{
		"key_type":                 "ca",
		"algorithm_signer":         "default",
		"allow_user_certificates":  true,
		"allow_host_certificates":  false,
		"allowed_users":            login,
		"default_user":             "",
		"allowed_users_template":   false,
		"allow_user_key_ids":       true,
		"allowed_critical_options": "source-address",
		"default_critical_options": map[string]string{},
		"allowed_extensions":       "permit-pty,permit-port-forwarding,permit-agent-forwarding,permit-X11-forwarding",
		"default_extensions":       map[string]string{},
		"ttl":                      "90s",
		"max_ttl":                  maxTTL.String(),
		"not_before_duration":      "30s",
	}
}

// Write sets the engine up, with all rights: path is below the mount.
func (s *Server) Write(ctx context.Context, path string, data map[string]any) error {
	resp, err := s.call(ctx, logical.UpdateOperation, path, data)
	if err == nil && resp != nil && resp.IsError() {
		err = resp.Error()
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Delete removes what is at path below the mount.
func (s *Server) Delete(ctx context.Context, path string) error {
	_, err := s.call(ctx, logical.DeleteOperation, path, nil)
	return err
}

// CA is the public key of the engine's CA in authorized_keys form.
func (s *Server) CA(ctx context.Context) (string, error) {
	resp, err := s.call(ctx, logical.ReadOperation, "config/ca", nil)
	if err != nil {
		return "", err
	}
	if resp == nil || resp.IsError() {
		return "", errors.New("the mount has no CA")
	}
	key, ok := resp.Data["public_key"].(string)
	if !ok {
		return "", errors.New("the CA has no public key")
	}
	return strings.TrimSpace(key), nil
}

// Mount is where the engine is.
func (s *Server) Mount() string { return s.cfg.Mount }

// Seal makes the server answer as a sealed Vault does, until it is unsealed.
func (s *Server) Seal(sealed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = sealed
}

// RevokeTokens ends all tokens given by logins.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// maxCalls bounds what is remembered.
const maxCalls = 1000

// Calls are the requests that came, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *Server) call(ctx context.Context, op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	return s.backend.HandleRequest(ctx, &logical.Request{
		ID: rand.Text(), Operation: op, Path: path, Data: data,
		Storage: s.storage, MountPoint: s.cfg.Mount + "/",
	})
}
