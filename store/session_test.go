package store_test

import (
	"crypto/sha256"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

func (f *fixture) session() access.Session {
	id := f.id()
	return access.Session{
		ID: access.SessionID(id), ConnectionID: "C1", BastionID: "bastion-1", Person: "alice",
		Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindExec, Command: "uptime", Terminal: true, Rule: "prod",
		PolicyDigest: "d", RequestID: "R1", GrantID: "G1", Approvers: []access.PersonName{"bob", "local:0"}, Fingerprint: "SHA256:x",
		Source: "127.0.0.1:1", StartedAt: f.now, State: access.SessionLive, Recording: "2026/03/04/" + id,
		Certificate: access.Certificate{Serial: math.MaxUint64, KeyID: "k", CAFingerprint: "SHA256:ca", ValidBefore: f.now.Add(time.Minute)},
	}
}

// seal ends a session with that manifest and gives what build was called with.
func (f *fixture) seal(s access.Session, manifest string) (seq uint64, prev [32]byte, err error) {
	err = f.SealSession(f.t.Context(), s.ID, func(n uint64, p [32]byte) ([]byte, access.Session, error) {
		seq, prev = n, p
		return []byte(manifest), s, nil
	})
	return seq, prev, err
}

func TestSessionsComeBackWhole(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := f.OpenSession(t.Context(), s); err == nil {
		t.Error("the same ID was opened twice")
	}
	if got, err := f.Session(t.Context(), s.ID); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, s)
	}
	status := 3
	s.State, s.EndedAt, s.ExitStatus, s.EndCause = access.SessionSealed, f.now.Add(time.Hour), &status, access.EndExit
	s.BytesOut, s.BytesIn, s.EndDetail = 1<<40, 7, "x"
	if _, _, err := f.seal(s, "m"); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if got, err := f.Session(t.Context(), s.ID); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, s)
	}
	if _, _, err := f.seal(s, "again"); err == nil {
		t.Error("a session was sealed twice")
	}
	if seq, _, err := f.VerifyAudit(t.Context()); err != nil || seq != 2 {
		t.Errorf("%d audit events, %v; want started and ended", seq, err)
	}
}

func TestLedgerIsAChainPerBastion(t *testing.T) {
	f := newFixture(t)
	want := [32]byte{}
	for i := range uint64(3) {
		s, other := f.session(), f.session()
		other.BastionID = "bastion-2"
		for _, s := range []access.Session{s, other} {
			if err := f.OpenSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			s.State, s.EndedAt = access.SessionSealed, f.now
			manifest := s.BastionID[8:] + string(rune('a'+i))
			seq, prev, err := f.seal(s, manifest)
			if err != nil || seq != i+1 {
				t.Fatalf("sequence %d, %v; want %d", seq, err, i+1)
			}
			if s.BastionID == "bastion-1" {
				if prev != want {
					t.Errorf("sequence %d: not the digest of the manifest before", seq)
				}
				want = sha256.Sum256([]byte(manifest))
			}
		}
	}
}

func TestFailedSealLeavesTheSessionLive(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	err := f.SealSession(t.Context(), s.ID, func(uint64, [32]byte) ([]byte, access.Session, error) { return nil, s, full })
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	if _, _, err := f.seal(s, "m"); err == nil {
		t.Error("sealed although build left it live")
	}
	live, err := f.LiveSessions(t.Context(), "bastion-1")
	if err != nil || len(live) != 1 || live[0].ID != s.ID {
		t.Errorf("live: %v, %v", live, err)
	}
	s.State, s.EndedAt = access.SessionSealed, f.now
	if seq, _, err := f.seal(s, "m"); err != nil || seq != 1 {
		t.Errorf("sequence %d, %v: the failed ones left a gap", seq, err)
	}
}

func TestRecoveryFinishesWhatACrashLeft(t *testing.T) {
	f := newFixture(t)
	s, unknown := f.session(), f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	for _, s := range []access.Session{s, unknown} { // unknown was found on disk only
		s.State, s.EndedAt, s.EndCause = access.SessionRecovered, f.now, access.EndCrash
		if _, _, err := f.seal(s, "manifest of "+string(s.ID)); err != nil {
			t.Fatal(err)
		}
	}
	f.reopen()
	list, err := f.UnwrittenManifests(t.Context(), "bastion-1")
	if err != nil || len(list) != 2 || list[0].ID != s.ID || string(list[1].Manifest) != "manifest of "+string(unknown.ID) ||
		list[1].Recording != unknown.Recording {
		t.Fatalf("unwritten: %+v, %v", list, err)
	}
	for range 2 {
		if err := f.ManifestWritten(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := f.UnwrittenManifests(t.Context(), "bastion-1"); err != nil || len(list) != 1 {
		t.Errorf("unwritten: %+v, %v", list, err)
	}
	rows, err := f.Audit(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := map[audit.Kind]int{}
	for _, r := range rows {
		e, err := r.Event()
		if err != nil {
			t.Fatal(err)
		}
		count[e.Kind]++
	}
	if count[audit.RecordingRecovered] != 2 || count[audit.SessionEnded] != 2 {
		t.Errorf("events: %v", count)
	}
}

func TestSessionQueriesAndPages(t *testing.T) {
	f := newFixture(t)
	var all []access.SessionID
	for i := range 6 {
		s := f.session()
		s.StartedAt = f.now.Add(time.Duration(i) * time.Hour)
		if i%2 == 1 {
			s.Person, s.Target.Host, s.Kind = "bob", "db2", access.KindShell
		}
		if err := f.OpenSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if i == 5 {
			s.State, s.EndedAt = access.SessionSealed, f.now
			if _, _, err := f.seal(s, "m"); err != nil {
				t.Fatal(err)
			}
		}
		all = append([]access.SessionID{s.ID}, all...)
	}
	odd := []access.SessionID{all[0], all[2], all[4]}
	for name, c := range map[string]struct {
		q    access.SessionQuery
		want []access.SessionID
	}{
		"all":    {access.SessionQuery{}, all},
		"person": {access.SessionQuery{Person: "bob"}, odd},
		"host":   {access.SessionQuery{Host: "db2"}, odd},
		"kind":   {access.SessionQuery{Kind: access.KindShell}, odd},
		"state":  {access.SessionQuery{State: access.SessionSealed}, all[:1]},
		"time":   {access.SessionQuery{Since: f.now.Add(time.Hour), Until: f.now.Add(3 * time.Hour)}, all[3:5]},
		"page 1": {access.SessionQuery{Limit: 4}, all[:4]},
		"page 2": {access.SessionQuery{Limit: 4, Before: all[3]}, all[4:]},
		"both":   {access.SessionQuery{Person: "bob", Before: all[2]}, all[4:5]},
	} {
		list, err := f.Sessions(t.Context(), c.q)
		var got []access.SessionID
		for _, s := range list {
			got = append(got, s.ID)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, c.want)
		}
	}
}
