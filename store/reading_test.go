package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

func TestReadingBesideAServerAndWithoutOne(t *testing.T) {
	f := newFixture(t)
	look := func(want int) {
		t.Helper()
		r, err := store.OpenForReading(t.Context(), f.config())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if list, err := r.Sessions(t.Context(), access.SessionQuery{}); err != nil || len(list) != want {
			t.Errorf("%d sessions, %v; want %d", len(list), err, want)
		}
		if err := r.Record(t.Context(), audit.Event{Kind: audit.AuthFailed}); err == nil {
			t.Error("it could write")
		}
	}
	for n := range 2 {
		if err := f.OpenSession(t.Context(), f.session()); err != nil {
			t.Fatal(err)
		}
		look(n + 1)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Store = nil
	look(2)
	f.reopen()
}

func TestReadingMakesAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	none, old, empty := filepath.Join(dir, "none.db"), filepath.Join(dir, "old.db"), filepath.Join(dir, "empty.db")
	if err := store.MakeOld(t.Context(), old, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{none: "unable to open", old: "older schema 1", empty: "is empty"} {
		r, err := store.OpenForReading(t.Context(), store.Config{Path: path})
		if err == nil {
			r.Close()
			t.Errorf("%s was opened", path)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a database was made")
	}
	var version int
	if err := sqlite(t, old).QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 1 {
		t.Errorf("schema %d, %v", version, err)
	}
}
