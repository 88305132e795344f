package access

import (
	"slices"
	"time"
)

// GrantState is where a grant stands.
type GrantState string

const (
	GrantReady    GrantState = "ready"    // approved, not used yet
	GrantActive   GrantState = "active"   // its clock runs
	GrantLapsed   GrantState = "lapsed"   // not used in time
	GrantExpired  GrantState = "expired"  // its time is over
	GrantReleased GrantState = "released" // given back by who asked
	GrantRevoked  GrantState = "revoked"  // taken away
)

var grantMoves = map[GrantState][]GrantState{
	GrantReady:  {GrantActive, GrantLapsed, GrantReleased, GrantRevoked},
	GrantActive: {GrantExpired, GrantReleased, GrantRevoked},
}

// May reports whether a grant in state s may become next.
func (s GrantState) May(next GrantState) bool { return slices.Contains(grantMoves[s], next) }

// Live reports whether a grant in state s may open sessions.
func (s GrantState) Live() bool { return s == GrantReady || s == GrantActive }

// Grant is an approved request's right to open sessions. Its clock starts at
// the first session, not at the click. It binds person, login, host, rule,
// kinds and the key that asked: see [Grant.Covers].
type Grant struct {
	ID          GrantID
	RequestID   RequestID
	Person      PersonName
	Target      Target
	Rule        string
	Kinds       []Kind
	Fingerprint string
	State       GrantState
	For         time.Duration // as first approved; extensions move NotAfter
	ReadyAt     time.Time     // approved
	UseBy       time.Time     // lapses then, while ready
	StartedAt   time.Time     // first session; zero while ready
	NotAfter    time.Time     // expires then; zero while ready
	EndedAt     time.Time
}

// Covers reports whether g lets who asked with this key open such a session,
// as far as the grant goes; state and time are the store's to check, within
// the transaction that uses them.
func (g Grant) Covers(person PersonName, fingerprint string, t Target, rule string, k Kind) bool {
	return g.Person == person && g.Fingerprint == fingerprint && g.Target == t &&
		g.Rule == rule && slices.Contains(g.Kinds, k)
}
