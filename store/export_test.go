package store

import (
	"context"
	"errors"
)

// SchemaVersion is the version that this binary writes.
func SchemaVersion() int { return len(migrations()) }

// MakeOld makes a database as the binary of an earlier version left it.
func MakeOld(ctx context.Context, path string, version int) error {
	db, err := connect(path, "rwc", 1)
	if err != nil {
		return err
	}
	return errors.Join(migrate(ctx, db, migrations()[:version]), db.Close())
}

// MakeBroken applies a migration that fails after its first statement.
func MakeBroken(ctx context.Context, path string) error {
	db, err := connect(path, "rwc", 1)
	if err != nil {
		return err
	}
	list := []migration{{1, "0001_broken.sql", "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;"}}
	return errors.Join(migrate(ctx, db, list), db.Close())
}

// Pragmas gives the settings of the writer's connection.
func (s *Store) Pragmas(ctx context.Context) (map[string]string, error) {
	got := map[string]string{}
	for _, name := range []string{"journal_mode", "synchronous", "foreign_keys"} {
		var v string
		if err := s.writer.QueryRowContext(ctx, "PRAGMA "+name).Scan(&v); err != nil {
			return nil, err
		}
		got[name] = v
	}
	return got, nil
}

// TryWriteByReader tries what the read-only pool must refuse.
func (s *Store) TryWriteByReader(ctx context.Context) error {
	_, err := s.readers.ExecContext(ctx, `INSERT INTO cursors (name, seq) VALUES ('x', 1)`)
	return err
}

// ForgetAuditCursor puts the cursor back to seq, as a crash between the
// append and the commit does.
func (s *Store) ForgetAuditCursor(ctx context.Context, seq int64) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.exec(`UPDATE cursors SET seq = ?`, seq) })
}

// Exec runs any statement in a writer transaction.
func (s *Store) Exec(ctx context.Context, query string) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.exec(query) })
}

// Queued is how many writes wait for their turn.
func (s *Store) Queued() int { return int(s.queued.Load()) }

// DoomCommit leaves a row that keeps the transaction from being committed.
func (tx *Tx) DoomCommit() error {
	if err := tx.exec(`PRAGMA defer_foreign_keys = ON`); err != nil {
		return err
	}
	return tx.exec(`INSERT INTO messages (request_id, channel, ts) VALUES ('nobody', 'C', '1')`)
}
