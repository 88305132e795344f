package main

import (
	"context"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// The auditor's index of a copied folder selects as the store's does.
func TestAlbumIsAnIndex(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Path: dir + "/db", BastionID: "b1", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := recorder.New(recorder.Config{Dir: dir + "/recordings", KeyDir: dir + "/keys", BastionID: "b1", Index: s, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, person := range []access.PersonName{"alice", "bob", "alice"} {
		rec, err := r.Start(t.Context(), access.Session{ID: access.SessionID(ulid.Make().String()), Person: person,
			Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: true}, recorder.Shape{Cols: 80, Rows: 24})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
			t.Fatal(err)
		}
	}
	a, err := openAlbum(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []access.SessionQuery{{}, {Person: "alice"}, {Limit: 2}, {Host: "db2"}, {Before: a.sessions[0].ID}, {State: access.SessionLive}} {
		want, err := s.Sessions(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := a.Sessions(context.Background(), q)
		if len(got) != len(want) {
			t.Fatalf("%+v: %d, the store has %d", q, len(got), len(want))
		}
		for i := range got {
			if got[i].ID != want[i].ID || got[i].Person != want[i].Person || !got[i].StartedAt.Equal(want[i].StartedAt) {
				t.Errorf("%+v: %+v, want %+v", q, got[i], want[i])
			}
		}
	}
	if _, err := openAlbum(t.TempDir()); err == nil {
		t.Error("an empty folder was opened")
	}
}
