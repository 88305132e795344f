package recorder

import (
	"context"

	"github.com/sallyport/sallyport/access"
)

// Index is where sessions are found again: the store implements it. It is the
// truth about which sessions are live, and it alone hands out the sequence
// that chains the manifests of one bastion.
//
// Implementations must be safe for concurrent use, and a call that returned
// nil must be durable.
type Index interface {
	// OpenSession inserts s, whose state is live, with its audit event. The
	// files are there already. It fails if the ID is known.
	OpenSession(ctx context.Context, s access.Session) error

	// SealSession ends a session in one writer transaction:
	//
	//  1. It reads the last sequence of the session's bastion and the digest
	//     of that manifest. The first recording of a bastion gets sequence 1
	//     and 32 zero bytes.
	//  2. It calls build, once, with the next sequence and that digest. Build
	//     neither blocks nor calls the Index. Its error rolls back.
	//  3. It stores s (state sealed or recovered), the sequence, SHA-256 of
	//     the manifest as the digest that the next one gets, and the manifest
	//     itself until [Index.ManifestWritten], with the audit event.
	//
	// The bastion is that of the session's row. A session that the index does
	// not know (found on disk, after a database was restored) is inserted as
	// build returns it; its bastion is the one that the store runs for. A
	// session that is not live any more is refused with an error, before
	// build is called.
	SealSession(ctx context.Context, id access.SessionID,
		build func(seq uint64, prev [32]byte) (manifest []byte, s access.Session, err error)) error

	// AddTransfers inserts entries of the ledgers of files, in one
	// transaction. Those that it has already, by Session and Place, it leaves
	// as they are. Their session may be one that it does not know yet.
	AddTransfers(ctx context.Context, entries []access.Transfer) error

	// UnknownSessions gives those of ids that the index does not know.
	UnknownSessions(ctx context.Context, ids []access.SessionID) ([]access.SessionID, error)

	// AdoptSession takes in a recording that was sealed before, whose session
	// the index holds for live or does not know, in one transaction: the
	// session as it ended, its place in the sequence of its bastion with the
	// digest, and the audit event. From then on the next sequence is above
	// it. With Sequence 0 there is no place to store.
	//
	// If another session has that place, its ID is returned: the session is
	// stored without a place, and the audit event tells of both. A session
	// that has ended is left as it is.
	AdoptSession(ctx context.Context, a Adoption) (other access.SessionID, err error)

	// LiveSessions lists the sessions of a bastion whose state is live.
	LiveSessions(ctx context.Context, bastionID string) ([]access.Session, error)

	// UnwrittenManifests lists what SealSession committed and
	// ManifestWritten has not confirmed: the process died in between.
	UnwrittenManifests(ctx context.Context, bastionID string) ([]UnwrittenManifest, error)

	// ManifestWritten says of sessions that their manifests are safely in
	// their files, so that the bytes need not be kept. It is no error to say so
	// twice.
	ManifestWritten(ctx context.Context, ids ...access.SessionID) error
}

// UnwrittenManifest is a manifest that is in the index and perhaps not on
// disk.
type UnwrittenManifest struct {
	ID        access.SessionID
	Recording string // folder below the recordings directory, YYYY/MM/DD/ID
	Manifest  []byte // the whole file
}
