package console_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/audit"
)

// The server's own verify holds recordings against the audit chain, as that of a
// copy does: who has the signing key cannot make one anew unseen.
func TestVerifyComparesWithTheAuditChain(t *testing.T) {
	w := newWorld(t)
	w.record(t, 2)
	other, s := w.sessions[0], w.sessions[1]
	manifest, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(s.Recording), "manifest.json"))
	must(t, err)
	chain := func(digest string) {
		w.rows = nil
		seq, head := int64(0), audit.Genesis
		for _, e := range []audit.Event{
			{Time: now, Kind: audit.ServerStarted, Actor: "system"},
			{Time: now, Kind: audit.SessionEnded, Session: string(s.ID), Detail: map[string]string{"manifest": digest}},
		} {
			r := audit.Link(seq, head, audit.Encode(e))
			w.rows, seq, head = append(w.rows, r), r.Seq, r.Hash
		}
	}
	chain(fmt.Sprintf("%x", sha256.Sum256(manifest)))
	for _, command := range []string{"verify", "verify " + string(s.ID)} {
		if got := w.as(t, "carol", command); got.exit != 0 {
			t.Errorf("%s, as it was: %+v", command, got)
		}
	}
	chain(strings.Repeat("0", 64))
	for _, command := range []string{"verify", "verify " + string(s.ID)} {
		if got := w.as(t, "carol", command); got.exit != 1 || !strings.Contains(got.out, "altered    "+string(s.ID)) || !strings.Contains(got.out, "not the manifest that the audit chain tells of") {
			t.Errorf("%s, another manifest: %+v", command, got)
		}
	}
	if got := w.as(t, "carol", "verify "+string(other.ID)); got.exit != 0 {
		t.Errorf("the other one: %+v", got)
	}
	w.rows[0].Stored = bytes.Replace(w.rows[0].Stored, []byte("system"), []byte("sister"), 1)
	if got := w.as(t, "carol", "verify"); got.exit != 1 || !strings.Contains(got.err, "audit chain broken at row 1") {
		t.Errorf("a changed chain: %+v", got)
	}
}
