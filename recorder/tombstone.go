package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Tombstone stands in the slot of a recording that was deleted: whose it was,
// and its place in the chain of manifests, so that the chain holds without it.
// The file is signed as a manifest is. It holds nothing of what was recorded,
// the command line included.
type Tombstone struct {
	Type      string      `json:"sallyport"` // "tombstone"
	Version   int         `json:"version"`
	Session   Facts       `json:"session"`
	BastionID string      `json:"bastion"`
	Sequence  uint64      `json:"sequence"`
	Previous  string      `json:"previous"`
	Manifest  string      `json:"manifest"` // SHA-256 of the manifest that was here
	DeletedAt time.Time   `json:"deleted_at"`
	Reason    string      `json:"reason"`
	Key       string      `json:"key"`
	Keys      []PublicKey `json:"keys,omitempty"`
}

const (
	tombstoneName = "tombstone.json"
	tombstoneType = "tombstone"
)

// Delete deletes a recording that was sealed and leaves a signed tombstone in
// its folder, whose digest it returns. Of an encrypted one the key goes first,
// and with it every copy of the rest is unreadable. It can be interrupted at
// any point and be called again: what is there already stays, what is left
// goes. A recording whose manifest cannot be relied upon is not deleted.
func (r *Recorder) Delete(recording, reason string) (digest string, err error) {
	dir := r.Folder(recording)
	t, data, err := readTombstone(dir, r.keys.Trust())
	if errors.Is(err, fs.ErrNotExist) {
		t, data, err = r.bury(dir, reason)
	}
	if err != nil {
		return "", fmt.Errorf("recording %s is not deleted: %w", t.Session.ID, err)
	}
	err = errors.Join(removeIfThere(filepath.Join(dir, keyFile)), syncDir(dir))
	entries, e := os.ReadDir(dir)
	err = errors.Join(err, e)
	for _, entry := range entries {
		if entry.Name() != tombstoneName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), errors.Join(err, syncDir(dir))
}

func removeIfThere(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bury puts the tombstone of a sealed recording beside it.
func (r *Recorder) bury(dir, reason string) (t Tombstone, data []byte, err error) {
	a, err := ReadSealed(dir, r.keys.Trust())
	if err != nil {
		return t, nil, err
	}
	facts := factsOf(a.Session)
	facts.Command = ""
	t = Tombstone{
		Session: facts, BastionID: a.Session.BastionID, Sequence: a.Sequence, Previous: hex.EncodeToString(a.Previous[:]),
		Manifest: hex.EncodeToString(a.Digest[:]), DeletedAt: stamp(r.config.Now()), Reason: access.Plain(reason, 500),
	}
	t.Type, t.Version = tombstoneType, manifestVersion
	id, key, chain := r.keys.signer()
	t.Key, t.Keys = id, chain
	if data, err = signDocument(t, key); err != nil {
		return t, nil, err
	}
	return t, data, errors.Join(replaceFile(dir, tombstoneName, data, &r.reserve), syncDir(dir))
}

// readTombstone reads the tombstone in a folder and checks its signature.
func readTombstone(dir string, trust Trust) (t Tombstone, data []byte, err error) {
	f, err := openRegular(filepath.Join(dir, tombstoneName))
	if err != nil {
		return t, nil, err
	}
	data, err = io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = errOversize
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return t, nil, err
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, nil, fmt.Errorf("%w: tombstone: %w", errUntrusted, err)
	}
	if t.Type != tombstoneType || t.Version != manifestVersion {
		return t, nil, fmt.Errorf("%w: not a tombstone of version 1", errUntrusted)
	}
	signed, sig, err := splitSignature(data)
	if err == nil {
		err = verifySigned(t.Key, t.Keys, signed, sig, trust)
	}
	if err != nil {
		return t, nil, fmt.Errorf("%w: tombstone: %w", errUntrusted, err)
	}
	return t, data, nil
}

// adoption is what the index must know of a deleted recording.
func (t Tombstone) adoption(dir string) (Adoption, error) {
	a := Adoption{Session: t.Session.Session(), Sequence: t.Sequence}
	a.Session.BastionID = t.BastionID
	a.Session.Recording = recordingBelow(filepath.Join(dir, "..", "..", "..", ".."), filepath.Clean(dir))
	previous, err1 := hex.DecodeString(t.Previous)
	manifest, err2 := hex.DecodeString(t.Manifest)
	if err1 != nil || err2 != nil || len(previous) != sha256.Size || len(manifest) != sha256.Size || t.Sequence == 0 ||
		t.Session.ID != filepath.Base(filepath.Clean(dir)) {
		return Adoption{}, fmt.Errorf("%w: the tombstone has no place in a sequence", errUntrusted)
	}
	copy(a.Previous[:], previous)
	copy(a.Digest[:], manifest)
	return a, nil
}

// buried reports whether a recording was deleted, by the look of its folder.
func buried(dir string) bool { return hasFile(dir, tombstoneName) && !hasFile(dir, manifestName) }

// ErrDeleted says that a recording was deleted and that its tombstone tells
// when and why. It is an [*access.Error], fit for the person.
var ErrDeleted error = access.Refuse(access.ReasonNotFound, "the recording was deleted", "Its tombstone says when and why: verify checks it")

// tombstone takes note of a deleted recording.
func (v *verifier) tombstone(trust Trust) error {
	t, _, err := readTombstone(v.dir, trust)
	if err == nil {
		var a Adoption
		if a, err = t.adoption(v.dir); err == nil {
			v.digest = a.Digest
		}
	}
	if errors.Is(err, errUntrusted) || errors.Is(err, errOversize) || errors.Is(err, errIrregular) {
		v.find(Altered, tombstoneName, 0, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	v.buried = true
	v.m.BastionID, v.m.Sequence, v.m.Previous = t.BastionID, t.Sequence, t.Previous
	v.find(Missing, "", -1, "deleted on %s: %s; its tombstone is genuine", t.DeletedAt.UTC().Format(time.DateOnly), t.Reason)
	return nil
}
