package vaultclient

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// Finding is what an examination found about one point.
type Finding struct {
	Point string       `json:"point"` // what was looked at, such as "role sallyport-root: another principal"
	State FindingState `json:"state"`
	Found string       `json:"found"`        // one line
	Do    string       `json:"do,omitempty"` // what to change, and why; empty when fine
}

// FindingState is how it stands with a point.
type FindingState string

const (
	FindingFine   FindingState = "fine"
	FindingAdvice FindingState = "advice" // works, and could be better
	FindingWrong  FindingState = "wrong"
	FindingUnseen FindingState = "unseen" // could not be looked at, and why
)

// Doctor examines a live Vault: whether the bastion could sign what its
// configuration needs, and whether anybody with its token could sign more. It
// logs in as the bastion does and asks for what it must not get; what it is
// given all the same is for a key that is thrown away at once. It changes
// nothing.
type Doctor struct {
	Config Config
	Plan   setup.Plan
	// Token is one with the bastion's rights, instead of a login: needed
	// where the secret ID is response-wrapped, since that can be unwrapped
	// once, and is the server's. Nil: log in.
	Token Secret
	// Operator is a token that may read roles, mount and audit devices; nil
	// leaves those out.
	Operator Secret
	Report   func(Finding) // called for each point as it is known
}

// maxSkew is how far clocks may differ: a certificate begins 30 s in the past.
const maxSkew = 10 * time.Second

// examination is one run of a [Doctor].
type examination struct {
	Doctor
	client *Client
	api    *api.Client // with the bastion's rights
	ca     ssh.PublicKey
}

// Examine looks at every point. The error says why it could not go on; what
// was found until then has been reported.
func (d Doctor) Examine(ctx context.Context) error {
	client, err := New(d.Config)
	if err != nil {
		return err
	}
	e := &examination{Doctor: d, client: client}
	if e.api, err = client.newAPI(); err != nil {
		return err
	}
	for _, look := range []func(context.Context) error{e.server, e.login, e.authority} {
		if err := look(ctx); err != nil {
			return err
		}
	}
	e.token(ctx)
	e.rights(ctx)
	for _, r := range d.Plan.Roles {
		if err := e.role(ctx, r); err != nil {
			return err
		}
	}
	return e.settings(ctx)
}

func (e *examination) fine(point, format string, args ...any) {
	e.Report(Finding{Point: point, State: FindingFine, Found: oneLine(fmt.Sprintf(format, args...))})
}

func (e *examination) say(s FindingState, point, found, do string) {
	e.Report(Finding{Point: point, State: s, Found: oneLine(found), Do: do})
}

func (e *examination) unseen(point string, err error) {
	e.say(FindingUnseen, point, err.Error(), "")
}

func oneLine(s string) string { return access.Plain(strings.ReplaceAll(s, "\n", " "), 400) }

// call bounds one call to Vault.
func (e *examination) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.client.deadline)
}

// server looks whether Vault is there, open, and of our time.
func (e *examination) server(ctx context.Context) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	health, err := e.api.Sys().HealthWithContext(ctx)
	if err != nil {
		fault := faultOf(ctx, err)
		e.say(FindingWrong, "server", fault.Error(), "See that the bastion reaches ca.vault.address, and that ca_file holds the CA of its TLS certificate")
		return fault
	}
	switch {
	case !health.Initialized:
		e.say(FindingWrong, "server", "it is not initialised", "vault operator init")
	case health.Sealed:
		e.say(FindingWrong, "server", "it is sealed", "vault operator unseal: nothing is signed until then")
	default:
		e.fine("server", "version %s, unsealed", health.Version)
		skew := e.client.now().Sub(time.Unix(health.ServerTimeUTC, 0)).Abs()
		if skew > maxSkew {
			e.say(FindingWrong, "clock", fmt.Sprintf("differs from the bastion's by %v", skew.Truncate(time.Second)),
				"Run NTP on both: certificates begin 30 s in the past and live for about a minute")
		} else {
			e.fine("clock", "within %v of the bastion's", maxSkew)
		}
		return nil
	}
	return &Fault{Sealed, fmt.Errorf("nothing else can be looked at")}
}

