package access

import "time"

// SessionState is where a session and its recording stand.
type SessionState string

const (
	SessionLive      SessionState = "live"      // running, recording open
	SessionSealed    SessionState = "sealed"    // ended, recording closed and signed
	SessionRecovered SessionState = "recovered" // cut short by a crash, closed at the next start
)

// Session is one channel on a connection, or all its forwards: one recording.
type Session struct {
	ID           SessionID
	ConnectionID ConnectionID
	BastionID    string
	Person       PersonName
	Target       Target
	Kind         Kind
	Command      string // of an exec, or the subsystem's name; content
	Terminal     bool   // it has a pty
	Rule         string
	PolicyDigest string
	RequestID    RequestID // empty with standing access
	GrantID      GrantID
	Approvers    []PersonName
	Fingerprint  string // of the key that proved the person
	Source       string // address of the client
	StartedAt    time.Time
	EndedAt      time.Time // zero while live
	State        SessionState
	ExitStatus   *int   // the remote program's own, if it gave one
	EndCause     string // "exit" (the program ended), "signal:NAME", "disconnect", or a [Reason]
	EndDetail    string // who killed it and why, and such; safe to show
	BytesOut     int64  // stdout and stderr
	BytesIn      int64
	Recording    string // path below the recordings directory, YYYY/MM/DD/ID
	Certificate  Certificate

	// Of a live session that runs only while a second person watches, as the
	// desk knows it; not stored.
	Vigil    bool         // it is one
	Paused   bool         // nobody watches now
	Watchers []PersonName // who does, as far as they count
}

// End causes that are no [Reason].
const (
	EndExit       = "exit"
	EndDisconnect = "disconnect" // the client went away
	EndCrash      = "crash"      // the bastion died
)

// Certificate is what is kept of the certificate that logged in to the host.
type Certificate struct {
	Serial         uint64
	KeyID          string
	CAFingerprint  string
	ValidBefore    time.Time
	VaultRequestID string // equals request.id in Vault's audit log
}
