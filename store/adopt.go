package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// UnknownSessions gives those of ids that have no row. See [recorder.Index].
func (s *Store) UnknownSessions(ctx context.Context, ids []access.SessionID) (unknown []access.SessionID, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	find, err := tx.PrepareContext(ctx, `SELECT 1 FROM sessions WHERE id = ?`)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer find.Close()
	for _, id := range ids {
		var one int
		switch err := find.QueryRowContext(ctx, id).Scan(&one); {
		case errors.Is(err, sql.ErrNoRows):
			unknown = append(unknown, id)
		case err != nil:
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	return unknown, nil
}

// AdoptSession takes in a session whose manifest is on disk already. See
// [recorder.Index].
func (s *Store) AdoptSession(ctx context.Context, a recorder.Adoption) (other access.SessionID, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		var taken bool
		if taken, other, err = tx.adopt(a); err != nil || !taken {
			return err
		}
		return tx.Record(adoptionEvent(a, other))
	})
	return other, err
}

// adopt takes in a session unless it has ended already. Other is the session
// that has its place.
func (tx *Tx) adopt(a recorder.Adoption) (taken bool, other access.SessionID, err error) {
	row, err := session(tx, a.Session.ID)
	switch {
	case isNotFound(err):
		err = tx.insertSession(a.Session)
	case err != nil:
	case row.State != access.SessionLive:
		return false, "", nil
	default:
		err = tx.endSession(a.Session)
	}
	if err != nil {
		return false, "", err
	}
	other, err = tx.placeOrOther(a)
	return true, other, err
}

// placeOrOther gives an adopted session its place in the ledger, unless
// another session has it.
func (tx *Tx) placeOrOther(a recorder.Adoption) (other access.SessionID, err error) {
	if a.Sequence == 0 {
		return "", nil
	}
	bastion, seq := a.Session.BastionID, int64(a.Sequence)
	err = tx.queryRow(`SELECT session_id FROM ledger WHERE bastion_id = ? AND seq = ?`, bastion, seq).Scan(&other)
	if !errors.Is(err, sql.ErrNoRows) {
		return other, err
	}
	return "", tx.exec(`INSERT INTO ledger (bastion_id, seq, session_id, prev, digest) VALUES (?, ?, ?, ?, ?)`,
		bastion, seq, a.Session.ID, a.Previous[:], a.Digest[:])
}

func adoptionEvent(a recorder.Adoption, other access.SessionID) audit.Event {
	e := sessionEvent(audit.RecordingAdopted, a.Session)
	e.Actor = audit.ActorSystem
	e.Detail["cause"] = a.Session.EndCause
	if a.Sequence == 0 {
		e.Detail["fault"] = a.Session.EndDetail
		return e
	}
	e.Detail["sequence"] = strconv.FormatUint(a.Sequence, 10)
	e.Detail["manifest"] = fmt.Sprintf("%x", a.Digest)
	if other != "" {
		e.Kind = audit.RecordingClash
		e.Detail["other"] = string(other)
	}
	return e
}
