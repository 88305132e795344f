package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

var start = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// fixture is a store on a real file, with a clock that is moved by hand.
type fixture struct {
	*store.Store
	t    *testing.T
	path string
	now  time.Time
	ids  int
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "sallyport.db"), now: start}
	f.reopen()
	t.Cleanup(func() { f.Close() })
	return f
}

func (f *fixture) config() store.Config {
	return store.Config{Path: f.path, BastionID: "bastion-1", Now: func() time.Time { return f.now }}
}

// reopen is what a restart does to the database.
func (f *fixture) reopen() {
	f.t.Helper()
	if f.Store != nil {
		if err := f.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	s, err := store.Open(f.t.Context(), f.config())
	if err != nil {
		f.t.Fatal(err)
	}
	f.Store = s
}

// id makes IDs in order.
func (f *fixture) id() string {
	f.ids++
	return fmt.Sprintf("01J%023d", f.ids)
}

func (f *fixture) write(do func(*store.Tx) error) {
	f.t.Helper()
	if err := f.Write(f.t.Context(), do); err != nil {
		f.t.Fatal(err)
	}
}

// sqlite opens the file beside the store, as a curious operator would.
func sqlite(t *testing.T, path string) *sql.DB {
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOpenSetsWhatDurabilityNeeds(t *testing.T) {
	f := newFixture(t)
	info, err := os.Stat(f.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	got, err := f.Pragmas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("PRAGMA %s is %q, want %q", name, got[name], value)
		}
	}
	var loose int
	if err := sqlite(t, f.path).QueryRow(`SELECT count(*) FROM pragma_table_list
		WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0`).Scan(&loose); err != nil || loose != 0 {
		t.Errorf("%d tables are not STRICT, %v", loose, err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	if err := newFixture(t).TryWriteByReader(t.Context()); err == nil {
		t.Error("the read-only pool wrote")
	}
}

// An old database opens in a new binary and keeps what it had.
func TestOldSchemaIsMigrated(t *testing.T) {
	for version := range store.SchemaVersion() {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			f := &fixture{t: t, path: filepath.Join(t.TempDir(), "old.db"), now: start}
			if err := store.MakeOld(t.Context(), f.path, version); err != nil {
				t.Fatal(err)
			}
			want := int64(0)
			if version >= 1 { // it has a chain already
				db := sqlite(t, f.path)
				r := audit.Link(0, audit.Genesis, audit.Encode(audit.Event{Kind: audit.ServerStarted, Time: start}))
				if _, err := db.Exec(`INSERT INTO audit (seq, at, bastion_id, kind, stored, prev, hash) VALUES (1, 1, 'b', 'k', ?, ?, ?)`,
					r.Stored, r.Prev[:], r.Hash[:]); err != nil {
					t.Fatal(err)
				}
				db.Close()
				want = 1
			}
			f.reopen()
			defer f.Close()
			if err := f.Record(t.Context(), audit.Event{Kind: audit.ServerStarted}); err != nil {
				t.Fatal(err)
			}
			if seq, _, err := f.VerifyAudit(t.Context()); err != nil || seq != want+1 {
				t.Errorf("the chain ends at %d, %v; want %d", seq, err, want+1)
			}
			if _, err := f.Sessions(t.Context(), access.SessionQuery{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	f := newFixture(t)
	f.Close()
	if _, err := sqlite(t, f.path).Exec(`PRAGMA user_version = 9999`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), f.config()); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := store.MakeBroken(t.Context(), path); err == nil {
		t.Fatal("a migration with a mistake in its middle went through")
	}
	var tables int
	if err := sqlite(t, path).QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("it left %d tables, %v", tables, err)
	}
}

func TestDamagedFileIsRefusedWithTheWayOut(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"no database at all": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a page overwritten": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(make([]byte, 4096), 3*4096); err != nil {
				t.Fatal(err)
			}
		},
		"cut short": func(t *testing.T, path string) {
			if err := os.Truncate(path, 5*4096); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for range 50 {
				f.write(func(tx *store.Tx) error {
					return tx.Record(audit.Event{Kind: audit.AuthFailed, Detail: map[string]string{"x": strings.Repeat("x", 1000)}})
				})
			}
			f.Close()
			damage(t, f.path)
			before, _ := os.ReadFile(f.path)
			_, err := store.Open(t.Context(), f.config())
			var damaged *store.DamagedError
			if !errors.As(err, &damaged) {
				t.Fatalf("got %v", err)
			}
			for _, want := range []string{f.path, "backup", "reindex"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			if after, _ := os.ReadFile(f.path); string(after) != string(before) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "firefox.db")
	if _, err := sqlite(t, path).Exec(`CREATE TABLE cookies (x)`); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Config{Path: path, BastionID: "b", Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "not one of Sallyport's") {
		t.Errorf("got %v", err)
	}
}

// What a write returned for is there after the process died: the files are
// copied as they are while the database is open.
func TestCommitsSurviveAKill(t *testing.T) {
	f := newFixture(t)
	r := f.request()
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(r); err != nil {
			return err
		}
		return tx.Record(audit.Event{Kind: audit.RequestCreated})
	})
	died := &fixture{t: t, path: filepath.Join(t.TempDir(), "sallyport.db"), now: start}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(f.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(died.path+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	died.reopen()
	defer died.Close()
	if _, err := died.Request(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
	if seq, _, err := died.VerifyAudit(t.Context()); seq != 1 || err != nil {
		t.Errorf("chain of %d, %v", seq, err)
	}
}

// Two processes on one database: with deferred transactions most would fail,
// since they read before they write.
func TestConcurrentWritersAllSucceed(t *testing.T) {
	f := newFixture(t)
	other, err := store.Open(t.Context(), f.config())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var wg sync.WaitGroup
	for i := range 16 {
		f := &fixture{Store: []*store.Store{f.Store, other}[i%2]}
		wg.Go(func() {
			for range 20 {
				if err := f.Record(t.Context(), audit.Event{Kind: audit.AuthFailed}); err != nil {
					t.Error(err)
				}
				if _, err := f.Audit(t.Context(), 0, 10); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if seq, _, err := f.VerifyAudit(t.Context()); err != nil || seq != 320 {
		t.Errorf("chain of %d, %v; want 320", seq, err)
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	f := newFixture(t)
	stop := errors.New("stop")
	err := f.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertRequest(f.request()); err != nil {
			return err
		}
		if err := tx.Record(audit.Event{Kind: audit.RequestCreated}); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := f.Write(ctx, func(tx *store.Tx) error {
		cancel()
		return tx.Record(audit.Event{Kind: audit.RequestCreated})
	}); err == nil {
		t.Error("a write whose context had ended succeeded")
	}
	seq, _, err := f.VerifyAudit(t.Context())
	list, _ := f.Requests(t.Context(), access.RequestQuery{})
	if seq != 0 || err != nil || len(list) != 0 {
		t.Errorf("it left %d events, %d requests, %v", seq, len(list), err)
	}
}
