package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	a, err := openAlbum(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []access.SessionQuery{{}, {Person: "alice"}, {Limit: 2}, {Host: "db2"}, {Before: a.sessions[0].ID}, {State: access.SessionLive},
		{Order: access.ByPerson}, {Order: access.ByPerson, Skip: 1, Limit: 1}, {Backward: true}, {Words: []string{"bob"}}} {
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
	if _, err := openAlbum(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder was opened")
	}
}

// Of many recordings the newest are there before the others are read, and in
// the end all of them; one whose manifest is damaged, or of another session, is
// left out and counted.
func TestAlbumOfMany(t *testing.T) {
	const many = 1500
	dir := manyRecordings(t, many)
	days, err := os.ReadDir(dir)
	if err != nil || len(days) < 2 {
		t.Fatal(days, err)
	}
	for i, manifest := range []string{"not a manifest", ""} {
		folder := filepath.Join(dir, days[i].Name(), ulid.Make().String())
		if manifest == "" { // another's
			one, err := filepath.Glob(filepath.Join(dir, days[i].Name(), "*", "manifest.json"))
			if err != nil || len(one) == 0 {
				t.Fatal(one, err)
			}
			data, err := os.ReadFile(one[0])
			if err != nil {
				t.Fatal(err)
			}
			manifest = string(data)
		}
		writeManifest(t, folder, manifest)
	}
	a, err := openAlbum(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	q, seen := access.SessionQuery{Limit: 200}, 0
	for {
		page, err := a.Sessions(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			if q.Before != "" && s.ID >= q.Before {
				t.Fatalf("%s comes after %s", s.ID, q.Before)
			}
			q.Before = s.ID
			seen++
		}
		if len(page) < q.Limit {
			break
		}
	}
	if seen != many || a.leftOut != 2 {
		t.Errorf("%d sessions, %d left out; want %d and 2", seen, a.leftOut, many)
	}
	var said strings.Builder
	if err := a.sayLeftOut(&said); err != nil || !strings.Contains(said.String(), "2 left out") {
		t.Errorf("said %q, %v", said.String(), err)
	}
}

// BenchmarkAlbum opens a copy of many recordings and asks for the first page,
// as the browser does.
func BenchmarkAlbum(b *testing.B) {
	dir := manyRecordings(b, 20_000)
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		a, err := openAlbum(ctx, dir)
		if err != nil {
			b.Fatal(err)
		}
		if page, err := a.Sessions(ctx, access.SessionQuery{Limit: 200}); err != nil || len(page) != 200 {
			b.Fatal(len(page), err)
		}
		cancel()
	}
}

// manyRecordings are folders with manifests alone, which nobody signed.
func manyRecordings(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		id, err := ulid.New(ulid.Timestamp(at.Add(time.Duration(i)*10*time.Minute)), nil)
		if err != nil {
			t.Fatal(err)
		}
		manifest := fmt.Sprintf(`{"sallyport":"manifest","version":1,"session":{"id":%q,"person":"alice","login":"root","host":"db1","kind":"shell"},`+"\n"+`"signature":"AAAA"}`+"\n", id)
		writeManifest(t, filepath.Join(dir, fmt.Sprintf("%04d", i/144), id.String()), manifest)
	}
	return dir
}

func writeManifest(t testing.TB, folder, manifest string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
}
