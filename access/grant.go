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
	Bind        []Binding // to what it is bound beside person, target, rule and kinds; empty means the key
	Address     string    // bound, with [BindAddress]; without a port
	Sessions    int       // how many it may open in all; 0 for any number
	Opened      int       // how many it has opened
	BreakGlass  bool      // nobody approved it: it was taken in an emergency
}

// Binding is something of the asking connection that a grant is bound to.
type Binding string

const (
	BindKey     Binding = "key"
	BindAddress Binding = "address"
)

// Binds reports whether g is bound to b.
func (g Grant) Binds(b Binding) bool {
	return slices.Contains(g.Bind, b) || b == BindKey && len(g.Bind) == 0
}

// Covers reports whether g lets who proved this identity open such a session,
// as far as the grant goes; state and time are the store's to check, within
// the transaction that uses them. A grant that was not asked for over SSH knows
// no key and no address until its first session, which binds them.
func (g Grant) Covers(id Identity, t Target, rule string, k Kind) bool {
	return g.Person == id.Person && g.Target == t && g.Rule == rule && slices.Contains(g.Kinds, k) &&
		(!g.Binds(BindKey) || id.Fingerprint != "" && (g.Fingerprint == "" || g.Fingerprint == id.Fingerprint)) &&
		(!g.Binds(BindAddress) || id.Address() != "" && (g.Address == "" || g.Address == id.Address())) &&
		(g.Sessions == 0 || g.Opened < g.Sessions)
}
