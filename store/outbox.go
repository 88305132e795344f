package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// topicSlack is the topic of what is shown in Slack. Its subject is the
// request's ID.
const topicSlack = "slack"

// Kinds of effects about a request. Each means "show the request as it
// stands", so that several that wait are brought about by one.
const (
	effectPosted  = "request.posted"
	effectUpdated = "request.updated"
)

// Show puts into the outbox that the request is to be shown as it stands
// after this transaction.
func (tx *Tx) Show(id access.RequestID) error {
	now := tx.store.now().UnixMicro()
	return tx.exec(`INSERT INTO outbox (topic, subject, kind, created_at, next_at)
		VALUES (?1, ?2, iif(EXISTS (SELECT 1 FROM messages WHERE request_id = ?2), ?3, ?4), ?5, ?5)`,
		topicSlack, id, effectUpdated, effectPosted, now)
}

// NextNotice gives the request whose showing has been due longest, with the
// number of the last effect that one showing brings about, and the attempts
// that failed. The ID is empty if none is due at now. A request whose last
// attempt is to be repeated later is not due before that, whatever was added
// meanwhile: its effects happen in order.
func (s *Store) NextNotice(ctx context.Context, now time.Time) (id access.RequestID, through int64, attempts int, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT first.subject, w.last, first.attempts
		FROM (SELECT subject, min(id) AS first, max(id) AS last FROM outbox
		      WHERE topic = ? AND state = 'waiting' GROUP BY subject) AS w
		JOIN outbox AS first ON first.id = w.first
		WHERE first.next_at <= ? ORDER BY first.next_at, first.id LIMIT 1`, topicSlack, now.UnixMicro()).
		Scan(&id, &through, &attempts)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, 0, nil
	}
	if err != nil {
		return "", 0, 0, fmt.Errorf("store: outbox: %w", err)
	}
	return id, through, attempts, nil
}

// NextNoticeAt gives the moment at which a notice is next due; false if none
// waits.
func (s *Store) NextNoticeAt(ctx context.Context) (time.Time, bool, error) {
	var at sql.NullInt64
	err := s.readers.QueryRowContext(ctx, `SELECT min(next_at) FROM outbox WHERE id IN
		(SELECT min(id) FROM outbox WHERE topic = ? AND state = 'waiting' GROUP BY subject)`, topicSlack).Scan(&at)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("store: outbox: %w", err)
	}
	return asTime(at), at.Valid, nil
}

// NoticeShown says that the request is shown, with every effect up to
// through, and where.
func (s *Store) NoticeShown(ctx context.Context, id access.RequestID, through int64, channel, ts string) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.endEffects(id, through, "done", ""); err != nil {
			return err
		}
		return tx.exec(`INSERT INTO messages (request_id, channel, ts) VALUES (?, ?, ?)
			ON CONFLICT (request_id) DO UPDATE SET channel = excluded.channel, ts = excluded.ts`, id, channel, ts)
	})
}

// NoticeFailed says that showing the request failed. It is tried again at
// next.
func (s *Store) NoticeFailed(ctx context.Context, id access.RequestID, next time.Time, cause string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.exec(`UPDATE outbox SET attempts = attempts + 1, next_at = ?, error = ? WHERE id =
			(SELECT min(id) FROM outbox WHERE topic = ? AND subject = ? AND state = 'waiting')`,
			next.UnixMicro(), access.Plain(cause, 500), topicSlack, id)
	})
}

// NoticeSkipped says that the request is not to be shown. Nor is anything told
// in the thread that it does not have.
func (s *Store) NoticeSkipped(ctx context.Context, id access.RequestID, through int64) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.endEffects(id, through, "done", ""); err != nil {
			return err
		}
		return tx.endThread(id, "done", "")
	})
}

// endThread ends what waits to be told in the thread of a request that has no
// message.
func (tx *Tx) endThread(id access.RequestID, state, cause string) error {
	return tx.exec(`UPDATE outbox SET state = ?1, ended_at = ?2, error = ?3 WHERE topic = ?4 AND subject = ?5 AND state = 'waiting'
		AND NOT EXISTS (SELECT 1 FROM messages WHERE request_id = ?6)`,
		state, tx.store.now().UnixMicro(), cause, topicEffect, string(access.InThread)+"/"+string(id), id)
}

// NoticeGivenUp says that showing the request, up to through, is not tried
// again. The rows stay, and an event tells of it.
func (s *Store) NoticeGivenUp(ctx context.Context, id access.RequestID, through int64, cause string) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.endEffects(id, through, "failed", access.Plain(cause, 500)); err != nil {
			return err
		}
		if err := tx.endThread(id, "failed", access.Plain(cause, 500)); err != nil {
			return err
		}
		return tx.Record(audit.Event{Kind: audit.NotificationFailed, Actor: audit.ActorSystem, Request: string(id),
			Detail: map[string]string{"cause": cause}})
	})
}

func (tx *Tx) endEffects(id access.RequestID, through int64, state, cause string) error {
	return tx.exec(`UPDATE outbox SET state = ?, ended_at = ?, attempts = attempts + 1, error = ?
		WHERE topic = ? AND subject = ? AND state = 'waiting' AND id <= ?`,
		state, tx.store.now().UnixMicro(), cause, topicSlack, id, through)
}

// PruneOutbox deletes up to limit effects that were brought about, or given
// up, before a moment, and says how many. What is shown stays known: see
// [Store.Message].
func (s *Store) PruneOutbox(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		result, err := tx.tx.ExecContext(tx.ctx, `DELETE FROM outbox WHERE id IN
			(SELECT id FROM outbox WHERE state <> 'waiting' AND ended_at < ? LIMIT ?)`, before.UnixMicro(), limit)
		if err != nil {
			return fmt.Errorf("store: outbox: %w", err)
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// Message says where a request is shown; empty if nowhere yet.
func (s *Store) Message(ctx context.Context, id access.RequestID) (channel, ts string, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT channel, ts FROM messages WHERE request_id = ?`, id).Scan(&channel, &ts)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", "", fmt.Errorf("store: messages: %w", err)
	}
	return channel, ts, nil
}
