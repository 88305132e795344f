// Package vaultclient has certificates signed by the SSH secrets engine of
// HashiCorp Vault, or of OpenBao, which speaks the same calls. It owns the
// login to Vault and its renewal, the call that signs, and the knowledge of
// what it means when that fails ([Fault]).
//
// It refuses to judge a certificate: what comes back goes through certs.Check
// like any other issuer's. It refuses to take anything from VAULT_* variables
// of the environment, and it applies no settings to Vault: no admin token ever
// comes to the bastion.
//
// Start reading at [Client.Issue], then [Client.Run], which keeps the token.
package vaultclient

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
)

// defaultDeadline bounds one order for a certificate, everything included: a
// person is waiting.
const defaultDeadline = 5 * time.Second

var _ certs.Issuer = (*Client)(nil)

// Client is a login to one Vault. Make it with [New] and keep [Client.Run]
// running; the other methods are safe for concurrent use.
type Client struct {
	api      *api.Client // holds the token in use
	newAPI   func() (*api.Client, error)
	login    login
	mount    string
	role     roleTemplate
	deadline time.Duration
	now      access.Clock
	log      *slog.Logger

	kick chan struct{} // wakes Run for an attempt at once; holds one
	dead chan int      // tells Run that this token counts no longer; holds one

	mu        sync.Mutex      // over all below
	cas       []ssh.PublicKey // pinned
	token     int             // the login whose token is in use; 0: none
	logins    int             // so far
	blind     bool            // the token may not look itself up
	attempted chan struct{}   // closed at the end of the attempt under way
	fault     *Fault          // of the last attempt to log in, nil when it was good
	health    Health
	signed    uint64
	failed    map[State]uint64 // orders, by why
}

// New makes a client from a configuration and reports everything that is
// wrong with that. It does not talk to Vault: that begins with [Client.Run].
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	role, err := parseRole(cfg.Role)
	if err != nil {
		return nil, fmt.Errorf("ca.vault.role: %w", err)
	}
	c := &Client{
		login: cfg.Auth.login(), mount: cfg.Mount, role: role,
		deadline: cfg.Deadline, now: cfg.Now, log: cfg.Log,
		kick: make(chan struct{}, 1), dead: make(chan int, 1),
		cas: slices.Clone(cfg.Authorities), attempted: make(chan struct{}),
		health: Health{State: Starting, Since: cfg.Now()}, failed: map[State]uint64{},
	}
	c.newAPI = func() (*api.Client, error) { return newAPI(cfg, transport) }
	if c.api, err = c.newAPI(); err != nil {
		return nil, err
	}
	return c, nil
}

// Authorities implements [certs.Issuer]: the pinned CAs. Pinned by the
// configuration, or else the one that the mount named at the first login of
// this process; a CA that is exchanged under a running bastion is refused
// until somebody looks.
func (c *Client) Authorities() []ssh.PublicKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.cas)
}

// Ready waits until c can sign, for the start of a server and for tests. The
// error is that of the first attempt that failed, or ctx's cause.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.currentToken(ctx)
	return err
}
