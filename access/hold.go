package access

import "time"

// Hold keeps the recording of a session from being deleted, however old it is,
// until somebody lifts it.
type Hold struct {
	Session SessionID
	Reason  string
	By      string // who set it
	Via     Via
	At      time.Time
}
