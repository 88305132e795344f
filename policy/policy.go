// Package policy owns the access file: people, groups, hosts and rules, read
// strictly, and the pure decision who may do what where.
//
// It refuses to know requests, grants or sessions: it says what a rule asks
// for, never whether that has been given. It reads no file and no clock, asks
// no name server, and a [Policy] never changes once it is parsed.
//
// Start reading at [Policy.Decide], then [Policy.Met] for approvals, [Parse]
// for the file, and [Live] for what happens when it changes.
package policy

import (
	"net/netip"

	"github.com/sallyport/sallyport/access"
)

// Policy is one access file, parsed and checked. It is safe for concurrent
// use; nothing that it hands out may be changed.
type Policy struct {
	Digest string // SHA-256 of the file's bytes, hexadecimal
	Epoch  uint64 // set by [Live.Publish]; 0 before
	People []access.Person
	Hosts  []access.Host
	Rules  []*Rule
	// Auditors see every session; Admins act on everybody's behalf.
	Auditors, Admins Who

	people    map[access.PersonName]int
	slack     map[string]int
	keys      map[string]keyRef // by wire form
	hosts     map[string]int    // by name and alias
	addresses map[netip.Addr]bool
	sshPorts  map[uint16]bool

	conditional bool // some rule has a condition
}

// keyRef is a key's place in People.
type keyRef struct{ person, key int }

// Person finds a person by name.
func (p *Policy) Person(name access.PersonName) (access.Person, bool) {
	i, ok := p.people[name]
	if !ok {
		return access.Person{}, false
	}
	return p.People[i], true
}

// PersonByKey finds who holds the public key of this SSH wire form, whatever
// the key may be used for: that is the caller's to check.
func (p *Policy) PersonByKey(wire string) (access.Person, access.PersonKey, bool) {
	ref, ok := p.keys[wire]
	if !ok {
		return access.Person{}, access.PersonKey{}, false
	}
	person := p.People[ref.person]
	return person, person.Keys[ref.key], true
}

// PersonBySlack finds a person by Slack user ID.
func (p *Policy) PersonBySlack(id string) (access.Person, bool) {
	i, ok := p.slack[id]
	if !ok {
		return access.Person{}, false
	}
	return p.People[i], true
}

// Knows reports whether the identity still stands: the person is there and,
// where a plain key signed, holds that key for login. Certificates are judged
// by who trusts their CA. It is asked again for each session of a connection.
func (p *Policy) Knows(id access.Identity) bool {
	person, ok := p.Person(id.Person)
	if !ok || id.Certificate != nil {
		return ok
	}
	for _, k := range person.Keys {
		if k.Fingerprint == id.Fingerprint {
			return k.May(access.UseLogin)
		}
	}
	return false
}

// Host finds a host by name or alias, in lower case; never by address.
func (p *Policy) Host(nameOrAlias string) (access.Host, bool) {
	i, ok := p.hosts[nameOrAlias]
	if !ok {
		return access.Host{}, false
	}
	return p.Hosts[i], true
}

// IsHostAddress reports whether a is the address of an inventory host,
// loopback excepted. Decisions by console are refused from there: a forwarded
// agent on a host is no approver. Hosts that the file addresses by a DNS name
// are not found so: resolving them is not this package's business.
func (p *Policy) IsHostAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return !a.IsLoopback() && p.addresses[a]
}

// IsSSHPort reports whether port is 22 or one at which the inventory's hosts
// serve SSH. Forwards to it are refused under any name.
func (p *Policy) IsSSHPort(port uint16) bool { return port == 22 || p.sshPorts[port] }

// Roles is what a person may do beyond their own affairs.
type Roles struct{ Auditor, Admin, Approver bool }

// Role tells the roles of a person. Approver means that some rule would take
// their approval.
func (p *Policy) Role(person access.Person) Roles {
	r := Roles{Auditor: p.Auditors.Includes(person), Admin: p.Admins.Includes(person)}
	for _, rule := range p.Rules {
		if rule.Approval != nil && rule.Approval.takes(person) {
			r.Approver = true
		}
	}
	return r
}

// Conditional reports whether what the rules say can change while the file
// does not: some rule has a condition.
func (p *Policy) Conditional() bool { return p.conditional }

// Rule finds a rule by name.
func (p *Policy) Rule(name string) (*Rule, bool) {
	for _, r := range p.Rules {
		if r.Name == name {
			return r, true
		}
	}
	return nil, false
}
