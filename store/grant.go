package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
)

const grantColumns = `id, request_id, person, login, host, rule, kinds, fingerprint, state, for_us,
	ready_at, use_by, started_at, not_after, ended_at,
	bind, address, sessions, opened, break_glass`

func scanGrant(row scanner) (access.Grant, error) {
	var g access.Grant
	var kinds, bind string
	var forUS int64
	var ready, useBy, started, notAfter, ended sql.NullInt64
	err := row.Scan(&g.ID, &g.RequestID, &g.Person, &g.Target.Login, &g.Target.Host, &g.Rule, &kinds, &g.Fingerprint,
		&g.State, &forUS, &ready, &useBy, &started, &notAfter, &ended,
		&bind, &g.Address, &g.Sessions, &g.Opened, &g.BreakGlass)
	g.Bind = asWords[access.Binding](bind)
	g.Kinds = asWords[access.Kind](kinds)
	g.For = time.Duration(forUS) * time.Microsecond
	g.ReadyAt, g.UseBy = asTime(ready), asTime(useBy)
	g.StartedAt, g.NotAfter, g.EndedAt = asTime(started), asTime(notAfter), asTime(ended)
	return g, err
}

func grants(q querier, clause string, args ...any) ([]access.Grant, error) {
	return all(q, scanGrant, `SELECT `+grantColumns+` FROM grants`+clause, args...)
}

func grant(q querier, id access.GrantID) (access.Grant, error) {
	list, err := grants(q, ` WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		err = notFound("grant", string(id))
	}
	if err != nil {
		return access.Grant{}, err
	}
	return list[0], nil
}

// Grant gives the grant of that ID, or an [*access.Error] with
// ReasonNotFound.
func (s *Store) Grant(ctx context.Context, id access.GrantID) (g access.Grant, err error) {
	err = s.read(ctx, func(q querier) error { g, err = grant(q, id); return err })
	return g, err
}

// Grants gives grants, newest first.
func (s *Store) Grants(ctx context.Context, q access.GrantQuery) (list []access.Grant, err error) {
	var where selection
	where.add(q.Person != "", "person = ?", q.Person)
	where.add(q.Host != "", "host = ?", q.Host)
	if q.Live {
		where.where = append(where.where, "state IN ('ready', 'active')")
	}
	clause := where.text(newest, q.Limit)
	err = s.read(ctx, func(r querier) error { list, err = grants(r, clause, where.args...); return err })
	return list, err
}

// Grant gives the grant of that ID as the transaction sees it.
func (tx *Tx) Grant(id access.GrantID) (access.Grant, error) { return grant(tx, id) }

// LiveGrants gives all grants that are ready or active.
func (tx *Tx) LiveGrants() ([]access.Grant, error) {
	return grants(tx, ` WHERE state IN ('ready', 'active') ORDER BY id`)
}

// LiveGrantsFor gives those of one person and target.
func (tx *Tx) LiveGrantsFor(person access.PersonName, t access.Target) ([]access.Grant, error) {
	return grants(tx, ` WHERE state IN ('ready', 'active') AND person = ? AND host = ? AND login = ? ORDER BY id`,
		person, t.Host, t.Login)
}

// DueGrants gives the grants that are over at now: ready ones that were not
// used in time, active ones whose time has passed.
func (tx *Tx) DueGrants(now time.Time) ([]access.Grant, error) {
	return grants(tx, ` WHERE (state = 'ready' AND use_by <= ?1) OR (state = 'active' AND not_after <= ?1) ORDER BY id`,
		now.UnixMicro())
}

// InsertGrant inserts a ready grant. It fails if its request has one.
func (tx *Tx) InsertGrant(g access.Grant) error {
	if g.State != access.GrantReady {
		return fmt.Errorf("store: a new grant is ready, not %s", g.State)
	}
	return tx.exec(`INSERT INTO grants (`+grantColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, ?, ?, ?, ?, ?)`,
		g.ID, g.RequestID, g.Person, g.Target.Login, g.Target.Host, g.Rule, sorted(g.Kinds), g.Fingerprint,
		g.State, g.For.Microseconds(), moment(g.ReadyAt), moment(g.UseBy),
		sorted(g.Bind), g.Address, g.Sessions, g.Opened, g.BreakGlass)
}

// MoveGrant moves a grant from a state to that of g, together with g's
// times. Cause says why it ended in plain words, for people.
func (tx *Tx) MoveGrant(from access.GrantState, g access.Grant, cause string) error {
	if !from.May(g.State) {
		return fmt.Errorf("store: a grant that is %s cannot become %s", from, g.State)
	}
	return tx.swap(`UPDATE grants SET state = ?, started_at = ?, not_after = ?, ended_at = ?, cause = ? WHERE id = ? AND state = ?`,
		g.State, moment(g.StartedAt), moment(g.NotAfter), moment(g.EndedAt), cause, g.ID, from)
}

// OpenSession counts a session that opens under a live grant, the first of
// which binds what is not bound yet. It fails if the grant has moved, or gives
// no more sessions.
func (tx *Tx) OpenSession(g access.Grant) error {
	return tx.swap(`UPDATE grants SET opened = opened + 1, fingerprint = ?, address = ? WHERE id = ? AND state = ?
		AND opened = ? AND fingerprint IN ('', ?) AND address IN ('', ?)`,
		g.Fingerprint, g.Address, g.ID, g.State, g.Opened, g.Fingerprint, g.Address)
}

// ExtendGrant moves the end of a running grant from a moment to g's.
func (tx *Tx) ExtendGrant(from time.Time, g access.Grant) error {
	if !g.NotAfter.After(from) {
		return fmt.Errorf("store: an extension to %v shortens the grant", g.NotAfter)
	}
	return tx.swap(`UPDATE grants SET not_after = ? WHERE id = ? AND state = 'active' AND not_after = ?`,
		moment(g.NotAfter), g.ID, moment(from))
}

// NextDeadline gives the earliest moment at which a request or a grant ends
// by itself; false if there is none.
func (s *Store) NextDeadline(ctx context.Context) (time.Time, bool, error) {
	var at sql.NullInt64
	err := s.readers.QueryRowContext(ctx, `SELECT min(at) FROM (
		SELECT min(wait_until) AS at FROM requests WHERE state = 'pending'
		UNION ALL SELECT min(remind_at)   FROM requests WHERE state = 'pending'
		UNION ALL SELECT min(escalate_at) FROM requests WHERE state = 'pending'
		UNION ALL SELECT min(use_by)    FROM grants WHERE state = 'ready'
		UNION ALL SELECT min(not_after) FROM grants WHERE state = 'active')`).Scan(&at)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("store: %w", err)
	}
	return asTime(at), at.Valid, nil
}

// Causes says, in plain words, why a request and its grant ended; both are
// empty while they have not.
func (s *Store) Causes(ctx context.Context, id access.RequestID) (request, grant string, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT requests.cause, coalesce(grants.cause, '')
		FROM requests LEFT JOIN grants ON grants.request_id = requests.id
			OR requests.state = 'approved' AND grants.id = requests.extends WHERE requests.id = ?`, id).Scan(&request, &grant)
	if err != nil {
		return "", "", fmt.Errorf("store: %w", err)
	}
	return request, grant, nil
}
