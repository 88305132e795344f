package store_test

import (
	"crypto/sha256"
	"reflect"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// kinds counts the events in the chain.
func (f *fixture) kinds() map[audit.Kind]int {
	f.t.Helper()
	rows, err := f.Audit(f.t.Context(), 0, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	count := map[audit.Kind]int{}
	for _, r := range rows {
		e, err := r.Event()
		if err != nil {
			f.t.Fatal(err)
		}
		count[e.Kind]++
	}
	return count
}

func TestAdoptedSessionsHaveTheirPlace(t *testing.T) {
	f := newFixture(t)
	live, unknown, late := f.session(), f.session(), f.session()
	if err := f.OpenSession(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	ids := []access.SessionID{live.ID, unknown.ID}
	if got, err := f.UnknownSessions(t.Context(), ids); err != nil || len(got) != 1 || got[0] != unknown.ID {
		t.Errorf("unknown: %v, %v", got, err)
	}
	for i, s := range []access.Session{live, unknown, late} {
		s.State, s.EndedAt = access.SessionSealed, f.now
		a := recorder.Adoption{Session: s, Sequence: uint64(min(i, 1) + 7), Digest: sha256.Sum256([]byte{byte(i)})}
		other, err := f.AdoptSession(t.Context(), a)
		if err != nil || (other != "") != (i == 2) || i == 2 && other != unknown.ID {
			t.Errorf("adopted with another session %q, %v", other, err)
		}
		if got, err := f.Session(t.Context(), s.ID); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := f.AdoptSession(t.Context(), a); err != nil {
			t.Errorf("adopting twice: %v", err)
		}
	}
	if got := f.kinds(); got[audit.RecordingAdopted] != 2 || got[audit.RecordingClash] != 1 {
		t.Errorf("events %v", got)
	}
	next := f.session()
	next.State, next.EndedAt = access.SessionSealed, f.now
	seq, prev, err := f.seal(next, "m")
	if err != nil || seq != 9 || prev != sha256.Sum256([]byte{1}) {
		t.Errorf("the next one has sequence %d after %x, %v", seq, prev, err)
	}
}

func TestAdoptedWithoutATrustedManifestHasNoPlace(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.State, s.EndedAt, s.EndDetail = access.SessionRecovered, f.now, "its manifest cannot be relied upon"
	if _, err := f.AdoptSession(t.Context(), recorder.Adoption{Session: s}); err != nil {
		t.Fatal(err)
	}
	next := f.session()
	next.State, next.EndedAt = access.SessionSealed, f.now
	if seq, _, err := f.seal(next, "m"); err != nil || seq != 1 {
		t.Errorf("sequence %d, %v", seq, err)
	}
}
