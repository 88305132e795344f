package vaultclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"
)

const (
	// probeEvery is how often Vault is asked whether it is there and the
	// token still good, and probeSoon while it is not.
	probeEvery = 15 * time.Second
	probeSoon  = 2 * time.Second

	// Between attempts to log in. A kick by somebody who waits shortens it
	// to firstRetry, except after refused credentials: Vault locks a role
	// out after a few of those, and more would prolong it.
	firstRetry   = time.Second
	lastRetry    = 15 * time.Second
	refusedRetry = time.Minute
)

// Run logs in and keeps the token alive until ctx ends, whatever happens to
// Vault meanwhile; call it once, in a goroutine of its own. It returns nil.
func (c *Client) Run(ctx context.Context) error {
	var secret *api.Secret // of the token in use; nil: log in
	retry := firstRetry
	for ctx.Err() == nil {
		var err error
		secret, err = c.connect(ctx, secret)
		if ctx.Err() != nil {
			return nil
		}
		if fault := c.endAttempt(ctx, err); fault != nil {
			retry = c.pause(ctx, fault, retry)
			continue
		}
		retry = firstRetry
		earliest := time.After(firstRetry) // a token that ends at once must not make this a busy loop
		c.keep(ctx, secret)
		secret = nil
		select {
		case <-ctx.Done():
		case <-earliest:
		}
	}
	return nil
}

// connect logs in, unless secret is a login that is still good, and pins the
// CA at the first time.
func (c *Client) connect(ctx context.Context, secret *api.Secret) (*api.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	if secret == nil {
		fresh, err := c.newAPI()
		if err != nil {
			return nil, misconfigured(err)
		}
		if secret, err = c.login.logIn(ctx, fresh); err != nil {
			return nil, loginFault(ctx, err)
		}
		if secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "" {
			return nil, &Fault{Garbled, errors.New("a login without a token")}
		}
		c.useToken(ctx, secret.Auth.ClientToken)
	}
	if len(c.Authorities()) == 0 {
		ca, err := c.fetchCA(ctx)
		if err != nil {
			return secret, faultOf(ctx, err)
		}
		c.mu.Lock()
		c.cas = append(c.cas, ca)
		c.mu.Unlock()
		c.log.Info("vault: pinned the CA of the mount", "mount", c.mount, "ca", ssh.FingerprintSHA256(ca))
	}
	return secret, nil
}

// loginFault is a fault of a login: what was denied or rejected are our
// credentials.
func loginFault(ctx context.Context, err error) *Fault {
	fault := faultOf(ctx, err)
	switch fault.State {
	case Denied, Rejected, UnknownRole, NoEngine:
		return &Fault{LoginFailed, fault.Cause}
	}
	return fault
}

// useToken puts a new token to use and finds out whether it may look itself
// up; if not, a denied probe will say nothing about it.
func (c *Client) useToken(ctx context.Context, token string) {
	c.api.SetToken(token)
	_, err := c.api.Auth().Token().LookupSelfWithContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logins++
	c.token = c.logins
	c.blind = err != nil && faultOf(ctx, err).State == Denied
}

// endAttempt tells everyone who waits how the attempt went.
func (c *Client) endAttempt(ctx context.Context, err error) *Fault {
	var fault *Fault
	if err != nil {
		fault = faultOf(ctx, err)
	}
	c.mu.Lock()
	c.fault = fault
	close(c.attempted)
	c.attempted = make(chan struct{})
	c.mu.Unlock()
	c.note(fault)
	return fault
}

// pause waits before the next attempt and returns how long to wait after that.
func (c *Client) pause(ctx context.Context, f *Fault, wait time.Duration) time.Duration {
	if f.State == LoginFailed {
		sleep(ctx, refusedRetry, nil)
		return firstRetry
	}
	sleep(ctx, firstRetry, nil)
	if wait > firstRetry {
		sleep(ctx, jitter(wait-firstRetry), c.kick)
	}
	return min(2*wait, lastRetry)
}

