// Package access owns the nouns of Sallyport: person, host, identity, target,
// request, grant, session, pass, and the error kinds that reach people.
// It also owns the one state machine that everything else obeys: which
// [RequestState] and [GrantState] may follow which.
//
// It refuses to know any technology: no SSH, no SQL, no Slack, no clock, the
// standard library only. Every other package imports it; it imports none.
//
// Start reading at [Request] and [Grant], then [Pass], which is the joint
// between the front door and the desk: a session's life is a context.
package access

import "time"

// An ID is a ULID made by the server (26 characters of Crockford's base32,
// upper case). The named types keep one kind of ID from being used as another.
type (
	RequestID    string
	GrantID      string
	SessionID    string
	ConnectionID string
)

// NewID makes a fresh ULID. It must be safe for concurrent use. It is
// injected, so that tests can be deterministic and this package needs no
// library.
type NewID func() string

// Clock tells the time. It is injected wherever a deadline is computed.
type Clock func() time.Time

// ValidID reports whether s has the form of an ID. It is the filter for IDs
// that a person typed or Slack sent, before they reach a query or a log.
func ValidID(s string) bool {
	if len(s) != 26 || s[0] > '7' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
		case c >= 'A' && c <= 'Z' && c != 'I' && c != 'L' && c != 'O' && c != 'U':
		default:
			return false
		}
	}
	return true
}
