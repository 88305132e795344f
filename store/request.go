package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport/sallyport/access"
)

const requestColumns = `id, person, login, host, kinds, kind, command, reason, for_us, rule, policy_digest,
	fingerprint, source, bastion_id, state, requested_at, wait_until, decided_at, extends,
	break_glass, auto, reviewed_by, review_note, reviewed_at, remind_at, escalate_at, escalated_at`

func scanRequest(row scanner) (access.Request, error) {
	var r access.Request
	var kinds string
	var forUS int64
	var requested, until, decided, reviewed, remind, escalate, escalated sql.NullInt64
	err := row.Scan(&r.ID, &r.Person, &r.Target.Login, &r.Target.Host, &kinds, &r.Kind, &r.Command, &r.Reason, &forUS,
		&r.Rule, &r.PolicyDigest, &r.Fingerprint, &r.Source, &r.BastionID, &r.State, &requested, &until, &decided, &r.Extends,
		&r.BreakGlass, &r.Auto, &r.Review.By, &r.Review.Note, &reviewed, &remind, &escalate, &escalated)
	r.Kinds = asWords[access.Kind](kinds)
	r.For = time.Duration(forUS) * time.Microsecond
	r.RequestedAt, r.WaitUntil, r.DecidedAt = asTime(requested), asTime(until), asTime(decided)
	r.Review.At = asTime(reviewed)
	r.RemindAt, r.EscalateAt, r.EscalatedAt = asTime(remind), asTime(escalate), asTime(escalated)
	return r, err
}

const decisionColumns = `person, verdict, reason, via, at, for_us, unconfirmed, fingerprint, touched`

func scanDecision(row scanner) (access.Decision, error) {
	var d access.Decision
	var at sql.NullInt64
	var forUS int64
	err := row.Scan(&d.Person, &d.Verdict, &d.Reason, &d.Via, &at, &forUS, &d.Unconfirmed, &d.Fingerprint, &d.Touched)
	d.At, d.For = asTime(at), time.Duration(forUS)*time.Microsecond
	return d, err
}

// requests gives whole requests, with decisions and grants.
func requests(q querier, clause string, args ...any) ([]access.Request, error) {
	list, err := all(q, scanRequest, `SELECT `+requestColumns+` FROM requests`+clause, args...)
	if err != nil {
		return nil, err
	}
	for i := range list {
		r := &list[i]
		r.Decisions, err = all(q, scanDecision,
			`SELECT `+decisionColumns+` FROM decisions WHERE request_id = ? ORDER BY n`, r.ID)
		if err != nil {
			return nil, err
		}
		if r.State != access.RequestApproved {
			continue
		}
		grants, err := grants(q, ` WHERE request_id = ? OR id = ?`, r.ID, r.Extends)
		if err != nil {
			return nil, err
		}
		if len(grants) == 1 {
			r.Grant = &grants[0]
		}
	}
	return list, nil
}

