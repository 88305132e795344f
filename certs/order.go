package certs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// The extensions that a user certificate may grant (PROTOCOL.certkeys,
// "Extensions"). permit-user-rc is left out on purpose: nothing needs it.
const (
	PermitPty             = "permit-pty"
	PermitPortForwarding  = "permit-port-forwarding"
	PermitAgentForwarding = "permit-agent-forwarding"
	PermitX11Forwarding   = "permit-X11-forwarding"
)

// ExtensionsFor are those of a certificate for who may use the list: only what
// it may need. They hold for a whole connection, so they cannot follow each
// request of the client.
func ExtensionsFor(l access.AllowList) []string {
	var list []string
	for _, e := range []struct {
		name string
		need []access.Capability
	}{
		{PermitPty, []access.Capability{access.MayShell, access.MayExec}},
		{PermitPortForwarding, []access.Capability{access.MayLocalForward, access.MayRemoteForward}},
		{PermitAgentForwarding, []access.Capability{access.MayAgentForward}},
		{PermitX11Forwarding, []access.Capability{access.MayX11}},
	} {
		if slices.ContainsFunc(e.need, l.Has) {
			list = append(list, e.name)
		}
	}
	return list
}

// sourceAddress is the one critical option we ask for and understand.
const sourceAddress = "source-address"

// maxTTL bounds what may ever be asked for. Certificates live about a minute;
// a longer one is a mistake in a configuration.
const maxTTL = time.Hour

// Order is what is asked of an issuer, all of it: [Check] holds the answer
// against it field by field. Orders are made by [Mint.Obtain].
type Order struct {
	Key             ssh.PublicKey  // a fresh one, whose private half never leaves memory
	Host            access.Host    // for the names of roles; it is no field of a certificate
	Login           string         // the one principal
	KeyID           string         // see [KeyID]
	SourceAddresses []netip.Prefix // from where the certificate may be used; none: anywhere
	Extensions      []string       // exactly these, none by default
	TTL             time.Duration  // whole seconds
	Asked           time.Time      // TTL counts from here
}

// Validate reports what makes o impossible to ask for. It keeps mistakes of
// ours from reaching an issuer that would round, split or default them.
func (o Order) Validate() error {
	switch {
	case o.Key == nil || isCertificate(o.Key):
		return errors.New("order without a plain public key")
	case !access.ValidLogin(o.Login):
		return fmt.Errorf("order for the login %q, which cannot be a principal", access.Plain(o.Login, 40))
	case o.KeyID == "" || len(o.KeyID) > 512 || access.Plain(o.KeyID, 512) != o.KeyID:
		return errors.New("order with a key ID that is empty, too long or not one plain line")
	case o.TTL < time.Second || o.TTL > maxTTL || o.TTL%time.Second != 0:
		// Vault makes 0 of 500ms, and of 0 its own default.
		return fmt.Errorf("order for %v: whole seconds from 1s to %v", o.TTL, maxTTL)
	case o.Asked.IsZero():
		return errors.New("order without a time")
	}
	for _, e := range o.Extensions {
		if !slices.Contains([]string{PermitPty, PermitPortForwarding, PermitAgentForwarding, PermitX11Forwarding}, e) {
			return fmt.Errorf("order for the extension %q, which no session needs", access.Plain(e, 40))
		}
	}
	for _, p := range o.SourceAddresses {
		if !p.IsValid() {
			return errors.New("order with an invalid source address")
		}
	}
	return nil
}

// Issued is what an [Issuer] brings back, unchecked.
type Issued struct {
	Certificate *ssh.Certificate
	RequestID   string // of the issuer's own audit log; may be empty
}

// Issuer signs certificates: [LocalCA] here, Vault in vaultclient. Issue must
// be safe for concurrent use, must end when ctx does, and returns an
// [*access.Error] with [access.ReasonSigner]. What it returns must be used only
// through [Mint.Obtain].
type Issuer interface {
	Issue(ctx context.Context, o Order) (Issued, error)
	// Authorities are the CAs whose signature is accepted on what Issue
	// returns: one, or two while one replaces the other. It is asked after
	// Issue and before the check.
	Authorities() []ssh.PublicKey
}

// KeyID is the key ID of the certificate of a session: what the host's sshd
// writes to its log and Vault to its audit log, so that an entry in either
// leads to the session. Standing access has no grant.
func KeyID(p access.PersonName, s access.SessionID, g access.GrantID) string {
	if g == "" {
		g = "standing"
	}
	return fmt.Sprintf("sallyport person=%s session=%s grant=%s", p, s, g)
}
