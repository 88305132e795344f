package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sallyport/sallyport/access"
)

// Tx is a writer transaction: while it lasts nobody else writes, and nobody
// sees what it did. It must not be used after the function that got it
// returned, nor from another goroutine.
type Tx struct {
	ctx     context.Context
	tx      *sql.Tx
	store   *Store
	audited bool     // appended audit rows, for whom followers must wake
	undo    []func() // see Undo
}

// Undo has f called if the transaction does not commit, before anybody else
// writes: the last one first, whosever they are. It is for what was changed
// outside the database, which others may have built upon.
func (tx *Tx) Undo(f func()) { tx.undo = append(tx.undo, f) }

func (tx *Tx) query(query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(tx.ctx, query, args...)
}

func (tx *Tx) queryRow(query string, args ...any) *sql.Row {
	return tx.tx.QueryRowContext(tx.ctx, query, args...)
}

func (tx *Tx) exec(query string, args ...any) error {
	_, err := tx.tx.ExecContext(tx.ctx, query, args...)
	return err
}

// errMoved says that a row was not in the state from which it should move:
// the compare of compare-and-swap failed. With one writer and a caller that
// looked inside the transaction it does not happen; with a database that
// several bastions share it will.
var errMoved = errors.New("store: the row moved meanwhile")

// swap executes a compare-and-swap, which must change exactly one row.
func (tx *Tx) swap(query string, args ...any) error {
	result, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return errMoved
	}
	return nil
}

// snapshot is a read of several statements that see one state.
type snapshot struct {
	ctx context.Context
	tx  *sql.Tx
}

func (r snapshot) query(query string, args ...any) (*sql.Rows, error) {
	return r.tx.QueryContext(r.ctx, query, args...)
}

func (r snapshot) queryRow(query string, args ...any) *sql.Row {
	return r.tx.QueryRowContext(r.ctx, query, args...)
}

// read runs f over one state of what is committed.
func (s *Store) read(ctx context.Context, f func(querier) error) error {
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if err := f(snapshot{ctx, tx}); err != nil {
		var known *access.Error
		if errors.As(err, &known) {
			return err
		}
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// notFound is the error for an ID that no row has.
func notFound(what, id string) error {
	return access.Refuse(access.ReasonNotFound, "there is no "+what+" "+access.Plain(id, 40),
		"Type the whole ID as it was printed")
}
