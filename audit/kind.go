package audit

// Kind says what an event tells of: NOUN.VERB. The values are contract.
type Kind string

// The catalogue. Where Detail has keys that readers may rely on, they stand
// in parentheses.
const (
	// The server and its configuration.
	ServerStarted  Kind = "server.started" // (version)
	ServerStopped  Kind = "server.stopped"
	IndexRebuilt   Kind = "index.rebuilt"   // reindex made the sessions anew from their files (sessions, transfers, unusable, lost, notes)
	AuditSetAside  Kind = "audit.set_aside" // a file of another chain than the database's was moved away (file, kept_as, ends_at, hash)
	PolicyReloaded Kind = "policy.reloaded" // (digest, epoch, before, people_ended, by)
	PolicyRefused  Kind = "policy.refused"  // a bad access.yaml; the old one stays (digest, faults, in_force)

	// Who comes in.
	AuthSucceeded Kind = "auth.succeeded" // (fingerprint, key_type)
	AuthFailed    Kind = "auth.failed"    // keys were offered and none counted (attempts)

	// The console.
	CommandRefused  Kind = "command.refused"  // a command that is not for who typed it (command, reason)
	RecordingViewed Kind = "recording.viewed" // somebody replayed, browsed or exported it (command, of, format, input)
	// RecordingsSearched: somebody searched the text of recordings (of_person,
	// of_host, of_kind, since, until, source, regexp, hits, sessions). What was
	// looked for is content, perhaps a secret, and stays out.
	RecordingsSearched Kind = "recordings.searched"

	// Asking and deciding.
	AccessRefused      Kind = "access.refused"       // a session was not let in (reason, why, kind)
	RequestCreated     Kind = "request.created"      // (kinds, for, reason, fingerprint, policy, until; extends)
	RequestJoined      Kind = "request.joined"       // a further connection waits for the same decision
	RequestClicked     Kind = "request.clicked"      // an approval that its approver must still confirm with a key (via, reason)
	RequestBreakGlass  Kind = "request.break_glass"  // somebody let themselves in, in an emergency (reason, fingerprint)
	RequestReviewed    Kind = "request.reviewed"     // somebody looked at it afterwards (note, via)
	RequestApproval    Kind = "request.approval"     // one of several that are needed (via, reason, fingerprint)
	RequestApproved    Kind = "request.approved"     // the last approval that was needed (via, reason, fingerprint)
	RequestDenied      Kind = "request.denied"       // (via, reason, fingerprint)
	RequestCancelled   Kind = "request.cancelled"    // (cause)
	RequestEscalated   Kind = "request.escalated"    // nobody decided: others are asked too (asked)
	RequestLapsed      Kind = "request.lapsed"       // nobody answered in time
	DecisionRefused    Kind = "decision.refused"     // somebody's decision did not count (cause, why, verdict, via)
	DecisionBreakGlass Kind = "decision.break_glass" // approved by the admin of last resort (via, reason)

	// Grants.
	GrantReady     Kind = "grant.ready"     // approved (for, use_by)
	GrantActivated Kind = "grant.activated" // first session; its clock runs (not_after)
	GrantLapsed    Kind = "grant.lapsed"
	GrantExpired   Kind = "grant.expired"
	GrantExtended  Kind = "grant.extended" // an extension was approved (for, not_after)
	GrantReleased  Kind = "grant.released"
	GrantRevoked   Kind = "grant.revoked" // (cause, reason)

	// Locks.
	LockSet    Kind = "lock.set"    // a person or a host is locked (reason, via)
	LockLifted Kind = "lock.lifted" // and no longer is (reason, via, set_by, set_at)

	// Sessions and recordings.
	SessionStarted     Kind = "session.started"     // (kind)
	SessionEnded       Kind = "session.ended"       // (kind, cause, detail, exit_status, sequence, manifest)
	SessionKilled      Kind = "session.killed"      // somebody ended it (reason, via)
	SessionWatched     Kind = "session.watched"     // somebody began to watch it live (via, told, counts)
	SessionUnwatched   Kind = "session.unwatched"   // and does no longer (via, for)
	SessionPaused      Kind = "session.paused"      // it may run only while a second person watches, and nobody does (cause)
	SessionResumed     Kind = "session.resumed"     // somebody does: it runs (watchers, after)
	ChannelRefused     Kind = "channel.refused"     // the gate; what there is of (channel, request, subsystem, destination, reason, by)
	RecordingFailed    Kind = "recording.failed"    // it could not be begun, gone on with, or sealed so far (cause)
	RecordingRecovered Kind = "recording.recovered" // cut short by a crash, closed at the next start
	RecordingAdopted   Kind = "recording.adopted"   // sealed on disk, and the index did not know: a restore (cause, sequence, manifest; fault)
	RecordingClash     Kind = "recording.clash"     // the same, and another has its place (sequence, manifest, other)
	RecordingNoted     Kind = "recording.noted"     // an auditor's own words upon a moment of it, in seconds (at, text, via)
	RecordingHeld      Kind = "recording.held"      // kept however old it is (reason, via)
	RecordingUnheld    Kind = "recording.unheld"    // and no longer is (reason, via)
	RecordingDeleted   Kind = "recording.deleted"   // its time was over; a tombstone is in its slot (cause, tombstone)
	KeyRotated         Kind = "key.rotated"         // a new key signs recordings (key, before)
	RecordingHead      Kind = "recording.head"      // anchor of a live recording: the chain of its block (head, block)

	// Towards the host.
	CertificateIssued   Kind = "certificate.issued"   // (serial, key_id, ca, valid_before, vault_request_id)
	CertificateFallback Kind = "certificate.fallback" // break-glass while Vault is away: the embedded CA signs instead (cause)
	CertificateRejected Kind = "certificate.rejected" // not what was asked for (cause)
	SignerFailed        Kind = "signer.failed"        // Vault or the local CA gave none (cause)
	HostUnreachable     Kind = "host.unreachable"     // (cause)
	HostKeyMismatch     Kind = "hostkey.mismatch"     // another key than the inventory's (cause)
	HostAuthFailed      Kind = "host.auth_failed"     // the host did not take the certificate (cause)

	// Effects that could not be brought about.
	NotificationFailed Kind = "notification.failed" // given up after many attempts (cause)
)
