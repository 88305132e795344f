package console_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
)

// index is as much of a recorder's index as making recordings needs.
type index struct {
	recorder.Index
	w    *world
	seq  uint64
	prev [32]byte
}

func (x *index) OpenSession(context.Context, access.Session) error { return nil }

func (x *index) SealSession(_ context.Context, _ access.SessionID, build func(uint64, [32]byte) ([]byte, access.Session, error)) error {
	x.seq++
	manifest, s, err := build(x.seq, x.prev)
	x.prev = sha256.Sum256(manifest)
	if err == nil {
		x.w.sessions = append([]access.Session{s}, x.w.sessions...)
	}
	return err
}

func (x *index) LiveSessions(context.Context, string) ([]access.Session, error) { return nil, nil }
func (x *index) UnwrittenManifests(context.Context, string) ([]recorder.UnwrittenManifest, error) {
	return nil, nil
}
func (x *index) ManifestWritten(context.Context, ...access.SessionID) error { return nil }

// record makes n real recordings and trusts their key. They are the world's
// only sessions, newest first, beside a live one.
func (w *world) record(t *testing.T, n int) {
	t.Helper()
	w.sessions = w.sessions[1:2]
	keys := t.TempDir()
	r, err := recorder.New(recorder.Config{Dir: w.dir, KeyDir: keys, BastionID: "b1", Index: &index{w: w}, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		rec, err := r.Start(t.Context(), access.Session{ID: access.SessionID(ulid.Make().String()), BastionID: "b1", Person: "alice",
			Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: true, StartedAt: now, State: access.SessionLive}, recorder.Shape{Cols: 80, Rows: 24})
		if err != nil {
			t.Fatal(err)
		}
		if err := rec.Stdout([]byte("hello\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
			t.Fatal(err)
		}
	}
	pubs, err := filepath.Glob(filepath.Join(keys, "*.pub"))
	if err != nil || len(pubs) != 1 {
		t.Fatalf("%v, %v", pubs, err)
	}
	w.publicKeys = pubs[0]
	data, err := os.ReadFile(pubs[0])
	if err != nil {
		t.Fatal(err)
	}
	trust, err := recorder.ParseTrust(data)
	if err != nil {
		t.Fatal(err)
	}
	config := w.Config
	config.Trust = func() recorder.Trust { return trust }
	w.Console = console.New(config)
}

func TestVerify(t *testing.T) {
	w := newWorld(t)
	w.record(t, 3)
	newest, altered, missing := w.sessions[0], w.sessions[1], w.sessions[2]

	if got := w.as(t, "carol", "verify"); got.exit != 0 || !strings.HasSuffix(got.out, "3 recordings, 3 intact\n") {
		t.Errorf("all: %+v", got)
	}
	if got := w.as(t, "carol", "verify "+string(newest.ID)); got.exit != 0 || !strings.HasPrefix(got.out, "intact     "+string(newest.ID)+"  alice root@db1 shell") {
		t.Errorf("one: %+v", got)
	}
	if got := w.as(t, "carol", "verify "+string(newest.ID)+" --json"); got.exit != 0 ||
		got.out != `{"session_id":"`+string(newest.ID)+`","verdict":"intact","first_bad_offset":null,"detail":""}`+"\n" {
		t.Errorf("one as JSON: %+v", got)
	}
	if got := w.as(t, "carol", "replay "+string(newest.ID)); got.exit != 0 || got.out != "hello\n" {
		t.Errorf("replay: %+v", got)
	}
	if got := w.as(t, "carol", "verify "+liveID); got.exit != 1 || !strings.Contains(got.err, "still runs") {
		t.Errorf("live: %+v", got)
	}

	cast := filepath.Join(w.dir, altered.Recording, "session.cast")
	data, err := os.ReadFile(cast)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cast, []byte(strings.Replace(string(data), "hello", "hallo", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, missing.Recording)); err != nil {
		t.Fatal(err)
	}
	got := w.as(t, "carol", "verify --json")
	want := map[string]string{string(newest.ID): "intact", string(altered.ID): "altered", string(missing.ID): "missing"}
	for line := range strings.Lines(got.out) {
		var v struct {
			SessionID      string `json:"session_id"`
			Verdict        string `json:"verdict"`
			FirstBadOffset *int64 `json:"first_bad_offset"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v.Verdict != want[v.SessionID] || (v.FirstBadOffset == nil) != (v.Verdict == "intact") {
			t.Errorf("%s; want %s", line, want[v.SessionID])
		}
		delete(want, v.SessionID)
	}
	if got.exit != 1 || len(want) > 0 {
		t.Errorf("exit %d, not told of: %v", got.exit, want)
	}
	if got := w.as(t, "carol", "verify"); got.exit != 1 || !strings.Contains(got.out, "altered    "+string(altered.ID)) || !strings.HasSuffix(got.out, "3 recordings, 1 intact\n") {
		t.Errorf("all: %+v", got)
	}
	if got := w.as(t, "carol", "verify "+string(altered.ID)); got.exit != 1 || got.err != "" {
		t.Errorf("one: %+v", got)
	}
}
