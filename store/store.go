// Package store owns the one SQLite database: requests and grants, sessions
// and the ledger of their manifests, the audit chain, and the outbox of
// effects. It is the truth; Slack, Vault and the files are effects of it.
//
// It keeps three promises. A change and its audit events commit in one
// transaction or not at all. What a call returned without an error is on
// disk (WAL, synchronous FULL). And rows move compare-and-swap: a state
// changes only from the state that the caller saw.
//
// It refuses to decide: who may do what is the desk's to say, inside the
// transaction that [Store.Write] gives it. It refuses to open a damaged
// database, a newer one, or one that isn't ours.
//
// Start reading at [Store.Write] in group.go and [Tx]; then session.go, which is the
// recorder's index, and migrate.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"github.com/sallyport/sallyport/access"
)

// Config says which database, and for whom.
type Config struct {
	Path      string       // of the file; made, with mode 0600, if there is none
	BastionID string       // on every audit row
	Now       access.Clock // time of rows that come without one
}

// Store is an open database. It is safe for concurrent use: writes queue for
// one connection, reads have connections of their own and see what is
// committed.
type Store struct {
	path    string
	bastion string
	now     access.Clock
	writer  *sql.DB
	readers *sql.DB

	turn   sync.Mutex   // held by the one who writes
	queued atomic.Int64 // how many wait for it
	group  *group       // whose transaction is open; of whoever has the turn

	appended  chan struct{} // audit rows were added; holds one, for the follower
	searching chan struct{} // holds one for each search
	settled   bool          // the audit files are of this chain; ExportAudit's alone
	unsynced  struct {      // the audit file whose last sync failed; ExportAudit's alone
		path string
		from int64 // offset of what that was to sync
	}
}

// busyTimeout is how long a connection waits for another process (a backup,
// a curious sqlite3) before it fails. Within ours nothing waits there.
const busyTimeout = 10 * time.Second

// readers is how many reads run at once.
const readers = 4

// Open opens the database, checks that it is whole, and brings its schema up
// to date. The error is a [*DamagedError] if the file is not a sound database.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Path == "" || c.BastionID == "" || c.Now == nil {
		return nil, errors.New("store: path, bastion ID and clock are needed")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{path: path, bastion: c.BastionID, now: c.Now, appended: make(chan struct{}, 1), searching: make(chan struct{}, searches)}
	if s.writer, err = connect(path, "rwc", 1); err != nil {
		return nil, err
	}
	if s.readers, err = connect(path, "ro", readers); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(damage(path, err), s.Close())
	}
	return s, nil
}

// OpenForReading opens a database as it stands, perhaps under a running
// server, for looking only: it makes nothing and brings nothing up to date, and
// every write fails. A schema of another version is an error.
func OpenForReading(ctx context.Context, c Config) (*Store, error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{path: path, bastion: c.BastionID, now: c.Now, appended: make(chan struct{}, 1), searching: make(chan struct{}, searches)}
	if s.readers, err = connect(path, "ro", readers); err != nil {
		return nil, err
	}
	s.writer = s.readers
	err = checkOurs(ctx, s.readers, path)
	if err == nil {
		err = checkSchema(ctx, s.readers, len(migrations()))
	}
	if err != nil {
		return nil, errors.Join(damage(path, err), s.Close())
	}
	return s, nil
}

// prepare checks the file, then migrates it. Nothing is written before the
// check has passed.
func (s *Store) prepare(ctx context.Context) error {
	if err := check(ctx, s.writer, s.path); err != nil {
		return err
	}
	return migrate(ctx, s.writer, migrations())
}

// Close closes the database. The last connection folds the WAL back.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.readers, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// makePrivate makes sure that the file exists and is the owner's alone. The
// driver would make it with the umask's mode; SQLite gives -wal and -shm the
// mode of the database.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// connect opens a pool. Every pragma stands in the DSN, since one that is
// executed reaches only whichever connection of the pool happens to run it.
func connect(path, mode string, connections int) (*sql.DB, error) {
	q := url.Values{
		"mode":          {mode},
		"_txlock":       {"immediate"}, // a deferred one can fail half-way, when it wants to write
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_foreign_keys": {"on"},
		// Of each connection. There are fewer statements than this, and
		// parsing them costs more than most of them do.
		"_stmt_cache_size": {"64"},
	}
	if mode == "ro" {
		q.Set("_query_only", "on")
		q.Set("_txlock", "deferred")
	} else {
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL") // NORMAL would lose commits at a power cut
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}
