package access

import (
	"errors"
	"fmt"
)

// Class says whose doing an [Error] is, and so the exit status of ssh.
type Class uint8

const (
	// Refused: we said no, or ended it. Exit status 254.
	Refused Class = iota + 1
	// Failed: Vault, the recording or the host did not do its part. Exit status 255.
	Failed
)

// String gives the word that stands in the person's line.
func (c Class) String() string {
	if c == Refused {
		return "refused"
	}
	return "failed"
}

// ExitStatus is what the person's ssh exits with.
func (c Class) ExitStatus() int {
	if c == Refused {
		return 254
	}
	return 255
}

// Reason names the cause of an [Error] for machines: metrics, audit events and
// the end_cause of a session. The values are contract.
type Reason string

const (
	ReasonMalformed    Reason = "malformed"       // what was typed cannot be understood
	ReasonUnknownHost  Reason = "unknown_host"    // not in the inventory
	ReasonUnknownLogin Reason = "unknown_login"   // not a login of that host
	ReasonNoRule       Reason = "no_rule"         // nothing allows it
	ReasonDenyRule     Reason = "deny_rule"       // a rule denies it
	ReasonChannel      Reason = "channel"         // a channel or request type that the rule does not allow
	ReasonNoApprover   Reason = "no_approver"     // nobody could approve it
	ReasonNoReason     Reason = "no_reason"       // a reason is required and missing or malformed
	ReasonCondition    Reason = "condition"       // a rule would allow it, but for its condition
	ReasonReviewOwed   Reason = "review_owed"     // an earlier break-glass access has not been reviewed
	ReasonDenied       Reason = "denied"          // an approver said no
	ReasonCancelled    Reason = "cancelled"       // withdrawn by who asked
	ReasonLapsed       Reason = "lapsed"          // nobody answered, or the grant was not used in time
	ReasonExpired      Reason = "expired"         // the grant's time is over
	ReasonRevoked      Reason = "revoked"         // the grant was revoked
	ReasonReleased     Reason = "released"        // the grant was given back
	ReasonLocked       Reason = "locked"          // person or host locked
	ReasonRemoved      Reason = "removed"         // person, key or rule is no longer there
	ReasonKilled       Reason = "killed"          // somebody ended this session
	ReasonIdle         Reason = "idle"            // nothing passed for limits.idle
	ReasonUnwatched    Reason = "unwatched"       // nobody watched a session that must be watched
	ReasonShutdown     Reason = "shutdown"        // the bastion is going down
	ReasonLimit        Reason = "limit"           // a limit of the configuration
	ReasonNotAllowed   Reason = "not_allowed"     // a command that this person may not use
	ReasonSelf         Reason = "self_approval"   // deciding one's own request
	ReasonDecided      Reason = "already_decided" // the request is no longer pending
	ReasonNotFound     Reason = "not_found"       // no request, grant or session of that ID
	ReasonSigner       Reason = "signer"          // Vault or the local CA gave no certificate
	ReasonCertificate  Reason = "certificate"     // the certificate is not what was asked for
	ReasonRecording    Reason = "recording"       // it cannot be recorded
	ReasonUnreachable  Reason = "unreachable"     // the host does not answer
	ReasonHostKey      Reason = "host_key"        // the host showed another key
	ReasonHostAuth     Reason = "host_auth"       // the host did not accept the certificate
	ReasonHostLost     Reason = "host_lost"       // the connection to the host broke
	ReasonInternal     Reason = "internal"        // ours
)

// Error is an error for two audiences. The person gets [Error.Line]: what
// happened, what to do, an ID to quote. The operator's log gets Cause as well.
// Neither holds secrets or session content. Errors are values: do not change
// one that was handed out.
type Error struct {
	Class  Class
	Reason Reason
	Why    string // what happened, without a final stop, safe to show
	Do     string // what to do next, without a final stop; may be empty
	ID     string // request, grant or session to quote; may be empty
	Cause  error  // for the operator only
}

// Refuse makes an error of class [Refused].
func Refuse(reason Reason, why, do string) *Error {
	return &Error{Class: Refused, Reason: reason, Why: why, Do: do}
}

// Fail makes an error of class [Failed] with its cause for the operator.
func Fail(reason Reason, why, do string, cause error) *Error {
	return &Error{Class: Failed, Reason: reason, Why: why, Do: do, Cause: cause}
}

// About returns a copy of e that quotes id.
func (e *Error) About(id string) *Error {
	c := *e
	c.ID = id
	return &c
}

// Line is what the person sees, without a line break:
// "sallyport: refused: WHY. WHAT TO DO (ID)".
func (e *Error) Line() string {
	s := fmt.Sprintf("sallyport: %s: %s.", e.Class, e.Why)
	if e.Do != "" {
		s += " " + e.Do
	}
	if e.ID != "" {
		s += " (" + e.ID + ")"
	}
	return s
}

// Error is what the operator's log gets.
func (e *Error) Error() string {
	s := e.Why
	if e.ID != "" {
		s += " (" + e.ID + ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the [*Error] in err. An error that is none is wrapped as an
// internal failure, so that nothing unforeseen is shown to a person.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Fail(ReasonInternal, "the bastion could not do this", "Ask the operator to look at the log", err)
}
