package store

import "context"

// AuditSent is the number of the last row of the chain that a target has taken;
// 0 for one that is new.
func (s *Store) AuditSent(ctx context.Context, target string) (int64, error) {
	return s.cursor(ctx, sentCursor+target)
}

// SetAuditSent says that a target has taken all rows up to seq.
func (s *Store) SetAuditSent(ctx context.Context, target string, seq int64) error {
	return s.moveCursor(ctx, sentCursor+target, seq)
}

// sentCursor begins the names of targets' cursors.
const sentCursor = "audit.sent."

// AuditEnd is the number of the chain's last row; 0 for an empty chain.
func (s *Store) AuditEnd(ctx context.Context) (seq int64, err error) {
	err = s.read(ctx, func(q querier) error {
		seq, _, err = auditHead(q)
		return err
	})
	return seq, err
}

// cursor is how far a follower of the chain has come.
func (s *Store) cursor(ctx context.Context, name string) (seq int64, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM cursors WHERE name = ?`, name).Scan(&seq)
	return seq, err
}

func (s *Store) moveCursor(ctx context.Context, name string, seq int64) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.exec(`INSERT INTO cursors (name, seq) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET seq = excluded.seq`, name, seq)
	})
}
