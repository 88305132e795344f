package store

import (
	"context"
	"database/sql"

	"github.com/sallyport/sallyport/access"
)

func scanLock(row scanner) (access.Lock, error) {
	var l access.Lock
	var at sql.NullInt64
	err := row.Scan(&l.Subject.Kind, &l.Subject.Name, &l.Reason, &l.By, &l.Via, &at)
	l.At = asTime(at)
	return l, err
}

func locks(q querier) ([]access.Lock, error) {
	return all(q, scanLock, `SELECT kind, name, reason, set_by, via, set_at FROM locks ORDER BY kind DESC, name`)
}

// Locks gives all locks in force: people, then hosts, by name.
func (s *Store) Locks(ctx context.Context) (list []access.Lock, err error) {
	err = s.read(ctx, func(q querier) error { list, err = locks(q); return err })
	return list, err
}

// Locks gives all locks as the transaction sees them.
func (tx *Tx) Locks() ([]access.Lock, error) { return locks(tx) }

// SetLock puts a lock in force. It fails if there is one on the same subject.
func (tx *Tx) SetLock(l access.Lock) error {
	return tx.exec(`INSERT INTO locks (kind, name, reason, set_by, via, set_at) VALUES (?, ?, ?, ?, ?, ?)`,
		l.Subject.Kind, l.Subject.Name, l.Reason, l.By, l.Via, moment(l.At))
}

// LiftLock ends a lock. It fails if there is none.
func (tx *Tx) LiftLock(s access.Subject) error {
	return tx.swap(`DELETE FROM locks WHERE kind = ? AND name = ?`, s.Kind, s.Name)
}