// keep renews the token, and probes, until a new login is needed or ctx ends.
func (c *Client) keep(ctx context.Context, secret *api.Secret) {
	var ended <-chan error
	var renewed <-chan *api.RenewOutput
	if secret.Auth.LeaseDuration > 0 { // else it never ends, and the watcher would say at once that it had
		watcher, err := c.api.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: secret})
		if err != nil {
			c.log.Warn("vault: the token cannot be watched", "cause", err)
			return
		}
		go watcher.Start()
		defer watcher.Stop()
		ended, renewed = watcher.DoneCh(), watcher.RenewCh()
	}
	probe := time.NewTimer(probeEvery)
	defer probe.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			// nil at the end of its life, and also when renewals were
			// failing all along: either way, log in again. Until then the
			// old token stays in use.
			c.log.Info("vault: logging in again", "cause", err)
			return
		case <-renewed:
			c.log.Debug("vault: token renewed")
		case token := <-c.dead:
			if token == c.tokenNumber() || c.tokenNumber() == 0 {
				c.log.Info("vault: the token counts no longer; logging in again")
				return
			}
		case <-c.kick: // for those without a token: there is one
		case <-probe.C:
			probe.Reset(c.probe(ctx))
		}
	}
}

// probe asks Vault about the token and returns when to ask again.
func (c *Client) probe(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	token := c.tokenNumber()
	_, err := c.api.Auth().Token().LookupSelfWithContext(ctx)
	var fault *Fault
	if err != nil {
		fault = faultOf(ctx, err)
		if fault.State == Denied {
			c.tokenEnded(ctx, token, fault)
			fault = nil // the login that follows will tell
		}
	}
	if context.Cause(ctx) == context.Canceled {
		return probeEvery // we are going down
	}
	if c.note(fault); fault != nil {
		return probeSoon
	}
	return probeEvery
}

// tokenEnded finds out, after Vault denied something, whether it was because
// the token is at its end; then it is dropped and Run logs in again.
func (c *Client) tokenEnded(ctx context.Context, token int, denied *Fault) bool {
	if !denied.invalidToken() {
		_, err := c.api.Auth().Token().LookupSelfWithContext(ctx)
		if err == nil || faultOf(ctx, err).State != Denied || c.isBlind() {
			return false
		}
	}
	c.mu.Lock()
	if c.token == token {
		c.token = 0
	}
	c.mu.Unlock()
	select {
	case c.dead <- token:
	default: // said already
	}
	return true
}

// currentToken returns the number of the token in use, once there are a token
// and a pinned CA; if need be it waits for the attempt under way or asks for
// one. The error is a [*Fault].
func (c *Client) currentToken(ctx context.Context) (int, error) {
	c.mu.Lock()
	token, fault, attempted := c.token, c.fault, c.attempted
	usable := token != 0 && len(c.cas) > 0
	c.mu.Unlock()
	if usable {
		return token, nil
	}
	if fault != nil && fault.State == LoginFailed {
		return 0, fault // the next attempt is minutes away
	}
	select {
	case c.kick <- struct{}{}:
	default:
	}
	select {
	case <-ctx.Done():
		if fault == nil {
			fault = &Fault{Slow, context.Cause(ctx)}
		}
		return 0, fault
	case <-attempted:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != 0 && len(c.cas) > 0 {
		return c.token, nil
	}
	if c.fault != nil {
		return 0, c.fault
	}
	return 0, &Fault{Starting, errors.New("the token ended as soon as it was there")}
}

func (c *Client) tokenNumber() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

func (c *Client) isBlind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blind
}

// sleep waits for d, ctx's end or a kick.
func sleep(ctx context.Context, d time.Duration, kick <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-kick:
	case <-timer.C:
	}
}

// jitter keeps several bastions from coming back in step.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
