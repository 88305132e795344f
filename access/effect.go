package access

// EffectKind names something that happened about a request and that people
// are told of once, beside the message that shows the request as it stands.
type EffectKind string

const (
	EffectBreakGlass EffectKind = "break_glass"   // to every approver and admin, loudly
	EffectReviewed   EffectKind = "reviewed"      // in the thread: by whom, with their note
	EffectSession    EffectKind = "session"       // in the thread: a further session under the grant
	EffectConfirm    EffectKind = "confirm"       // to one person: their click waits for their key
	EffectAuto       EffectKind = "auto_approved" // nobody was asked; for the daily digest
)

// Effect is one of them. Text is fit to show.
type Effect struct {
	Request RequestID
	Kind    EffectKind
	Person  PersonName // who did it, or whom it is for ([EffectConfirm])
	Session SessionID  // of [EffectSession]
	Text    string
}
