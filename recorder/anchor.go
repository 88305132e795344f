package recorder

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sallyport/sallyport/access"
)

// Anchors are what a record kept elsewhere, the audit chain, says of
// recordings: heads of their chains while they were live, and the digests of
// their manifests. Who could rewrite a recording and has the signing key could
// still not rewrite that.
type Anchors map[access.SessionID]*anchor

type anchor struct {
	heads    map[uint64]string // chain by block
	last     uint64            // greatest block of heads
	manifest string            // hexadecimal SHA-256; empty while live
}

// Kinds of audit events that tell of recordings; the catalogue is the audit
// package's.
const (
	kindHead    = "recording.head"
	kindEnded   = "session.ended"
	kindAdopted = "recording.adopted"
)

// Take takes an event of the audit chain, in order.
func (a Anchors) Take(kind string, id access.SessionID, detail map[string]string) {
	if kind != kindHead && kind != kindEnded && kind != kindAdopted {
		return
	}
	at := a[id]
	if at == nil {
		at = &anchor{heads: map[uint64]string{}}
		a[id] = at
	}
	if kind != kindHead {
		at.manifest = detail["manifest"]
		return
	}
	if block, err := strconv.ParseUint(detail["block"], 10, 64); err == nil {
		at.heads[block] = detail["head"]
		at.last = max(at.last, block)
	}
}

// compare finds where a recording is not what the anchors say of it.
func (v *verifier) compare(anchors Anchors) error {
	at := anchors[v.id]
	if at == nil || v.m.Type == "" && !v.buried {
		return nil
	}
	if at.manifest != "" && at.manifest != hex.EncodeToString(v.digest[:]) {
		v.find(Altered, manifestName, 0, "this is not the manifest that the audit chain tells of")
	}
	if len(at.heads) == 0 {
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
	held := uint64(0)
	end := int64(0)
	_, err = scanSidecar(idx, func(b sidecarBlock) error {
		if want, ok := at.heads[b.number]; ok {
			if want != hex.EncodeToString(b.chain[:]) {
				v.find(Altered, sidecarName, end, "block %d is not the one whose head the audit chain anchors", b.number)
				return errHead
			}
			held = b.number
		}
		end = b.end
		return nil
	})
	if err == nil && held < at.last && len(v.findings) == 0 {
		v.find(Truncated, sidecarName, end, "the audit chain anchors block %d, which is not there", at.last)
	}
	v.anchored = held
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
