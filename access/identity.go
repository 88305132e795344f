package access

import (
	"net/netip"
	"time"
)

// Identity is what authentication established about who is there: facts that
// rules may use, all of them proven. Nothing in it comes from what a client
// merely said.
type Identity struct {
	Person      PersonName
	Fingerprint string // of the key that signed, SHA256:…
	KeyType     string // as in the wire protocol, such as sk-ssh-ed25519@openssh.com
	SecurityKey bool   // the signature proved a user's touch
	Uses        []KeyUse
	Certificate *UserCertificate // nil when a plain key signed
	Source      netip.AddrPort
	At          time.Time
	// InnerUnproven: the inner login of a jump, lent by the outer
	// connection and not proven by a signature of its own.
	InnerUnproven bool
}

// Address is where the connection came from, without its port; empty if that
// is not known.
func (id Identity) Address() string {
	if !id.Source.IsValid() {
		return ""
	}
	return id.Source.Addr().Unmap().String()
}

// UserCertificate is what a person's certificate said.
type UserCertificate struct {
	KeyID         string
	Serial        uint64
	CAFingerprint string
	ValidBefore   time.Time
}

// Via says by which way a command or a click came.
type Via string

const (
	ViaConsole Via = "console" // a command over SSH
	ViaSlack   Via = "slack"
	ViaSocket  Via = "socket" // the unix socket: the admin of last resort
	ViaPolicy  Via = "policy" // a reload of access.yaml
	ViaSystem  Via = "system" // a deadline, a shutdown, a recovery
)

// Actor is who does something at the desk or the console. Person is empty for
// the unix socket, whose actor is local:UID.
type Actor struct {
	Person   PersonName
	LocalUID int // meaningful with ViaSocket only
	Via      Via
	Slack    string    // the Slack user, with ViaSlack only: it must still be theirs when they act
	Identity *Identity // nil but over SSH
}