// login obtains the rights of the bastion.
func (e *examination) login(ctx context.Context) error {
	point := "login by " + string(e.Config.Auth.Method)
	auth := e.client.login
	switch {
	case e.Token != nil:
		point, auth = "token", tokenLogin{e.Token}
	case e.Config.Auth.Wrapped:
		e.say(FindingUnseen, point, "the secret ID is wrapped and can be unwrapped once, by the server",
			"Give a token with the policy of the bastion: --token-file")
		return fmt.Errorf("no token to go on with")
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	fresh, err := e.client.newAPI()
	if err != nil {
		return err
	}
	secret, err := auth.logIn(ctx, fresh)
	if err != nil || secret == nil || secret.Auth == nil {
		fault := loginFault(ctx, err)
		e.say(FindingWrong, point, fault.Error(), "See `sallyport vault policy` for the login that the configuration needs")
		return fault
	}
	e.api.SetToken(secret.Auth.ClientToken)
	e.fine(point, "it is accepted")
	return nil
}

// authority looks at the CA of the engine.
func (e *examination) authority(ctx context.Context) error {
	const point = "CA of the engine"
	ctx, cancel := e.call(ctx)
	defer cancel()
	ca, err := e.client.fetchCA(ctx)
	if err != nil {
		e.say(FindingWrong, point, err.Error(), "vault write "+e.Plan.Mount+"/config/ca generate_signing_key=true key_type=ed25519")
		return err
	}
	e.ca = ca
	pinned := e.Config.Authorities
	switch {
	case len(pinned) > 0 && !slices.ContainsFunc(pinned, func(k ssh.PublicKey) bool { return string(k.Marshal()) == string(ca.Marshal()) }):
		e.say(FindingWrong, point, "is "+ssh.FingerprintSHA256(ca)+", which the configuration does not pin", "If it was exchanged, put it into ca.vault.cas and on the hosts; if not, find out who did")
	case ca.Type() != ssh.KeyAlgoED25519:
		e.say(FindingAdvice, point, "is "+ca.Type(), "ed25519 is smaller and faster: key_type=ed25519 at the next rotation")
	default:
		e.fine(point, "%s %s", ca.Type(), ssh.FingerprintSHA256(ca))
	}
	return nil
}

// token looks at the token that a login gives.
func (e *examination) token(ctx context.Context) {
	ctx, cancel := e.call(ctx)
	defer cancel()
	self, err := e.api.Auth().Token().LookupSelfWithContext(ctx)
	if err != nil {
		e.say(FindingWrong, "token", "it may not look itself up: "+faultOf(ctx, err).Error(),
			"Allow auth/token/lookup-self (read) in its policy: without it a token that has ended looks like a denial")
		return
	}
	policies, err := self.TokenPolicies()
	if err != nil {
		e.unseen("token: policies", err)
	}
	if slices.Contains(policies, "root") {
		e.say(FindingWrong, "token: policies", "it is a root token", "Give the bastion a login with the policy of `sallyport vault policy` alone")
	} else {
		e.fine("token: policies", "%s", strings.Join(policies, ", "))
	}
	ttl, err := self.TokenTTL()
	switch renewable, rerr := self.TokenIsRenewable(); {
	case err != nil || rerr != nil:
		e.unseen("token: life", fmt.Errorf("its answer has no ttl or renewable"))
	case ttl == 0:
		e.say(FindingAdvice, "token: life", "it never ends", "Give it a period or a longest life: a token that leaks should not last")
	case !renewable && e.Config.Auth.Method == MethodToken:
		e.say(FindingWrong, "token: life", fmt.Sprintf("ends in %v and cannot be renewed", ttl), "Make it with -period=24h, or rotate token_file before that")
	case !renewable:
		e.fine("token: life", "%v, then a new login", ttl)
	default:
		e.fine("token: life", "%v, renewable", ttl)
	}
}

// header is what a probe carries in Vault's audit log.
func header() http.Header { return http.Header{"X-Correlation-Id": {"sallyport-doctor"}} }
