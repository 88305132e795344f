package access

import "time"

// EffectKind names something that happened about a request and that people
// are told of once, beside the message that shows the request as it stands.
type EffectKind string

const (
	EffectDecided        EffectKind = "decided"         // to who asked: what became of it
	EffectConfirm        EffectKind = "confirm"         // to one person: their click waits for their key
	EffectReminded       EffectKind = "reminded"        // in the thread: nobody has decided yet
	EffectEscalated      EffectKind = "escalated"       // in the thread: others are asked too
	EffectBreakGlass     EffectKind = "break_glass"     // to every approver and admin, loudly
	EffectReviewed       EffectKind = "reviewed"        // in the thread: by whom, with their note
	EffectExtensionAsked EffectKind = "extension_asked" // in the thread: more time was asked for
	EffectExtended       EffectKind = "extended"        // and given
	EffectSession        EffectKind = "session"         // in the thread: a session under the grant began
	EffectSealed         EffectKind = "sealed"          // and ended, its recording sealed
	EffectGrantEnded     EffectKind = "grant_ended"     // in the thread: expired, released, revoked, lapsed
	EffectTaken          EffectKind = "taken"           // to who had it: their grant was revoked
	EffectUnwatched      EffectKind = "unwatched"       // in the thread: a session waits for somebody to watch it
	EffectAuto           EffectKind = "auto_approved"   // nobody was asked; for the daily digest
)

// EffectPlace is where an effect is told.
type EffectPlace string

const (
	InThread  EffectPlace = "thread"  // below the message of its request
	InPrivate EffectPlace = "private" // to one person
	InDigest  EffectPlace = "digest"  // in the channel, with others of the day
)

// Place is where effects of this kind are told.
func (k EffectKind) Place() EffectPlace {
	switch k {
	case EffectDecided, EffectTaken, EffectConfirm:
		return InPrivate
	case EffectAuto:
		return InDigest
	}
	return InThread
}

// Effect is one of them. Text is fit to show, as plain text.
type Effect struct {
	Number  int64     `json:"-"` // in the outbox, by which it is known for ever; 0 before it is there
	Due     time.Time `json:"-"` // not to be told before; zero for at once
	Request RequestID
	Kind    EffectKind
	At      time.Time
	Person  PersonName // who did it, local:UID and the like included, or whom it is for ([EffectConfirm])
	Text    string     `json:",omitempty"`

	Session     SessionID     `json:",omitempty"`
	SessionKind Kind          `json:",omitempty"`
	For         time.Duration `json:",omitempty"` // how long it took, or how much more it is
	Until       time.Time     `json:",omitzero"`
	Digest      string        `json:",omitempty"` // SHA-256 of a recording's manifest, in hex
}

// Usage is what became of the right that an approval gave: the sessions under
// it, and what they left.
type Usage struct {
	Sessions int // all
	Live     int
	Last     []Recorded // those that ended last, newest first; a few
}

// Recorded is an ended session and the proof of its recording.
type Recorded struct {
	Session SessionID
	State   SessionState
	Digest  string // SHA-256 of the manifest, in hex; empty if it has none
}
