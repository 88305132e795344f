package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

func scanHold(row scanner) (access.Hold, error) {
	var h access.Hold
	var at sql.NullInt64
	err := row.Scan(&h.Session, &h.Reason, &h.By, &h.Via, &at)
	h.At = asTime(at)
	return h, err
}

// Holds gives all holds, by session.
func (s *Store) Holds(ctx context.Context) (list []access.Hold, err error) {
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scanHold, `SELECT session_id, reason, set_by, via, set_at FROM holds ORDER BY session_id`)
		return err
	})
	return list, err
}

// Hold puts a hold on the recording of a session, with its audit event. It is
// refused with an [*access.Error] when there is one already, or nothing to
// keep any more.
func (s *Store) Hold(ctx context.Context, h access.Hold) error {
	return s.Write(ctx, func(tx *Tx) error {
		held, err := session(tx, h.Session)
		if err != nil {
			return err
		}
		for table, why := range map[string]string{"retired": "the recording was deleted already", "holds": "the recording is held already"} {
			found, err := tx.has(table, h.Session)
			if err != nil {
				return err
			}
			if found {
				return access.Refuse(access.ReasonNotFound, why, "hold lists what is held").About(string(h.Session))
			}
		}
		err = tx.exec(`INSERT INTO holds (session_id, reason, set_by, via, set_at) VALUES (?, ?, ?, ?, ?)`, h.Session, h.Reason, h.By, h.Via, moment(h.At))
		if err != nil {
			return err
		}
		return tx.Record(holdEvent(audit.RecordingHeld, held, h))
	})
}

// Unhold lifts the hold on a recording, with its audit event: h says who does,
// and why.
func (s *Store) Unhold(ctx context.Context, h access.Hold) error {
	return s.Write(ctx, func(tx *Tx) error {
		held, err := session(tx, h.Session)
		if err != nil {
			return err
		}
		found, err := tx.has("holds", h.Session)
		if err != nil {
			return err
		}
		if !found {
			return access.Refuse(access.ReasonNotFound, "the recording is not held", "hold lists what is").About(string(h.Session))
		}
		if err := tx.exec(`DELETE FROM holds WHERE session_id = ?`, h.Session); err != nil {
			return err
		}
		return tx.Record(holdEvent(audit.RecordingUnheld, held, h))
	})
}

func holdEvent(kind audit.Kind, s access.Session, h access.Hold) audit.Event {
	e := sessionEvent(kind, s)
	e.Actor = h.By
	e.Detail = map[string]string{"reason": h.Reason, "via": string(h.Via)}
	return e
}

// has reports whether a table, one of ours, has a row of a session.
func (tx *Tx) has(table string, id access.SessionID) (bool, error) {
	var one int
	err := tx.queryRow(`SELECT 1 FROM `+table+` WHERE session_id = ?`, id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Expirable lists up to limit ended sessions, oldest first, that ended before
// a moment, whose recordings are there and not held. After is where the page
// begins.
func (s *Store) Expirable(ctx context.Context, before time.Time, after access.SessionID, limit int) (list []access.Session, err error) {
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE state <> 'live' AND ended_at < ? AND id > ?
			AND id NOT IN (SELECT session_id FROM retired) AND id NOT IN (SELECT session_id FROM holds) ORDER BY id LIMIT ?`,
			before.UnixMicro(), after, limit)
		return err
	})
	return list, err
}

// Retire says that the recording of a session is to be deleted. It reports
// false if it must not be: it is held, or was retired before.
func (s *Store) Retire(ctx context.Context, id access.SessionID, reason string) (retired bool, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		held, err := tx.has("holds", id)
		if err != nil || held {
			return err
		}
		if gone, err := tx.has("retired", id); err != nil || gone {
			return err
		}
		retired = true
		return tx.exec(`INSERT INTO retired (session_id, reason, retired_at) VALUES (?, ?, ?)`, id, reason, tx.store.now().UnixMicro())
	})
	return retired && err == nil, err
}

// Retirement is a recording that is to be deleted.
type Retirement struct {
	Session access.Session
	Reason  string
}

// Retiring lists what was retired and is not deleted yet.
func (s *Store) Retiring(ctx context.Context) (list []Retirement, err error) {
	scan := func(row scanner) (r Retirement, err error) {
		return r, row.Scan(&r.Session.ID, &r.Session.Recording, &r.Reason)
	}
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scan, `SELECT r.session_id, s.recording, r.reason FROM retired r JOIN sessions s ON s.id = r.session_id
			WHERE r.deleted_at IS NULL ORDER BY r.session_id`)
		return err
	})
	return list, err
}

// Deleted says that a retired recording is deleted, and forgets what was known
// of its content: its command line, its ledger of files and its text. The
// audit event has the digest of its tombstone.
func (s *Store) Deleted(ctx context.Context, id access.SessionID, tombstone string) error {
	return s.Write(ctx, func(tx *Tx) error {
		gone, err := session(tx, id)
		if err != nil {
			return err
		}
		var reason string
		err = tx.queryRow(`SELECT reason FROM retired WHERE session_id = ? AND deleted_at IS NULL`, id).Scan(&reason)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // said before
		}
		if err != nil {
			return err
		}
		for _, statement := range []string{
			`UPDATE sessions SET command = '' WHERE id = ?`,
			`DELETE FROM transfers WHERE session_id = ?`,
			`DELETE FROM segment_text WHERE rowid IN (SELECT id FROM segments WHERE session_id = ?)`,
			`DELETE FROM segments WHERE session_id = ?`,
			`DELETE FROM readings WHERE session_id = ?`,
			`DELETE FROM unread WHERE session_id = ?`,
		} {
			if err := tx.exec(statement, id); err != nil {
				return err
			}
		}
		if err := tx.exec(`UPDATE retired SET deleted_at = ? WHERE session_id = ?`, tx.store.now().UnixMicro(), id); err != nil {
			return err
		}
		e := sessionEvent(audit.RecordingDeleted, gone)
		e.Actor = audit.ActorSystem
		e.Detail = map[string]string{"cause": reason, "tombstone": tombstone}
		return tx.Record(e)
	})
}
