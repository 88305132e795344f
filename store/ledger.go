package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// The store is where the recorder finds its sessions again.
var _ recorder.Index = (*Store)(nil)

// OpenSession inserts a live session with its event. See [recorder.Index].
func (s *Store) OpenSession(ctx context.Context, opened access.Session) error {
	if opened.State != access.SessionLive {
		return fmt.Errorf("store: a new session is live, not %q", opened.State)
	}
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.insertSession(opened); err != nil {
			return fmt.Errorf("store: session %s: %w", opened.ID, err)
		}
		e := sessionEvent(audit.SessionStarted, opened)
		e.Time = opened.StartedAt
		if err := tx.Record(e); err != nil {
			return err
		}
		return tx.tellOfSession(opened, nil)
	})
}

// SealSession ends a session and gives its manifest a place in the ledger.
// See [recorder.Index].
func (s *Store) SealSession(ctx context.Context, id access.SessionID,
	build func(seq uint64, prev [32]byte) (manifest []byte, s access.Session, err error)) error {
	return s.Write(ctx, func(tx *Tx) error {
		bastion, known := s.bastion, true
		row, err := session(tx, id)
		switch {
		case isNotFound(err):
			known = false // found on disk, after a database was restored
		case err != nil:
			return err
		case row.State != access.SessionLive:
			return fmt.Errorf("store: session %s is %s already", id, row.State)
		default:
			bastion = row.BastionID
		}
		seq, prev, err := tx.ledgerHead(bastion)
		if err != nil {
			return err
		}
		manifest, ended, err := build(seq+1, prev)
		if err != nil {
			return err
		}
		if ended.ID != id || ended.State != access.SessionSealed && ended.State != access.SessionRecovered {
			return fmt.Errorf("store: session %s cannot become %q of %s", id, ended.State, ended.ID)
		}
		ended.BastionID = bastion
		if known {
			err = tx.endSession(ended)
		} else {
			err = tx.insertSession(ended)
		}
		if err != nil {
			return err
		}
		if err := tx.seal(ended, seq+1, prev, manifest); err != nil {
			return err
		}
		return tx.tellOfSession(ended, manifest)
	})
}

// ledgerHead gives the last sequence of a bastion and the digest of that
// manifest; for none, 0 and zero bytes.
func (tx *Tx) ledgerHead(bastion string) (uint64, [32]byte, error) {
	var seq int64
	var digest []byte
	err := tx.queryRow(`SELECT seq, digest FROM ledger WHERE bastion_id = ? ORDER BY seq DESC LIMIT 1`, bastion).Scan(&seq, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, [32]byte{}, nil
	}
	if err != nil {
		return 0, [32]byte{}, err
	}
	return uint64(seq), [32]byte(digest), nil
}

// seal inserts the ledger's row and the events of an ended session.
func (tx *Tx) seal(ended access.Session, seq uint64, prev [32]byte, manifest []byte) error {
	digest := sha256.Sum256(manifest)
	err := tx.exec(`INSERT INTO ledger (bastion_id, seq, session_id, prev, digest, manifest) VALUES (?, ?, ?, ?, ?, ?)`,
		ended.BastionID, int64(seq), ended.ID, prev[:], digest[:], manifest)
	if err != nil {
		return err
	}
	e := sessionEvent(audit.SessionEnded, ended)
	e.Detail["cause"], e.Detail["detail"] = ended.EndCause, ended.EndDetail
	e.Detail["sequence"] = strconv.FormatUint(seq, 10)
	e.Detail["manifest"] = fmt.Sprintf("%x", digest)
	if ended.ExitStatus != nil {
		e.Detail["exit_status"] = strconv.Itoa(*ended.ExitStatus)
	}
	if ended.State != access.SessionRecovered {
		return tx.Record(e)
	}
	return tx.Record(e, sessionEvent(audit.RecordingRecovered, ended))
}

func sessionEvent(kind audit.Kind, s access.Session) audit.Event {
	return audit.Event{
		Kind: kind, Actor: string(s.Person), Person: string(s.Person), Host: s.Target.Host, Login: s.Target.Login,
		Rule: s.Rule, Session: string(s.ID), Request: string(s.RequestID), Grant: string(s.GrantID),
		Connection: string(s.ConnectionID), Source: s.Source,
		Detail: map[string]string{"kind": string(s.Kind)},
	}
}

// UnwrittenManifests lists, in the ledger's order, what may not have reached
// its file. See [recorder.Index].
func (s *Store) UnwrittenManifests(ctx context.Context, bastionID string) (list []recorder.UnwrittenManifest, err error) {
	scan := func(row scanner) (m recorder.UnwrittenManifest, err error) {
		err = row.Scan(&m.ID, &m.Recording, &m.Manifest)
		return m, err
	}
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scan, `SELECT sessions.id, sessions.recording, ledger.manifest
			FROM ledger JOIN sessions ON sessions.id = ledger.session_id
			WHERE ledger.bastion_id = ? AND ledger.manifest IS NOT NULL ORDER BY ledger.seq`, bastionID)
		return err
	})
	return list, err
}

// ManifestWritten drops the bytes of manifests that are safely in their files.
// See [recorder.Index].
func (s *Store) ManifestWritten(ctx context.Context, ids ...access.SessionID) error {
	return s.Write(ctx, func(tx *Tx) error {
		for _, id := range ids {
			if err := tx.exec(`UPDATE ledger SET manifest = NULL WHERE session_id = ? AND manifest IS NOT NULL`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func isNotFound(err error) bool {
	var e *access.Error
	return errors.As(err, &e) && e.Reason == access.ReasonNotFound
}
