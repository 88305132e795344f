package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/sallyport/sallyport/access"
)

const sessionColumns = `id, connection_id, bastion_id, person, login, host, kind, command, terminal, rule, policy_digest,
	request_id, grant_id, approvers, fingerprint, source, started_at, ended_at, state, exit_status, end_cause, end_detail,
	bytes_out, bytes_in, recording, cert_serial, cert_key_id, cert_ca, cert_valid_before, vault_request_id`

// sessionMarks has a mark for each column.
const sessionMarks = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`

func sessionValues(s access.Session) []any {
	c := s.Certificate
	var serial string
	if c.Serial != 0 {
		serial = strconv.FormatUint(c.Serial, 10)
	}
	return []any{s.ID, s.ConnectionID, s.BastionID, s.Person, s.Target.Login, s.Target.Host, s.Kind, s.Command, s.Terminal,
		s.Rule, s.PolicyDigest, s.RequestID, s.GrantID, words(s.Approvers), s.Fingerprint, s.Source, moment(s.StartedAt),
		moment(s.EndedAt), s.State, s.ExitStatus, s.EndCause, s.EndDetail, s.BytesOut, s.BytesIn, s.Recording,
		serial, c.KeyID, c.CAFingerprint, moment(c.ValidBefore), c.VaultRequestID}
}

func scanSession(row scanner) (access.Session, error) {
	var s access.Session
	var approvers, serial string
	var exit, started, ended, valid sql.NullInt64
	c := &s.Certificate
	err := row.Scan(&s.ID, &s.ConnectionID, &s.BastionID, &s.Person, &s.Target.Login, &s.Target.Host, &s.Kind, &s.Command,
		&s.Terminal, &s.Rule, &s.PolicyDigest, &s.RequestID, &s.GrantID, &approvers, &s.Fingerprint, &s.Source, &started,
		&ended, &s.State, &exit, &s.EndCause, &s.EndDetail, &s.BytesOut, &s.BytesIn, &s.Recording,
		&serial, &c.KeyID, &c.CAFingerprint, &valid, &c.VaultRequestID)
	if err != nil {
		return s, err
	}
	s.Approvers = asWords[access.PersonName](approvers)
	s.StartedAt, s.EndedAt, c.ValidBefore = asTime(started), asTime(ended), asTime(valid)
	if exit.Valid {
		status := int(exit.Int64)
		s.ExitStatus = &status
	}
	if serial != "" {
		c.Serial, err = strconv.ParseUint(serial, 10, 64)
	}
	return s, err
}

func session(q querier, id access.SessionID) (access.Session, error) {
	list, err := all(q, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		err = notFound("session", string(id))
	}
	if err != nil {
		return access.Session{}, err
	}
	return list[0], nil
}

// Session gives the session of that ID, or an [*access.Error] with
// ReasonNotFound.
func (s *Store) Session(ctx context.Context, id access.SessionID) (found access.Session, err error) {
	err = s.read(ctx, func(q querier) error { found, err = session(q, id); return err })
	return found, err
}

// LiveSessions lists the sessions of a bastion whose state is live, oldest
// first. It has no limit: a start must find all of them.
func (s *Store) LiveSessions(ctx context.Context, bastionID string) (list []access.Session, err error) {
	err = s.read(ctx, func(r querier) error {
		list, err = all(r, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE state = 'live' AND bastion_id = ? ORDER BY id`, bastionID)
		return err
	})
	return list, err
}

// insertSession inserts s.
func (tx *Tx) insertSession(s access.Session) error {
	return tx.exec(`INSERT INTO sessions (`+sessionColumns+`) VALUES (`+sessionMarks+`)`, sessionValues(s)...)
}

// endSession stores all of s over its live row.
func (tx *Tx) endSession(s access.Session) error {
	args := append(sessionValues(s), s.ID)
	err := tx.swap(`UPDATE sessions SET (`+sessionColumns+`) = (`+sessionMarks+`) WHERE id = ? AND state = 'live'`, args...)
	if err != nil {
		return fmt.Errorf("ending session %s: %w", s.ID, err)
	}
	return nil
}
