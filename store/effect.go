package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// topicEffect is the topic of what people are told of once. Its subject is the
// place and whose it is: what is told in one place is told in order. Its detail
// is the effect.
const topicEffect = "effect"

func effectSubject(e access.Effect) string {
	switch place := e.Kind.Place(); {
	case place == access.InDigest:
		return string(place)
	case e.Kind == access.EffectConfirm:
		return string(place) + "/" + string(e.Request) + "/" + string(e.Person)
	default:
		return string(place) + "/" + string(e.Request)
	}
}

// Tell puts into the outbox that people are to be told of something once.
func (tx *Tx) Tell(e access.Effect) error {
	now := tx.store.now()
	if e.At.IsZero() {
		e.At = now.UTC()
	}
	if e.Due.IsZero() {
		e.Due = now
	}
	detail, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("store: an effect: %w", err)
	}
	return tx.exec(`INSERT INTO outbox (topic, subject, kind, detail, created_at, next_at) VALUES (?, ?, ?, ?, ?, ?)`,
		topicEffect, effectSubject(e), e.Kind, string(detail), now.UnixMicro(), moment(e.Due))
}

// toldNow is what may be told now: the first of its subject is due, and what
// belongs below a card has one.
const toldNow = `FROM outbox AS o WHERE topic = 'effect' AND state = 'waiting'
	AND id = (SELECT min(id) FROM outbox WHERE topic = 'effect' AND subject = o.subject AND state = 'waiting')
	AND (subject NOT GLOB 'thread/*' OR EXISTS (SELECT 1 FROM messages WHERE request_id = substr(o.subject, 8)))`

// NextEffects gives up to limit effects that are due and belong to one place, in
// their order, and how often telling them failed. It gives none if none is due.
func (s *Store) NextEffects(ctx context.Context, now time.Time, limit int) (list []access.Effect, attempts int, err error) {
	err = s.read(ctx, func(q querier) error {
		var subject string
		err := q.queryRow(`SELECT subject, attempts `+toldNow+` AND next_at <= ? ORDER BY next_at, id LIMIT 1`, now.UnixMicro()).
			Scan(&subject, &attempts)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		list, err = all(q, scanEffect, `SELECT id, detail FROM outbox
			WHERE topic = 'effect' AND subject = ? AND state = 'waiting' AND next_at <= ? ORDER BY id LIMIT ?`, subject, now.UnixMicro(), limit)
		return err
	})
	return list, attempts, err
}

func scanEffect(row scanner) (e access.Effect, err error) {
	var number int64
	var detail string
	if err := row.Scan(&number, &detail); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(detail), &e); err != nil {
		return e, fmt.Errorf("effect %d: %w", number, err)
	}
	e.Number = number
	return e, nil
}

// NextEffectsAt gives the moment at which a effect is next to be told; false if
// none waits.
func (s *Store) NextEffectsAt(ctx context.Context) (time.Time, bool, error) {
	var at sql.NullInt64
	if err := s.readers.QueryRowContext(ctx, `SELECT min(next_at) `+toldNow).Scan(&at); err != nil {
		return time.Time{}, false, fmt.Errorf("store: outbox: %w", err)
	}
	return asTime(at), at.Valid, nil
}

// EffectsTold says that these were told.
func (s *Store) EffectsTold(ctx context.Context, told []access.Effect) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.endEffectsOf(told, "done", "") })
}

// EffectsFailed says that telling the effects of a place, of which first is the
// first, failed. It is tried again at next.
func (s *Store) EffectsFailed(ctx context.Context, first access.Effect, next time.Time, cause string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.exec(`UPDATE outbox SET attempts = attempts + 1, next_at = ?, error = ? WHERE id = ? AND state = 'waiting'`,
			next.UnixMicro(), access.Plain(cause, 500), first.Number)
	})
}

// EffectsGivenUp says that telling these is not tried again. The rows
// stay, and an event tells of it.
func (s *Store) EffectsGivenUp(ctx context.Context, lost []access.Effect, cause string) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.endEffectsOf(lost, "failed", access.Plain(cause, 500)); err != nil {
			return err
		}
		return tx.Record(audit.Event{Kind: audit.NotificationFailed, Actor: audit.ActorSystem, Request: string(lost[0].Request),
			Detail: map[string]string{"cause": cause, "place": string(lost[0].Kind.Place()), "effects": fmt.Sprint(len(lost))}})
	})
}

func (tx *Tx) endEffectsOf(list []access.Effect, state, cause string) error {
	for _, n := range list {
		err := tx.exec(`UPDATE outbox SET state = ?, ended_at = ?, attempts = attempts + 1, error = ? WHERE id = ? AND state = 'waiting'`,
			state, tx.store.now().UnixMicro(), cause, n.Number)
		if err != nil {
			return err
		}
	}
	return nil
}

// tellOfSession puts into the outbox what a request's card and thread have to
// say of a session that began or was sealed, in the transaction that makes it
// so. Only for requests that are shown.
func (tx *Tx) tellOfSession(s access.Session, manifest []byte) error {
	if s.RequestID == "" {
		return nil
	}
	var shown bool
	err := tx.queryRow(`SELECT EXISTS (SELECT 1 FROM messages WHERE request_id = ?1)
		OR EXISTS (SELECT 1 FROM outbox WHERE topic = ?2 AND subject = ?1 AND state = 'waiting')`, s.RequestID, topicSlack).Scan(&shown)
	if err != nil || !shown {
		return err
	}
	e := access.Effect{
		Request: s.RequestID, Kind: access.EffectSession, At: s.StartedAt, Person: s.Person, Text: s.Source, Session: s.ID, SessionKind: s.Kind,
	}
	if manifest != nil {
		e.Kind, e.At, e.For, e.Text = access.EffectSealed, s.EndedAt, s.EndedAt.Sub(s.StartedAt), endWords(s)
		digest := sha256.Sum256(manifest)
		e.Digest = hex.EncodeToString(digest[:])
	}
	if err := tx.Tell(e); err != nil {
		return err
	}
	return tx.Show(s.RequestID)
}

// endWords says how a session ended, without anything that was typed in it.
func endWords(s access.Session) string {
	switch {
	case s.State == access.SessionRecovered:
		return "cut short by a crash"
	case s.EndCause == access.EndExit && s.ExitStatus != nil:
		return fmt.Sprintf("exit %d", *s.ExitStatus)
	}
	return s.EndCause
}

// recordedShown is how many ended sessions a card names.
const recordedShown = 3

// Usage tells what became of the right that the approval of a request gave.
func (s *Store) Usage(ctx context.Context, id access.RequestID) (u access.Usage, err error) {
	scan := func(row scanner) (r access.Recorded, err error) {
		var digest []byte
		err = row.Scan(&r.Session, &r.State, &digest)
		r.Digest = hex.EncodeToString(digest)
		return r, err
	}
	err = s.read(ctx, func(q querier) error {
		if err := q.queryRow(`SELECT count(*), coalesce(sum(state = 'live'), 0) FROM sessions WHERE request_id = ? AND request_id <> ''`, id).
			Scan(&u.Sessions, &u.Live); err != nil {
			return err
		}
		u.Last, err = all(q, scan, `SELECT sessions.id, sessions.state, ledger.digest FROM sessions LEFT JOIN ledger ON ledger.session_id = sessions.id
			WHERE sessions.request_id = ? AND sessions.request_id <> '' AND sessions.state <> 'live' ORDER BY sessions.ended_at DESC, sessions.id DESC LIMIT ?`,
			id, recordedShown)
		return err
	})
	return u, err
}
