package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	RemindAt     time.Time // those who are asked are reminded then; zero for never
	EscalateAt   time.Time // others are asked too, then; zero for never, or once it is done
	EscalatedAt  time.Time // when that was done
	Extends      GrantID   // asks for more time under this grant, For being what is added; empty for a request of its own
	BreakGlass   bool      // let in at once, in an emergency: nobody approved it, and a review is owed
	Auto         string    // why it was approved without a word of anybody, such as "on-call"; empty otherwise
	Review       Review    // of a break-glass request; zero until there is one
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
	For     time.Duration // an approval for less than was asked; 0 for as asked
	// Unconfirmed: an approval by a click where the rule wants it confirmed
	// with a key. It does not count until it is.
	Unconfirmed bool
	Fingerprint string // of the key that decided or confirmed, over SSH
	Touched     bool   // it was a security key, and somebody touched it
}

// Word is what somebody says on a request.
type Word struct {
	Request RequestID
	Verdict Verdict
	Reason  string
	For     time.Duration // approve for less than was asked; 0 for as asked
}

// Ask is what somebody asks for ahead of time.
type Ask struct {
	Target     Target
	Kinds      []Kind // empty for all that the rule covers
	For        time.Duration
	Reason     string
	BreakGlass bool // let me in at once, in an emergency, where the rule allows it
}

// Review is what somebody found who looked at a break-glass access afterwards.
type Review struct {
	By   PersonName
	Note string
	At   time.Time
}

// Owed reports whether somebody must still review what was done.
func (r Request) Owed() bool {
	return r.BreakGlass && r.State == RequestApproved && r.Review.At.IsZero()
}

// ApprovedBy lists whose approvals count, in order.
func (r Request) ApprovedBy() []PersonName { return r.approved(false) }

// UnconfirmedBy lists who clicked and has still to confirm with a key.
func (r Request) UnconfirmedBy() []PersonName { return r.approved(true) }

func (r Request) approved(unconfirmed bool) []PersonName {
	var names []PersonName
	for _, d := range r.Decisions {
		if d.Verdict == VerdictApprove && d.Unconfirmed == unconfirmed {
			names = append(names, d.Person)
		}
	}
	return names
}

// Digest names what a decision is about, all of it: who confirms an approval
// on one screen can compare it with what another shows. It is the beginning of
// a SHA-256, in hexadecimal, over what was asked and never changes.
func (r Request) Digest() string {
	h := sha256.New()
	for _, field := range []string{
		string(r.ID), string(r.Person), r.Target.Login, r.Target.Host, fmt.Sprint(r.Kinds), string(r.Kind), r.Command,
		r.Reason, r.For.String(), r.Rule, r.Fingerprint, r.Source, string(r.Extends), r.RequestedAt.UTC().Format(time.RFC3339Nano),
	} {
		fmt.Fprintf(h, "%d:%s,", len(field), field)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
