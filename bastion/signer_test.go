package bastion_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
)

// awayError is of a signer that is away, for now.
type awayError struct{}

func (awayError) Error() string { return "sealed" }
func (awayError) Outage() bool  { return true }

// awaySigner is away for some orders.
type awaySigner struct {
	certs.Issuer
	away  atomic.Int32 // orders until it is back
	cause error
}

func (s *awaySigner) Issue(ctx context.Context, o certs.Order) (certs.Issued, error) {
	if s.away.Add(-1) >= 0 {
		return certs.Issued{}, access.Fail(access.ReasonSigner, "Vault is sealed", "Try again", s.cause)
	}
	return s.Issuer.Issue(ctx, o)
}

// Who was approved waits for a signer that is away, and is told so; who has
// standing access is told at once, and nobody waits for what does not pass.
func TestSignerAway(t *testing.T) {
	signer := &awaySigner{cause: awayError{}}
	l := newLab(t, func(c *bastion.Config) {
		emergency := c.Mint
		c.Emergency = &emergency
		signer.Issuer, c.Mint.Issuer = c.Mint.Issuer, signer
	})

	signer.away.Store(1)
	if got := l.run("ssh", "-n", l.target("db1"), "echo in"); got.code != 255 || !strings.Contains(got.err, "failed: Vault is sealed") {
		t.Errorf("standing: %+v", got)
	}

	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		pass, err := l.pass(ctx, a)
		pass.Request = "R1"
		return pass, err
	})
	signer.away.Store(1)
	got := l.run("ssh", "-n", l.target("db1"), "echo in")
	if got.code != 0 || got.out != "in\n" || strings.Count(got.err, "sallyport: approved, but Vault is sealed. Waiting for it") != 1 {
		t.Errorf("approved: %+v", got)
	}

	// Where it is configured, break-glass does not wait.
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		pass, err := l.pass(ctx, a)
		pass.Request, pass.BreakGlass = "R1", true
		return pass, err
	})
	signer.away.Store(1 << 20)
	if got := l.run("ssh", "-n", l.target("db1"), "echo in"); got.code != 0 || got.out != "in\n" || !strings.Contains(got.err, "Vault is sealed; break-glass: the bastion's own CA signs") {
		t.Errorf("break-glass: %+v", got)
	}

	signer.cause = errors.New("the role does not allow it")
	signer.away.Store(1)
	if got := l.run("ssh", "-n", l.target("db1"), "echo in"); got.code != 255 || strings.Contains(got.err, "Waiting") {
		t.Errorf("for good: %+v", got)
	}
}
