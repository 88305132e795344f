package audit

// Kind says what an event tells of: NOUN.VERB. The values are contract.
type Kind string

// The catalogue. Where Detail has keys that readers may rely on, they stand
// in parentheses.
const (
	// The server and its configuration.
	ServerStarted  Kind = "server.started"
	ServerStopped  Kind = "server.stopped"
	IndexRebuilt   Kind = "index.rebuilt"   // reindex made the sessions anew from their files (sessions, transfers, unusable)
	AuditSetAside  Kind = "audit.set_aside" // a file of another chain than the database's was moved away (file, kept_as, ends_at, hash)
	PolicyReloaded Kind = "policy.reloaded" // (digest, epoch)
	PolicyRefused  Kind = "policy.refused"  // a bad access.yaml; the old one stays (digest, faults)

	// Who comes in.
	AuthSucceeded    Kind = "auth.succeeded" // (fingerprint, key_type)
	AuthFailed       Kind = "auth.failed"    // (cause)
	ConnectionOpened Kind = "connection.opened"
	ConnectionClosed Kind = "connection.closed"

	// Asking and deciding.
	AccessRefused      Kind = "access.refused"  // a session was not let in (reason, why, kind)
	RequestCreated     Kind = "request.created" // (kinds, for, reason, fingerprint, policy, until; extends)
	RequestJoined      Kind = "request.joined"  // a further connection waits for the same decision
	RequestApproval    Kind = "request.approval"
	RequestApproved    Kind = "request.approved"     // the last approval that was needed (approvers, via)
	RequestDenied      Kind = "request.denied"       // (reason, via)
	RequestCancelled   Kind = "request.cancelled"    // (cause)
	RequestLapsed      Kind = "request.lapsed"       // nobody answered in time
	DecisionRefused    Kind = "decision.refused"     // somebody's decision did not count (cause, why, verdict, via)
	DecisionBreakGlass Kind = "decision.break_glass" // approved by the admin of last resort (reason)

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
	SessionEnded       Kind = "session.ended"       // (cause, exit_status, sequence, manifest)
	SessionKilled      Kind = "session.killed"      // somebody ended it (reason)
	ChannelRefused     Kind = "channel.refused"     // the gate (type, destination)
	RecordingFailed    Kind = "recording.failed"    // (cause)
	RecordingRecovered Kind = "recording.recovered" // cut short by a crash, closed at the next start
	RecordingAdopted   Kind = "recording.adopted"   // sealed on disk, and the index did not know: a restore (cause, sequence, manifest; fault)
	RecordingClash     Kind = "recording.clash"     // the same, and another has its place (sequence, manifest, other)
	RecordingHead      Kind = "recording.head"      // anchor of a live recording (head, offset)

	// Towards the host.
	CertificateIssued   Kind = "certificate.issued"   // (serial, key_id, ca, valid_before, vault_request_id)
	CertificateRejected Kind = "certificate.rejected" // not what was asked for (cause)
	SignerFailed        Kind = "signer.failed"        // Vault or the local CA gave none (cause)
	HostUnreachable     Kind = "host.unreachable"     // (cause)
	HostKeyMismatch     Kind = "hostkey.mismatch"     // (fingerprint)
	HostAuthFailed      Kind = "host.auth_failed"     // the host did not take the certificate (cause)

	// Effects that could not be brought about.
	NotificationFailed Kind = "notification.failed" // given up after many attempts (cause)
)
