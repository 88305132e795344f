package recorder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sallyport/sallyport/access"
)

// Adoption is a recording that was sealed, and that the index does not tell
// of as such: the database is an older one, restored from a backup.
type Adoption struct {
	Session access.Session // as the manifest has it
	// Sequence is its place in the chain of its bastion's manifests. 0 says
	// that its manifest cannot be relied upon, so that it has no place.
	Sequence uint64
	Previous [sha256.Size]byte // digest of the manifest before it
	Digest   [sha256.Size]byte // of its manifest
}

// errUntrusted says that a manifest is there and proves nothing.
var errUntrusted = errors.New("its manifest cannot be relied upon")

// ReadSealed reads what the index must know of a sealed recording from its
// manifest, after checking that one of the trusted keys signed it and that it
// is about the session whose folder this is (of a deleted one, its tombstone), YYYY/MM/DD/ID below some root. It
// does not check the other files: [Verify] does. Without a manifest the error
// is [fs.ErrNotExist].
func ReadSealed(dir string, trust Trust) (Adoption, error) {
	if buried(dir) {
		t, _, err := readTombstone(dir, trust)
		if errors.Is(err, errOversize) || errors.Is(err, errIrregular) {
			err = fmt.Errorf("%w: %w", errUntrusted, err)
		}
		if err != nil {
			return Adoption{}, err
		}
		return t.adoption(dir)
	}
	data, err := readManifestFile(dir)
	if errors.Is(err, errOversize) || errors.Is(err, errIrregular) {
		return Adoption{}, fmt.Errorf("%w: %w", errUntrusted, err)
	}
	if err != nil {
		return Adoption{}, err
	}
	m, signed, sig, err := parseManifest(data)
	if err == nil {
		err = m.verifySignature(signed, sig, trust)
	}
	a := Adoption{Session: m.Session.Session(), Sequence: m.Sequence, Digest: sha256.Sum256(data)}
	a.Session.BastionID = m.BastionID
	root := filepath.Join(dir, "..", "..", "..", "..")
	a.Session.Recording = recordingBelow(root, filepath.Clean(dir))
	previous, e := hex.DecodeString(m.Previous)
	copy(a.Previous[:], previous)
	switch {
	case err != nil:
	case string(a.Session.ID) != filepath.Base(filepath.Clean(dir)):
		err = fmt.Errorf("it is that of %s", access.Plain(m.Session.ID, 40))
	case e != nil || len(previous) != sha256.Size || m.Sequence == 0:
		err = errors.New("it has no place in a sequence")
	case a.Session.State != access.SessionSealed && a.Session.State != access.SessionRecovered:
		err = fmt.Errorf("it is of a session that is %q", access.Plain(string(a.Session.State), 40))
	}
	if err != nil {
		return Adoption{}, fmt.Errorf("%w: %w", errUntrusted, err)
	}
	return a, nil
}

// adopt tells the index of the recordings that are sealed on disk and that it
// holds for live or does not know: what ended after the backup from which the
// database was restored. Nothing on disk changes. In the order of their
// sequence, so that each finds its place, and the next one sealed follows the
// last.
func (r *Recorder) adopt(ctx context.Context) error {
	lost, err := r.lost(ctx)
	if err != nil {
		return err
	}
	var found []Adoption
	var errs []error
	for _, s := range lost {
		a, err := r.readLost(s)
		switch {
		case errors.Is(err, errUntrusted):
			r.config.Log.Error("recorder: a recording is left as it is", "session", string(s.ID), "err", err)
		case err != nil:
			errs = append(errs, fmt.Errorf("recording %s: %w", s.ID, err))
			continue
		}
		if a.Session.ID != "" {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b Adoption) int {
		return cmp.Or(cmp.Compare(a.Session.BastionID, b.Session.BastionID), cmp.Compare(a.Sequence, b.Sequence))
	})
	for _, a := range found {
		if err := r.adoptOne(ctx, a); err != nil {
			errs = append(errs, fmt.Errorf("recording %s: %w", a.Session.ID, err))
		}
	}
	return errors.Join(errs...)
}

// lost lists the sessions that have a manifest and that the index does not
// hold for ended; of those that it does not know only ID and Recording.
func (r *Recorder) lost(ctx context.Context) (lost []access.Session, err error) {
	live, err := r.config.Index.LiveSessions(ctx, r.config.BastionID)
	if err != nil {
		return nil, err
	}
	for _, s := range live {
		if sealedFolder(r.Folder(s.Recording)) {
			lost = append(lost, s)
		}
	}
	folders, err := r.folders()
	if err != nil {
		return nil, err
	}
	at := map[access.SessionID]string{}
	var ids []access.SessionID
	for _, folder := range folders {
		if sealedFolder(folder) {
			id := access.SessionID(filepath.Base(folder))
			at[id], ids = r.recordingOf(folder), append(ids, id)
		}
	}
	unknown, err := r.config.Index.UnknownSessions(ctx, ids)
	for _, id := range unknown {
		lost = append(lost, access.Session{ID: id, Recording: at[id]})
	}
	return lost, err
}

// sealedFolder reports whether there is a manifest, or whatever passes for it.
func sealedFolder(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, manifestName))
	return !errors.Is(err, fs.ErrNotExist) || buried(folder)
}

// readLost reads the manifest of a session that the index holds for live or
// does not know. One that cannot be relied upon is not evidence, but what lies
// there may be, of something: nothing is sealed over it. The session that
// was live ends in the index as it stands there.
func (r *Recorder) readLost(s access.Session) (Adoption, error) {
	folder := r.Folder(s.Recording)
	a, err := ReadSealed(folder, r.keys.Trust())
	if errors.Is(err, errUntrusted) && s.State == access.SessionLive {
		s.State, s.EndCause, s.EndDetail = access.SessionRecovered, access.EndCrash, access.Plain(err.Error(), 500)
		s.EndedAt = s.StartedAt
		if cast, e := Open(folder); e == nil {
			if d, e := cast.Duration(); e == nil {
				s.EndedAt = s.StartedAt.Add(d)
			}
			_ = cast.Close() // only read
		}
		a = Adoption{Session: s}
	}
	return a, err
}

// adoptOne puts one recording in the index, with its ledger of files.
func (r *Recorder) adoptOne(ctx context.Context, a Adoption) error {
	err := BatchTransfers(r.Folder(a.Session.Recording), a.Session.ID, func(batch []access.Transfer) error {
		return r.config.Index.AddTransfers(ctx, batch)
	})
	if err != nil {
		return err
	}
	other, err := r.config.Index.AdoptSession(ctx, a)
	if err != nil {
		return err
	}
	id := string(a.Session.ID)
	if other != "" {
		r.config.Log.Error("recorder: two recordings have one place in the sequence; both are kept as they are",
			"session", id, "other", string(other), "sequence", a.Sequence)
		return nil
	}
	r.config.Log.Warn("recorder: the index did not know that this recording is sealed", "session", id, "sequence", a.Sequence)
	return nil
}

// BatchTransfers hands the ledger of files of a folder to add, in batches that
// are add's until it returns. Lines that cannot be read are left out: [Verify]
// tells of them.
func BatchTransfers(folder string, id access.SessionID, add func([]access.Transfer) error) error {
	var batch []access.Transfer
	for t, err := range Transfers(folder) {
		var bad *LineError
		if errors.As(err, &bad) {
			continue
		}
		if errors.Is(err, errIrregular) {
			break
		}
		if err != nil {
			return err
		}
		t.Session = id
		if batch = append(batch, t); len(batch) == indexBatch {
			if err := add(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return add(batch)
}
