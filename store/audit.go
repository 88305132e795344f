package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sallyport/sallyport/audit"
)

// Record appends events to the chain, in the transaction of what they tell
// of. Time and bastion are filled in where they are missing.
func (tx *Tx) Record(events ...audit.Event) error {
	seq, head, err := auditHead(tx)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Time.IsZero() {
			e.Time = tx.store.now()
		}
		if e.Bastion == "" {
			e.Bastion = tx.store.bastion
		}
		r := audit.Link(seq, head, audit.Encode(e))
		err := tx.exec(`INSERT INTO audit (seq, at, bastion_id, kind, stored, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			r.Seq, e.Time.UnixMicro(), e.Bastion, e.Kind, r.Stored, r.Prev[:], r.Hash[:])
		if err != nil {
			return fmt.Errorf("store: audit: %w", err)
		}
		seq, head = r.Seq, r.Hash
		tx.audited = true
	}
	return nil
}

// Record appends one event that tells of no change here.
func (s *Store) Record(ctx context.Context, e audit.Event) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.Record(e) })
}

// auditHead gives the last row's number and hash, or what stands before the
// first.
func auditHead(q querier) (int64, [32]byte, error) {
	var seq int64
	var hash []byte
	err := q.queryRow(`SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, audit.Genesis, nil
	}
	if err != nil {
		return 0, [32]byte{}, fmt.Errorf("store: audit: %w", err)
	}
	return seq, [32]byte(hash), nil
}

func scanAudit(row scanner) (audit.Row, error) {
	var r audit.Row
	var prev, hash []byte
	if err := row.Scan(&r.Seq, &r.Stored, &prev, &hash); err != nil {
		return r, err
	}
	r.Prev, r.Hash = [32]byte(prev), [32]byte(hash) // lengths are checked by the table
	return r, nil
}

// Audit gives up to limit rows (at most 1000) after the one numbered after,
// in order.
func (s *Store) Audit(ctx context.Context, after int64, limit int) (rows []audit.Row, err error) {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	err = s.read(ctx, func(q querier) error {
		rows, err = all(q, scanAudit, `SELECT seq, stored, prev, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		return err
	})
	return rows, err
}

// VerifyAudit goes through the whole chain. It gives the number and hash of
// the last row; the error is an [*audit.Broken] where the chain does not hold.
func (s *Store) VerifyAudit(ctx context.Context) (int64, [32]byte, error) {
	var v audit.Verifier
	for {
		rows, err := s.Audit(ctx, v.Seq, maxPage)
		if err != nil {
			return v.Seq, v.Head, err
		}
		for _, r := range rows {
			if err := v.Check(r); err != nil {
				return v.Seq, v.Head, err
			}
		}
		if len(rows) < maxPage {
			return v.Seq, v.Head, nil
		}
	}
}