func request(q querier, id access.RequestID) (access.Request, error) {
	list, err := requests(q, ` WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		err = notFound("request", string(id))
	}
	if err != nil {
		return access.Request{}, err
	}
	return list[0], nil
}

// Request gives the request of that ID with its decisions and grant, or an
// [*access.Error] with ReasonNotFound.
func (s *Store) Request(ctx context.Context, id access.RequestID) (r access.Request, err error) {
	err = s.read(ctx, func(q querier) error { r, err = request(q, id); return err })
	return r, err
}

// Requests gives requests with their decisions and grants, newest first.
func (s *Store) Requests(ctx context.Context, q access.RequestQuery) (list []access.Request, err error) {
	var where selection
	where.add(q.Person != "", "person = ?", q.Person)
	where.add(q.Host != "", "host = ?", q.Host)
	where.add(q.State != "", "state = ?", q.State)
	if q.Owed { // see the index requests_owed
		where.where = append(where.where, "break_glass = 1 AND state = 'approved' AND reviewed_at IS NULL")
	}
	where.add(!q.Since.IsZero(), "requested_at >= ?", q.Since.UnixMicro())
	clause := where.text(newest, q.Limit)
	err = s.read(ctx, func(r querier) error { list, err = requests(r, clause, where.args...); return err })
	return list, err
}

// Request gives the request of that ID as the transaction sees it.
func (tx *Tx) Request(id access.RequestID) (access.Request, error) { return request(tx, id) }

// PendingRequests gives all that are pending, oldest first.
func (tx *Tx) PendingRequests() ([]access.Request, error) {
	return requests(tx, ` WHERE state = 'pending' ORDER BY id`)
}

// DueRequests gives the pending requests whose time is over at now.
func (tx *Tx) DueRequests(now time.Time) ([]access.Request, error) {
	return requests(tx, ` WHERE state = 'pending' AND wait_until <= ? ORDER BY wait_until, id`, now.UnixMicro())
}

// IdenticalPending gives the pending request with the person, key, target,
// rule, kinds and extended grant of r, if there is one. Who asks without a key,
// in Slack, asks for any.
func (tx *Tx) IdenticalPending(r access.Request) (access.Request, bool, error) {
	list, err := requests(tx, ` WHERE state = 'pending' AND person = ?1 AND (fingerprint IN (?2, '') OR ?2 = '') AND host = ?3 AND login = ?4
		AND rule = ?5 AND kinds = ?6 AND extends = ?7 ORDER BY fingerprint <> ?2, id LIMIT 1`,
		r.Person, r.Fingerprint, r.Target.Host, r.Target.Login, r.Rule, sorted(r.Kinds), r.Extends)
	if err != nil || len(list) == 0 {
		return access.Request{}, false, err
	}
	return list[0], true, nil
}

// Extensions gives the requests that ask, or asked, for more time under a
// grant, oldest first. At most one of them is pending.
func (tx *Tx) Extensions(id access.GrantID) ([]access.Request, error) {
	return requests(tx, ` WHERE extends = ? AND extends <> '' ORDER BY id`, id)
}

// InsertRequest inserts a pending request. It fails if an identical one is
// pending.
func (tx *Tx) InsertRequest(r access.Request) error {
	if r.State != access.RequestPending || len(r.Decisions) > 0 || r.Grant != nil || r.Review != (access.Review{}) {
		return errors.New("store: a new request is pending, undecided and without a grant")
	}
	return tx.exec(`INSERT INTO requests (`+requestColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, '', '', NULL, ?, ?, NULL)`,
		r.ID, r.Person, r.Target.Login, r.Target.Host, sorted(r.Kinds), r.Kind, r.Command, r.Reason, r.For.Microseconds(),
		r.Rule, r.PolicyDigest, r.Fingerprint, r.Source, r.BastionID, r.State, moment(r.RequestedAt), moment(r.WaitUntil), r.Extends,
		r.BreakGlass, r.Auto, moment(r.RemindAt), moment(r.EscalateAt))
}

// DueChases gives the pending requests about which people are to be reminded,
// or others asked, at now.
func (tx *Tx) DueChases(now time.Time) ([]access.Request, error) {
	return requests(tx, ` WHERE state = 'pending' AND (remind_at <= ?1 OR escalate_at <= ?1) ORDER BY id`, now.UnixMicro())
}

// Chase notes when people are next reminded of a pending request, and when
// others are, or were, asked.
func (tx *Tx) Chase(r access.Request) error {
	return tx.swap(`UPDATE requests SET remind_at = ?, escalate_at = ?, escalated_at = ? WHERE id = ? AND state = 'pending'`,
		moment(r.RemindAt), moment(r.EscalateAt), moment(r.EscalatedAt), r.ID)
}

// AddDecision adds a word on a pending request. It fails if that person's
// word counted already.
func (tx *Tx) AddDecision(id access.RequestID, d access.Decision) error {
	return tx.swap(`INSERT INTO decisions (request_id, n, person, verdict, reason, via, at, for_us, unconfirmed, fingerprint, touched)
		SELECT id, (SELECT count(*) + 1 FROM decisions WHERE request_id = requests.id), ?, ?, ?, ?, ?, ?, ?, ?, ?
		FROM requests WHERE id = ? AND state = 'pending'`,
		d.Person, d.Verdict, d.Reason, d.Via, moment(d.At), d.For.Microseconds(), d.Unconfirmed, d.Fingerprint, d.Touched, id)
}

// Confirm puts a word in the place of the same person's earlier one, which did
// not count.
func (tx *Tx) Confirm(id access.RequestID, d access.Decision) error {
	return tx.swap(`UPDATE decisions SET verdict = ?, reason = ?, via = ?, at = ?, for_us = ?, unconfirmed = 0, fingerprint = ?, touched = ?
		WHERE request_id = (SELECT id FROM requests WHERE id = ? AND state = 'pending') AND person = ?`,
		d.Verdict, d.Reason, d.Via, moment(d.At), d.For.Microseconds(), d.Fingerprint, d.Touched, id, d.Person)
}

// AutoApprove notes why a pending request is approved without a word of anybody.
func (tx *Tx) AutoApprove(id access.RequestID, why string) error {
	return tx.swap(`UPDATE requests SET auto = ? WHERE id = ? AND state = 'pending' AND auto = ''`, why, id)
}

// BreakGlass notes that a pending request is approved in an emergency.
func (tx *Tx) BreakGlass(id access.RequestID) error {
	return tx.swap(`UPDATE requests SET break_glass = 1 WHERE id = ? AND state = 'pending'`, id)
}

// Review keeps the review of a break-glass request. It fails if there is one.
func (tx *Tx) Review(id access.RequestID, v access.Review) error {
	return tx.swap(`UPDATE requests SET reviewed_by = ?, review_note = ?, reviewed_at = ?
		WHERE id = ? AND break_glass = 1 AND state = 'approved' AND reviewed_at IS NULL`, v.By, v.Note, moment(v.At), id)
}

// Owed gives the break-glass requests of a person that nobody has reviewed,
// oldest first.
func (tx *Tx) Owed(person access.PersonName) ([]access.Request, error) {
	return requests(tx, ` WHERE break_glass = 1 AND state = 'approved' AND reviewed_at IS NULL AND person = ? ORDER BY id`, person)
}

// EndRequest moves a pending request to its final state. Cause says why in
// plain words, for people.
func (tx *Tx) EndRequest(id access.RequestID, next access.RequestState, at time.Time, cause string) error {
	if !access.RequestPending.May(next) {
		return errors.New("store: a request cannot become " + string(next))
	}
	return tx.swap(`UPDATE requests SET state = ?, decided_at = ?, cause = ? WHERE id = ? AND state = 'pending'`,
		next, moment(at), cause, id)
}
