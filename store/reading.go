package store

import (
	"context"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// The store is where what was read in recordings is found again.
var _ screens.Index = (*Store)(nil)

// maxTries is how often reading a recording is tried.
const maxTries = 3

// Unread gives ended sessions whose recordings are not read yet, the oldest
// first, those that failed before last. See [screens.Index].
func (s *Store) Unread(ctx context.Context, limit int) (list []access.Session, err error) {
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scanSession, `SELECT `+qualified("sessions", sessionColumns)+`
			FROM unread JOIN sessions ON sessions.id = unread.session_id ORDER BY unread.tries, unread.session_id LIMIT ?`, limit)
		return err
	})
	return list, err
}

// BeginReading drops what an earlier reading of a session left. See
// [screens.Index].
func (s *Store) BeginReading(ctx context.Context, id access.SessionID) error {
	return s.Write(ctx, func(tx *Tx) error {
		for _, statement := range []string{
			`DELETE FROM segment_text WHERE rowid IN (SELECT id FROM segments WHERE session_id = ?)`,
			`DELETE FROM segments WHERE session_id = ?`,
			`DELETE FROM readings WHERE session_id = ?`,
		} {
			if err := tx.exec(statement, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddText inserts segments of a session, in one short transaction. See
// [screens.Index].
func (s *Store) AddText(ctx context.Context, id access.SessionID, segments []access.TextSegment) error {
	packed, folded := make([][]byte, len(segments)), make([]string, len(segments))
	for i, segment := range segments { // before it is our turn: others wait
		var err error
		if packed[i], err = packLines(segment.Lines); err != nil {
			return err
		}
		folded[i] = foldLines(segment.Lines)
	}
	return s.Write(ctx, func(tx *Tx) error {
		for i, segment := range segments {
			// A session that was deleted meanwhile gets none.
			result, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO segments (session_id, source, lines)
				SELECT id, ?, ? FROM sessions WHERE id = ?`, segment.Source, packed[i], id)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return err
			}
			row, err := result.LastInsertId()
			if err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO segment_text (rowid, text) VALUES (?, ?)`, row, folded[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// EndReading says how far a session was read. See [screens.Index].
func (s *Store) EndReading(ctx context.Context, id access.SessionID, r screens.Read) error {
	return s.Write(ctx, func(tx *Tx) error {
		if r.Extent == screens.None && r.Again {
			// Row by row, so that one that always fails comes last, and ends.
			if err := tx.exec(`UPDATE unread SET tries = tries + 1, fault = ? WHERE session_id = ?`, r.Fault, id); err != nil {
				return err
			}
			var tries int
			if err := tx.queryRow(`SELECT coalesce(max(tries), ?) FROM unread WHERE session_id = ?`, maxTries, id).Scan(&tries); err != nil {
				return err
			}
			if tries < maxTries {
				return nil
			}
		}
		if err := tx.exec(`DELETE FROM unread WHERE session_id = ?`, id); err != nil {
			return err
		}
		return tx.exec(`INSERT OR REPLACE INTO readings (session_id, extent, bytes, until_us, fault, read_at)
			SELECT id, ?, ?, ?, ?, ? FROM sessions WHERE id = ?`,
			r.Extent, r.Text, r.Until.Microseconds(), r.Fault, s.now().UnixMicro(), id)
	})
}
