package forward

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// State says in a word why a batch did not go. The values are labels of
// metrics.
type State string

const (
	Unreachable State = "unreachable" // no connection
	Untrusted   State = "untrusted"   // TLS did not come about: whose certificate is it?
	Unconfirmed State = "unconfirmed" // the connection was lost before the other side had confirmed
	Refused     State = "refused"     // the other side said no
	Unset       State = "unset"       // a secret or a key could not be read here
	Unread      State = "unread"      // our own database
)

// Error is why a batch did not go.
type Error struct {
	State State
	After time.Duration // how long the other side asks to be left alone; 0: it did not say
	Err   error         // for the log: names addresses, and holds no secret
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.State, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// stateOf is the word for an error; empty for none.
func stateOf(err error) State {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.State
	}
	return Unconfirmed
}

// isDial reports whether there was no connection at all.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
