package recorder_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// tree verifies all and counts what came of it.
func tree(t *testing.T, b *bench) (intact, deleted, bad int) {
	t.Helper()
	check(t, recorder.VerifyTree(filepath.Join(b.dir, "recordings"), b.Keys().Trust(), nil, func(v recorder.Verification) error {
		switch {
		case v.Deleted:
			deleted++
		case v.Verdict == recorder.Intact:
			intact++
		default:
			bad++
		}
		return nil
	}))
	return intact, deleted, bad
}

// A deleted recording leaves nothing of its content, and the chain holds.
func TestDeleteLeavesATombstone(t *testing.T) {
	for _, change := range [][]func(*recorder.Config){nil, {encrypted(newAuditor(t))}} {
		b := newBench(t, change...)
		var sessions []access.Session
		for range 3 {
			s := session(true)
			s.Command = secretText
			rec, err := b.Start(t.Context(), s, recorder.Shape{})
			check(t, err)
			check(t, rec.Stdout([]byte(secretText)))
			sessions = append(sessions, seal(t, rec))
		}
		middle := sessions[1]
		digest, err := b.Delete(middle.Recording, "kept for 30d")
		check(t, err)
		again, err := b.Delete(middle.Recording, "another reason")
		if err != nil || again != digest || len(digest) != 64 {
			t.Errorf("again: %s %s %v", digest, again, err)
		}
		dir := b.folder(middle)
		if got := names(t, dir); !slices.Equal(got, []string{"tombstone.json"}) || holds(t, dir, secretText) != nil {
			t.Errorf("%v is left", got)
		}
		if intact, deleted, bad := tree(t, b); intact != 2 || deleted != 1 || bad != 0 {
			t.Errorf("%d intact, %d deleted, %d bad", intact, deleted, bad)
		}
		if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Missing || !v.Deleted || !strings.Contains(v.Detail, "kept for 30d") {
			t.Errorf("%+v", v)
		}
		if _, err := recorder.Open(dir); !errors.Is(err, recorder.ErrDeleted) {
			t.Errorf("Open: %v", err)
		}
		// The next start knows it for what it is, with the database and without.
		for _, x := range []*index{b.index, newIndex()} {
			next := openBench(t, b.dir, x, change...)
			recovered, err := next.Recover(t.Context())
			if err != nil || len(recovered) > 0 || x.places[2] != middle.ID {
				t.Errorf("recovered %v, %v; place 2 is %s", recovered, err, x.places[2])
			}
			if got := names(t, dir); !slices.Equal(got, []string{"tombstone.json"}) {
				t.Errorf("after a start: %v", got)
			}
		}

		// A tombstone that nobody signed is none.
		file := filepath.Join(dir, "tombstone.json")
		data, err := os.ReadFile(file)
		check(t, err)
		check(t, os.WriteFile(file, bytes.Replace(data, []byte("30d"), []byte("90d"), 1), 0o600))
		if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Altered || v.Deleted {
			t.Errorf("a forged one: %+v", v)
		}
	}
}

// Deleting goes on where it was interrupted, and what cannot be relied upon is
// not deleted.
func TestDeleteIsCareful(t *testing.T) {
	b := newBench(t)
	s := seal(t, b.start(t, true))
	dir := b.folder(s)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "manifest.json"), bytes.Replace(manifest, []byte("alice"), []byte("malet"), 1), 0o600))
	if _, err := b.Delete(s.Recording, "x"); err == nil || len(names(t, dir)) < 3 {
		t.Errorf("evidence of something was deleted: %v", names(t, dir))
	}
	check(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
	digest, err := b.Delete(s.Recording, "x")
	check(t, err)
	// As if the process had died after the tombstone.
	check(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "session.cast"), []byte("left"), 0o600))
	again, err := b.Delete(s.Recording, "x")
	check(t, err)
	if got := names(t, dir); again != digest || !slices.Equal(got, []string{"tombstone.json"}) {
		t.Errorf("%v, %s", got, again)
	}
}
