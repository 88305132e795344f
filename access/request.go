package access

import (
	"slices"
	"time"
)

// RequestState is where a request stands.
type RequestState string

const (
	RequestPending   RequestState = "pending"
	RequestApproved  RequestState = "approved"
	RequestDenied    RequestState = "denied"
	RequestCancelled RequestState = "cancelled"
	RequestLapsed    RequestState = "lapsed"
)

// Final reports whether nothing can follow s.
func (s RequestState) Final() bool { return s != RequestPending }

// May reports whether a request in state s may become next. Only a pending
// one may become anything, and that only once: first decision wins.
func (s RequestState) May(next RequestState) bool {
	return s == RequestPending && slices.Contains(
		[]RequestState{RequestApproved, RequestDenied, RequestCancelled, RequestLapsed}, next)
}

// Request is one person asking for one login on one host for a time.
type Request struct {
	ID           RequestID
	Person       PersonName
	Target       Target // host by its inventory name
	Kinds        []Kind // what the asking rule covers
	Kind         Kind   // what was being opened when it was asked; empty when asked ahead
	Command      string // of an exec; content: never in a log
	Reason       string
	For          time.Duration // how long the grant would last
	Rule         string        // name of the rule that asks
	PolicyDigest string        // of the access file in force
	Fingerprint  string        // the key that asked; the grant binds it
	Source       string        // address the asking connection came from
	BastionID    string
	State        RequestState
	RequestedAt  time.Time
	WaitUntil    time.Time // lapses then
	Extends      GrantID   // asks for more time under this grant, For being what is added; empty for a request of its own
	DecidedAt    time.Time // zero while pending
	Decisions    []Decision
	Grant        *Grant // nil until approved; of an extension, the grant that it lengthened
}

// Verdict is what one person decided.
type Verdict string

const (
	VerdictApprove Verdict = "approve"
	VerdictDeny    Verdict = "deny"
)

// Decision is one person's word on a request. A request may need several
// approvals; one denial decides it.
type Decision struct {
	Person  PersonName // or local:UID
	Verdict Verdict
	Reason  string
	Via     Via
	At      time.Time
}

// ApprovedBy lists who approved, in order.
func (r Request) ApprovedBy() []PersonName {
	var names []PersonName
	for _, d := range r.Decisions {
		if d.Verdict == VerdictApprove {
			names = append(names, d.Person)
		}
	}
	return names
}
