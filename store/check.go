package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// applicationID marks a SQLite file as ours ("SLPT"). See
// https://www.sqlite.org/pragma.html#pragma_application_id.
const applicationID = 0x534c5054

// DamagedError says that the file is not a sound database of ours, and what
// the operator can do. Nothing was changed in it.
type DamagedError struct {
	Path   string
	Detail string // what SQLite found, one line
	Cause  error  // may be nil
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("store: the database %[1]s is damaged: %[2]s.\n"+
		"To restore: stop the server, move %[1]s, %[1]s-wal and %[1]s-shm aside, put the newest backup of sallyport.db in its place, start again.\n"+
		"Without a backup: move them aside, run `sallyport reindex` as the server's user, start again: sessions and their ledgers come back from the recordings;\n"+
		"requests, grants and locks do not, so everyone asks again; audit/*.ndjson still holds the evidence up to the damage.", e.Path, e.Detail)
}

func (e *DamagedError) Unwrap() error { return e.Cause }

// damage turns what SQLite says of a file that it cannot read into a
// [*DamagedError], and leaves every other error alone.
func damage(path string, err error) error {
	var damaged *DamagedError
	var lite sqlite3.Error
	if errors.As(err, &damaged) || !errors.As(err, &lite) {
		return err
	}
	if lite.Code == sqlite3.ErrCorrupt || lite.Code == sqlite3.ErrNotADB {
		return &DamagedError{path, lite.Error(), err}
	}
	return err
}

// check looks through the whole file (PRAGMA quick_check: pages, records and
// constraints, but not every index entry) and makes sure that it is ours or
// empty.
func check(ctx context.Context, db *sql.DB, path string) error {
	rows, err := db.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return fmt.Errorf("store: checking %s: %w", path, err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("store: checking %s: %w", path, err)
		}
		if line != "ok" {
			found = append(found, strings.ReplaceAll(line, "\n", ", "))
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("store: checking %s: %w", path, err)
	}
	if len(found) > 0 {
		return &DamagedError{Path: path, Detail: strings.Join(found, "; ")}
	}
	return checkOurs(ctx, db, path)
}

// checkOurs refuses a SQLite file of some other program.
func checkOurs(ctx context.Context, db *sql.DB, path string) error {
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("store: checking %s: %w", path, err)
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("store: checking %s: %w", path, err)
	}
	if tables > 0 && id != applicationID {
		return fmt.Errorf("store: %s is a SQLite database, but not one of Sallyport's: name another file", path)
	}
	return nil
}
