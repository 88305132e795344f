package store

import (
	"context"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

const transferColumns = `session_id, place, at_us, action, path, target, bytes, mode, sha256, partial, result, detail`

// AddTransfers inserts entries of the ledger of files, and leaves those that
// are there. See [recorder.Index].
func (s *Store) AddTransfers(ctx context.Context, entries []access.Transfer) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.addTransfers(entries) })
}

func (tx *Tx) addTransfers(entries []access.Transfer) error {
	insert, err := tx.tx.PrepareContext(tx.ctx, `INSERT INTO transfers (`+transferColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, t := range entries {
		_, err := insert.ExecContext(tx.ctx, t.Session, t.Place, t.At.Microseconds(), t.Action, t.Path, t.To,
			t.Bytes, t.Mode, t.SHA256, t.Partial, t.Result, t.Detail)
		if err != nil {
			return err
		}
	}
	return nil
}

func scanTransfer(row scanner) (t access.Transfer, err error) {
	var at int64
	err = row.Scan(&t.Session, &t.Place, &at, &t.Action, &t.Path, &t.To, &t.Bytes, &t.Mode, &t.SHA256, &t.Partial, &t.Result, &t.Detail)
	t.At = time.Duration(at) * time.Microsecond
	return t, err
}

// Transfers gives entries of the ledger of files: those of one session in the
// order in which they happened, those of many by session, the newest first.
// The ones of a live session are there within a second or so.
func (s *Store) Transfers(ctx context.Context, q access.TransferQuery) (list []access.Transfer, err error) {
	var where selection
	where.add(q.Session != "", "session_id = ?", q.Session)
	where.add(q.Action != "", "action = ?", q.Action)
	where.add(q.SHA256 != "", "sha256 = ?", strings.ToLower(q.SHA256))
	if q.Path != "" {
		where.where = append(where.where, "(path GLOB ? OR target <> '' AND target GLOB ?)")
		where.args = append(where.args, q.Path, q.Path)
	}
	if q.After != nil {
		where.add(true, "place > ?", *q.After)
	}
	clause := where.text("session_id DESC, place", q.Limit)
	err = s.read(ctx, func(r querier) error {
		list, err = all(r, scanTransfer, `SELECT `+transferColumns+` FROM transfers`+clause, where.args...)
		return err
	})
	return list, err
}
