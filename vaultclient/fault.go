package vaultclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/sallyport/sallyport/access"
)

// State says how it stands with Vault: of [Health], and of a [Fault] for
// metrics and audit events. The values are stable.
type State string

const (
	Ready       State = "ready"
	Starting    State = "starting"    // not logged in yet
	Unreachable State = "unreachable" // no connection
	Untrusted   State = "untrusted"   // its TLS certificate does not verify
	Slow        State = "slow"        // no answer within the deadline
	Sealed      State = "sealed"
	Throttled   State = "throttled" // 429: a quota
	Erring      State = "error"     // 5xx
	LoginFailed State = "login"     // it accepts our credentials no more
	Denied      State = "denied"    // 403 on signing, with a token that is good
	UnknownRole State = "unknown_role"
	Rejected    State = "rejected"      // 400: the role does not allow what was asked for
	NoEngine    State = "no_engine"     // no SSH engine with a CA at the mount
	Garbled     State = "garbled"       // an answer that cannot be understood
	Misset      State = "misconfigured" // our own side: an unreadable file, a missing label
)

// Fault is why no certificate could be had. Its text is for the operator and
// holds no secret; [Fault.forPerson] is what an engineer sees.
type Fault struct {
	State State
	Cause error
}

func (f *Fault) Error() string { return fmt.Sprintf("vault: %s: %v", f.State, f.Cause) }
func (f *Fault) Unwrap() error { return f.Cause }

// lines are what an engineer sees for each state: what is down, and what to
// do. They name no server, role or file.
var lines = map[State][2]string{
	Starting:    {"Vault has not been reached yet", "Try again in a moment"},
	Unreachable: {"Vault cannot be reached, so no certificate can be had", "Try again; if it lasts, tell the operator"},
	Untrusted:   {"Vault's TLS certificate cannot be verified, so it is not used", "Tell the operator"},
	Slow:        {"Vault did not answer in time", "Try again; if it lasts, tell the operator"},
	Sealed:      {"Vault is sealed, so no certificate can be had", "Try again when the operator has unsealed it"},
	Throttled:   {"Vault takes no more requests at the moment", "Try again in a minute"},
	Erring:      {"Vault answered with an error of its own", "Try again; if it lasts, tell the operator"},
	LoginFailed: {"Vault does not accept the bastion's credentials", "Tell the operator"},
	Denied:      {"Vault does not permit the bastion to sign for this login", "Tell the operator: the policy may lack it"},
	UnknownRole: {"Vault has no role for this login", "Tell the operator: a role for it may be missing"},
	Rejected:    {"Vault's role for this login does not allow what was asked for", "Tell the operator: the role may lack an extension or option that the rule needs"},
	NoEngine:    {"Vault has no SSH engine with a CA at the configured mount", "Tell the operator"},
	Garbled:     {"Vault's answer could not be understood, and was not used", "Try again; if it lasts, tell the operator"},
	Misset:      {"the bastion's own Vault settings are not right", "Tell the operator"},
}

// forPerson is the fault as the person and the operator see it.
func (f *Fault) forPerson() *access.Error {
	line, ok := lines[f.State]
	if !ok {
		line = [2]string{"no certificate could be had", "Tell the operator"}
	}
	return access.Fail(access.ReasonSigner, line[0], line[1], f)
}

// Outage reports whether f says that Vault as a whole is of no use now, and
// not only for one role: that may pass.
func (f *Fault) Outage() bool {
	switch f.State {
	case Denied, UnknownRole, Rejected, Misset:
		return false
	}
	return true
}

func misconfigured(err error) error { return &Fault{Misset, err} }

// faultOf finds out what err, of a call within ctx, means.
func faultOf(ctx context.Context, err error) *Fault {
	var (
		fault      *Fault
		answer     *api.ResponseError
		untrusted  *tls.CertificateVerificationError
		connection *url.Error
		network    net.Error
	)
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &answer):
		return answerFault(answer)
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &Fault{Slow, err}
	case errors.As(err, &untrusted):
		return &Fault{Untrusted, err}
	case errors.As(err, &connection):
		return &Fault{Unreachable, err}
	}
	return &Fault{Garbled, err}
}

// answerFault reads Vault's HTTP errors (notes on the statuses: Vault's API
// documentation, "HTTP status codes").
func answerFault(answer *api.ResponseError) *Fault {
	text := access.Plain(strings.Join(answer.Errors, "; "), 300)
	cause := fmt.Errorf("%s %s: status %d: %s", answer.HTTPMethod, urlPath(answer.URL), answer.StatusCode, text)
	says := func(s string) bool { return strings.Contains(strings.ToLower(text), s) }
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests:
		return &Fault{Throttled, cause}
	case code == http.StatusServiceUnavailable && says("sealed"):
		return &Fault{Sealed, cause}
	case says("no keys configured"), says("failed to read ca"), says("keys haven't been configured"):
		return &Fault{NoEngine, cause}
	case code >= 500:
		return &Fault{Erring, cause}
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		return &Fault{Denied, cause}
	case code == http.StatusBadRequest && says("unknown role"):
		return &Fault{UnknownRole, cause}
	case code == http.StatusNotFound: // no handler for the route: no such mount
		return &Fault{NoEngine, cause}
	case code >= 400:
		return &Fault{Rejected, cause}
	}
	return &Fault{Garbled, cause} // a redirect that leads nowhere
}

// invalidToken reports whether Vault said that the token is at its end, which
// newer versions tell from a path that is not permitted.
func (f *Fault) invalidToken() bool {
	return f.State == Denied && strings.Contains(f.Cause.Error(), "invalid token")
}

// urlPath is the path alone: the log needs no address at every line.
func urlPath(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Path
}
