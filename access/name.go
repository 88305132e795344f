package access

import (
	"fmt"
	"strings"
)

// maxName bounds names of people, hosts and aliases, in bytes: the longest
// DNS name is 253.
const maxName = 253

// ValidName reports whether s may name a person, a host or an alias: lower
// case letters, digits, '.', '-' and '_', not beginning with '-' or '.'.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '-' || s[0] == '.' {
		return false
	}
	return nameCharacters(s)
}

// ValidLogin reports whether s may be a login on a host:
// [a-z_][a-z0-9_.-]{0,31}. It is narrower than what hosts accept, because a
// login becomes a certificate's principal and Vault splits those at commas.
func ValidLogin(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	if c := s[0]; !('a' <= c && c <= 'z' || c == '_') {
		return false
	}
	return nameCharacters(s)
}

// nameCharacters reports whether s holds only what names and logins may hold.
func nameCharacters(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// Target is what a person asks for: one login on one host. Host is a name or
// an alias as it stands in the inventory, lower case, never an address.
type Target struct {
	Login string
	Host  string
}

// String gives LOGIN@HOST.
func (t Target) String() string { return t.Login + "@" + t.Host }

// IsTarget reports whether an SSH user name asks for a host at all. Without a
// separator the connection is for the console or a jump.
func IsTarget(user string) bool { return strings.ContainsAny(user, "@+%") }

// ParseTarget reads LOGIN@HOST, LOGIN+HOST or LOGIN%HOST, as it arrives in the
// user name of an SSH connection. It splits at the first separator: no login
// may hold one. What was typed is lower-cased. The error is a [*Error] fit for
// the person.
func ParseTarget(s string) (Target, error) {
	i := strings.IndexAny(s, "@+%")
	if i < 0 {
		return Target{}, malformed(s)
	}
	return NewTarget(s[:i], s[i+1:])
}

// NewTarget checks and lower-cases a login and a host that arrived apart, as
// they do in a jump.
func NewTarget(login, host string) (Target, error) {
	t := Target{Login: strings.ToLower(login), Host: strings.ToLower(strings.TrimSuffix(host, "."))}
	if !ValidLogin(t.Login) || !ValidName(t.Host) || strings.HasSuffix(t.Host, ".") { // one dot makes a name absolute, two make none
		return Target{}, malformed(login + "@" + host)
	}
	return t, nil
}

func malformed(s string) error {
	return Refuse(ReasonMalformed, fmt.Sprintf("%q is not LOGIN@HOST", Plain(s, 64)),
		"Type ssh LOGIN@HOST@bastion; ssh bastion hosts lists what there is")
}
