package bastion

import (
	"errors"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/certs"
)

// While whoever signs is away, those who were approved wait for it, as they
// waited for the approval: it is asked again every signerAgain, for as long as
// signerPatience.
const (
	signerAgain    = 2 * time.Second
	signerPatience = 15 * time.Minute
)

// outage is what an issuer's error may say about itself: that nothing can be
// signed at present, and that this may pass.
type outage interface{ Outage() bool }

func isOutage(err error) bool {
	var o outage
	return access.AsError(err).Reason == access.ReasonSigner && errors.As(err, &o) && o.Outage()
}

// obtainPatiently is obtain for who was approved: an approval is not spent on a
// Vault that is away for a moment. Standing access is told at once and costs
// nothing to try again.
func (s *visit) obtainPatiently(pass *access.Pass, need certs.Need) (certs.Credential, error) {
	cred, err := s.srv.Mint.Obtain(s.ctx, need)
	if err == nil || pass.Request == "" || !isOutage(err) || s.ctx.Err() != nil {
		return cred, err
	}
	if pass.BreakGlass && s.srv.Emergency != nil {
		s.event(audit.CertificateFallback, pass, map[string]string{"cause": access.Plain(err.Error(), 300)})
		s.log.Warn("break-glass: the embedded CA signs while the signer is away", "host", pass.Host.Name, "login", pass.Login, "err", err)
		s.show("sallyport: " + access.AsError(err).Why + "; break-glass: the bastion's own CA signs, and everybody is told (" + string(s.id) + ")")
		return s.srv.Emergency.Obtain(s.ctx, need)
	}
	s.event(audit.SignerFailed, pass, map[string]string{"cause": access.Plain(err.Error(), 300), "then": "waiting for it"})
	s.show("sallyport: approved, but " + access.AsError(err).Why + ". Waiting for it; Ctrl-C leaves (" + string(s.id) + ")")
	over := time.NewTimer(signerPatience)
	defer over.Stop()
	again := time.NewTicker(signerAgain)
	defer again.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return cred, err
		case <-over.C:
			return cred, err
		case <-again.C:
		}
		if cred, err = s.srv.Mint.Obtain(s.ctx, need); err == nil || !isOutage(err) {
			return cred, err
		}
	}
}
