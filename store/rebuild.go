package store

import (
	"context"
	"strconv"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// Rebuild is the one transaction in which sessions, the ledger of their
// manifests and the ledger of files are made anew from the recordings.
type Rebuild struct {
	tx                            *Tx
	sessions, transfers, unusable int
	notes                         int
}

// Rebuild empties those tables, has fill fill them, and records the event;
// all of it, or nothing when fill fails. Two kinds of rows stay: live ones,
// which the next start closes, and those whose signed manifest is nowhere but
// in the database yet. It gives the sessions that had a row and have none any
// more, because nothing is left of their recording. No server may run.
func (s *Store) Rebuild(ctx context.Context, fill func(*Rebuild) error) (lost []access.SessionID, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		for _, statement := range []string{
			`CREATE TEMP TABLE before AS SELECT id FROM sessions`,
			`DELETE FROM ledger WHERE manifest IS NULL`,
			`DELETE FROM sessions WHERE state <> 'live' AND id NOT IN (SELECT session_id FROM ledger)`,
			`DELETE FROM transfers WHERE session_id NOT IN (SELECT id FROM sessions)`,
		} {
			if err := tx.exec(statement); err != nil {
				return err
			}
		}
		r := &Rebuild{tx: tx}
		if err := fill(r); err != nil {
			return err
		}
		scan := func(row scanner) (id access.SessionID, err error) { return id, row.Scan(&id) }
		lost, err = all(tx, scan, `SELECT id FROM before WHERE id NOT IN (SELECT id FROM sessions) ORDER BY id`)
		if err != nil {
			return err
		}
		if err := tx.exec(`DROP TABLE before`); err != nil {
			return err
		}
		return tx.Record(audit.Event{Kind: audit.IndexRebuilt, Actor: audit.ActorSystem, Detail: map[string]string{
			"sessions": strconv.Itoa(r.sessions), "transfers": strconv.Itoa(r.transfers),
			"unusable": strconv.Itoa(r.unusable), "lost": strconv.Itoa(len(lost)), "notes": strconv.Itoa(r.notes),
		}})
	})
	return lost, err
}

// Add inserts a session. Other is the one that has its place in the sequence
// already: both are kept, and an event tells of it.
func (r *Rebuild) Add(a recorder.Adoption) (other access.SessionID, err error) {
	taken, other, err := r.tx.adopt(a)
	if err != nil || !taken {
		return "", err
	}
	r.sessions++
	if other != "" {
		err = r.tx.Record(adoptionEvent(a, other))
	}
	return other, err
}

// AddTransfers inserts entries of the ledger of files.
func (r *Rebuild) AddTransfers(entries []access.Transfer) error {
	r.transfers += len(entries)
	return r.tx.addTransfers(entries)
}

// Unusable counts a file that could not be used, for the event.
func (r *Rebuild) Unusable() { r.unusable++ }
