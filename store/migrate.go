package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// The schema is the sum of its migrations, NNNN_NAME.sql, applied in order,
// each once, each in a transaction of its own. One that was released is never
// edited: the next one changes what it made. user_version is the number of
// the last one applied.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version int
	name    string
	text    string
}

// migrations lists what is embedded, in order. A gap or a malformed name is a
// mistake of ours, which every test meets.
func migrations() []migration {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err)
	}
	var list []migration
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			panic(fmt.Sprintf("store: migration %s should have number %d", name, i+1))
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		list = append(list, migration{version, path.Base(name), string(text)})
	}
	return list
}

// migrate applies what is missing. A database of a newer binary is refused:
// this one does not know what its columns mean.
func migrate(ctx context.Context, db *sql.DB, list []migration) error {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if have > len(list) {
		return tooNew(have, len(list))
	}
	for _, m := range list[have:] {
		if err := apply(ctx, db, m); err != nil {
			return fmt.Errorf("store: migration %s: %w", m.name, err)
		}
	}
	return nil
}

func tooNew(have, known int) error {
	return fmt.Errorf("store: the database has schema %d, but this sallyport knows only %d: run the newer version that wrote it", have, known)
}

// checkSchema refuses a database of another version than this binary's.
func checkSchema(ctx context.Context, db *sql.DB, known int) error {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	switch {
	case have > known:
		return tooNew(have, known)
	case have == 0:
		return errors.New("store: the database is empty: no server has used it yet")
	case have < known:
		return fmt.Errorf("store: the database has the older schema %d and this sallyport reads %d: use the server's own binary, or start the server with this one, which brings it up to date", have, known)
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, m migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, m.text); err != nil {
		return err
	}
	// Both live in the file's header and are part of the transaction.
	pragmas := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", m.version, applicationID)
	if _, err := tx.ExecContext(ctx, pragmas); err != nil {
		return err
	}
	return tx.Commit()
}
