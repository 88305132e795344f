package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
)

// Anchors are what a record kept elsewhere, the audit chain, says of
// recordings: heads of their chains while they were live, and the digests of
// their manifests. Who could rewrite a recording and has the signing key could
// still not rewrite that. The zero value says nothing.
//
// Of a session that was sealed the digest alone is kept, 48 bytes, however long
// it was: it covers every byte. Heads are kept of those that are live, that a
// crash ended, or that were adopted: mostHeads of each.
type Anchors struct {
	manifests map[ulid.ULID][sha256.Size]byte
	heads     map[ulid.ULID][]anchoredHead // in order
	ended     ulid.ULID                    // whose session.ended came last; zero when something else did
}

// anchoredHead is the chain of a block: it covers all blocks before it.
type anchoredHead struct {
	block uint64
	chain [sha256.Size]byte
}

// mostHeads bounds what is kept of one session. The last one proves all; those
// before it tell how far a recording is genuine where the last does not hold.
const mostHeads = 64

// Kinds of audit events that tell of recordings; the catalogue is the audit
// package's.
const (
	kindHead      = "recording.head"
	kindEnded     = "session.ended"
	kindRecovered = "recording.recovered" // right after session.ended
	kindAdopted   = "recording.adopted"
)

// Take takes an event of the audit chain, in order.
func (a *Anchors) Take(kind string, session access.SessionID, detail map[string]string) {
	id, err := ulid.ParseStrict(string(session))
	if a.ended != (ulid.ULID{}) && (kind != kindRecovered || id != a.ended) {
		delete(a.heads, a.ended)
	}
	a.ended = ulid.ULID{}
	if err != nil {
		return // no session of ours
	}
	switch kind {
	case kindHead:
		a.takeHead(id, detail)
	case kindEnded:
		a.takeManifest(id, detail["manifest"])
		a.ended = id
	case kindAdopted:
		a.takeManifest(id, detail["manifest"])
	}
}

func (a *Anchors) takeHead(id ulid.ULID, detail map[string]string) {
	block, err := strconv.ParseUint(detail["block"], 10, 64)
	if err != nil {
		return
	}
	if _, over := a.manifests[id]; over {
		return // was on its way when the session ended
	}
	heads := a.heads[id]
	if n := len(heads); n > 0 && heads[n-1].block >= block {
		heads = heads[:n-1] // told again: no block was closed since
	}
	if len(heads) == mostHeads {
		for i := range mostHeads / 2 {
			heads[i] = heads[2*i+1]
		}
		heads = heads[:mostHeads/2]
	}
	if a.heads == nil {
		a.heads = map[ulid.ULID][]anchoredHead{}
	}
	a.heads[id] = append(heads, anchoredHead{block, digestOf(detail["head"])})
}

func (a *Anchors) takeManifest(id ulid.ULID, digest string) {
	if digest == "" {
		delete(a.manifests, id) // adopted without one that could be relied upon
		return
	}
	if a.manifests == nil {
		a.manifests = map[ulid.ULID][sha256.Size]byte{}
	}
	a.manifests[id] = digestOf(digest)
}

// digestOf reads a digest in hexadecimal. What is none is all zeros, which
// nothing has.
func digestOf(s string) (d [sha256.Size]byte) {
	if data, err := hex.DecodeString(s); err == nil && len(data) == len(d) {
		copy(d[:], data)
	}
	return d
}

// Empty reports whether they say nothing of any recording.
func (a *Anchors) Empty() bool { return a == nil || len(a.manifests)+len(a.heads) == 0 }

// compare finds where a recording is not what the anchors say of it.
func (v *verifier) compare(anchors *Anchors) error {
	id, err := ulid.ParseStrict(string(v.id))
	if anchors.Empty() || err != nil || v.m.Type == "" && !v.buried {
		return nil //nolint:nilerr // no session of ours: nothing is said of it
	}
	if digest, ok := anchors.manifests[id]; ok && digest != v.digest {
		v.find(Altered, manifestName, 0, "this is not the manifest that the audit chain tells of")
	}
	heads := anchors.heads[id]
	if len(heads) == 0 {
		return nil
	}
	idx, err := openRegular(filepath.Join(v.dir, sidecarName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errIrregular) {
		return nil // said already
	}
	if err != nil {
		return err
	}
	defer idx.Close()
	end := int64(0) // of the last block whose head held
	next := heads
	_, err = scanSidecar(idx, func(b sidecarBlock) error {
		for len(next) > 0 && next[0].block < b.number {
			next = next[1:]
		}
		if len(next) == 0 || next[0].block > b.number {
			return nil
		}
		if next[0].chain != b.chain {
			v.find(Altered, sidecarName, end, "block %d is not the one whose head the audit chain anchors", b.number)
			return errHead
		}
		v.anchored, end = b.number, b.end
		return nil
	})
	if last := heads[len(heads)-1].block; err == nil && v.anchored < last && len(v.findings) == 0 {
		v.find(Truncated, sidecarName, end, "the audit chain anchors block %d, which is not there", last)
	}
	return err
}

// errHead ends a scan: what follows a false block is false as well.
var errHead = errors.New("not the anchored head")

// IsFolder reports whether a folder is that of one recording, whatever its
// name.
func IsFolder(dir string) bool {
	return hasFile(dir, manifestName) || hasFile(dir, castName) || hasFile(dir, sidecarName) || access.ValidID(filepath.Base(dir))
}

func hasFile(dir, name string) bool {
	info, err := os.Lstat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}
