package store_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

func TestRebuildReplacesSessionsAndKeepsWhatIsOnlyHere(t *testing.T) {
	f := newFixture(t)
	gone, written, unwritten, live := f.session(), f.session(), f.session(), f.session()
	for _, s := range []access.Session{gone, written, unwritten, live} {
		if err := f.OpenSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if s.ID == live.ID {
			continue
		}
		s.State, s.EndedAt = access.SessionSealed, f.now
		if _, _, err := f.seal(s, string(s.ID)); err != nil {
			t.Fatal(err)
		}
		if s.ID == unwritten.ID {
			continue
		}
		if err := f.ManifestWritten(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	written.State, written.EndedAt, written.BytesOut = access.SessionSealed, f.now, 42
	fork := f.session()
	fork.State, fork.EndedAt = access.SessionSealed, f.now

	fail := errors.New("interrupted")
	if _, err := f.Rebuild(t.Context(), func(*store.Rebuild) error { return fail }); !errors.Is(err, fail) {
		t.Fatal(err)
	}
	if list, err := f.Sessions(t.Context(), access.SessionQuery{}); err != nil || len(list) != 4 {
		t.Fatalf("an interrupted rebuild left %d sessions, %v", len(list), err)
	}
	var other access.SessionID
	lost, err := f.Rebuild(t.Context(), func(r *store.Rebuild) error {
		_, err := r.Add(recorder.Adoption{Session: written, Sequence: 2, Digest: sha256.Sum256([]byte(written.ID))})
		if err != nil {
			return err
		}
		if other, err = r.Add(recorder.Adoption{Session: fork, Sequence: 2}); err != nil {
			return err
		}
		r.Unusable()
		return r.AddTransfers([]access.Transfer{{Session: written.ID, Action: "get", Path: "/x"}})
	})
	if err != nil || len(lost) != 1 || lost[0] != gone.ID || other != written.ID {
		t.Errorf("lost %v, other %q, %v", lost, other, err)
	}
	list, err := f.Sessions(t.Context(), access.SessionQuery{})
	if err != nil || len(list) != 4 || list[3].BytesOut != 42 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if m, err := f.UnwrittenManifests(t.Context(), "bastion-1"); err != nil || len(m) != 1 || m[0].ID != unwritten.ID {
		t.Errorf("unwritten %v, %v", m, err)
	}
	if files, err := f.Transfers(t.Context(), access.TransferQuery{}); err != nil || len(files) != 1 {
		t.Errorf("%d transfers, %v", len(files), err)
	}
	if got := f.kinds(); got[audit.IndexRebuilt] != 1 || got[audit.RecordingClash] != 1 {
		t.Errorf("events %v", got)
	}
	// Again, on the same connection.
	if _, err := f.Rebuild(t.Context(), func(*store.Rebuild) error { return nil }); err != nil {
		t.Error(err)
	}
}
