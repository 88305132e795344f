package access

import "slices"

// PersonName names a human or a service, as in access.yaml. It is the
// identity in requests, events and certificates' key IDs.
type PersonName string

// Person is a human or a service identity.
type Person struct {
	ID     string // opaque, for ever; the name unless configured
	Name   PersonName
	Email  string
	Slack  string // Slack user ID
	Groups []string
	Owner  PersonName // of a service: the human who answers for it
	Keys   []PersonKey
	Source string // where the row comes from: "file"; later "oidc", "scim"
}

// Human is who a person is when approvals are compared: the owner for a
// service, else the person.
func (p Person) Human() PersonName {
	if p.Owner != "" {
		return p.Owner
	}
	return p.Name
}

// In reports whether p is in any of the groups.
func (p Person) In(groups ...string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(p.Groups, g) })
}

// PersonKey is a public key of a person.
type PersonKey struct {
	Wire        string // SSH wire form (RFC 4253, section 6.6), the key for comparison
	Fingerprint string // SHA256:…
	Comment     string
	Use         []KeyUse // what it may be used for; never empty
}

// May reports whether the key may be used so.
func (k PersonKey) May(u KeyUse) bool { return slices.Contains(k.Use, u) }

// Hardware reports whether the key lives in a security key, which wants a
// touch for each signature (OpenSSH's PROTOCOL.u2f).
func (k PersonKey) Hardware() bool {
	return len(k.Wire) > 7 && k.Wire[4:7] == "sk-" // after the length of the type
}

// KeyUse is what a key may be used for.
type KeyUse string

const (
	UseLogin  KeyUse = "login"  // reach hosts and the console
	UseDecide KeyUse = "decide" // approve and deny
)

// Host is a machine of the inventory.
type Host struct {
	Name     string
	Address  string // host:port
	Aliases  []string
	Labels   map[string]string
	Logins   []string
	HostKeys []string // pinned keys, authorized_keys form
	HostCAs  []string // CAs of host certificates, authorized_keys form
}

// Names are the name and the aliases: all by which a host may be asked for.
func (h Host) Names() []string { return append([]string{h.Name}, h.Aliases...) }
