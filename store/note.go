package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

const noteColumns = `session_id, at_us, made_at, made_by, via, text`

// Notes gives what was remarked upon a recording, by its moments. Those that
// a restore brought back are among them.
func (s *Store) Notes(ctx context.Context, id access.SessionID) (list []access.Note, err error) {
	err = s.read(ctx, func(q querier) error {
		list, err = all(q, scanNote, `SELECT `+noteColumns+` FROM notes WHERE session_id = ? ORDER BY at_us, made_at LIMIT ?`, id, access.MostNotes)
		return err
	})
	return list, err
}

func scanNote(row scanner) (n access.Note, err error) {
	var at int64
	var made sql.NullInt64
	err = row.Scan(&n.Session, &at, &made, &n.By, &n.Via, &n.Text)
	n.At, n.Made = time.Duration(at)*time.Microsecond, asTime(made)
	return n, err
}

// AddNote keeps a note, with its audit event, and gives it with its time. It
// is refused with an [*access.Error] of a session that is not known, whose
// recording was deleted, or that has [access.MostNotes] already.
func (s *Store) AddNote(ctx context.Context, n access.Note) (access.Note, error) {
	err := s.Write(ctx, func(tx *Tx) error {
		noted, err := session(tx, n.Session)
		if err != nil {
			return err
		}
		gone, err := tx.has("retired", n.Session)
		if err != nil {
			return err
		}
		if gone {
			return access.Refuse(access.ReasonNotFound, "the recording was deleted", "Its session and its notes stay").About(string(n.Session))
		}
		if length := noted.EndedAt.Sub(noted.StartedAt); !noted.EndedAt.IsZero() && n.At > length+time.Minute {
			return access.Refuse(access.ReasonMalformed, "the recording is not that long", "Name a moment of it").About(string(n.Session))
		}
		var count int
		if err := tx.queryRow(`SELECT count(*) FROM notes WHERE session_id = ?`, n.Session).Scan(&count); err != nil {
			return err
		}
		if count >= access.MostNotes {
			return access.Refuse(access.ReasonNotAllowed, "this recording has as many notes as it may have", "Keep further ones elsewhere").About(string(n.Session))
		}
		n.Made = tx.store.now().UTC().Truncate(time.Microsecond)
		if _, err := tx.addNote(n); err != nil {
			return err
		}
		return tx.Record(noteEvent(noted, n))
	})
	return n, err
}

// addNote inserts a note, and reports whether it was not there.
func (tx *Tx) addNote(n access.Note) (added bool, err error) {
	result, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO notes (`+noteColumns+`) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		n.Session, n.At.Microseconds(), n.Made.UnixMicro(), n.By, n.Via, n.Text)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}

// noteEvent holds all of a note, so that [NoteOf] can bring it back.
func noteEvent(s access.Session, n access.Note) audit.Event {
	e := sessionEvent(audit.RecordingNoted, s)
	e.Time, e.Actor = n.Made, string(n.By)
	at := n.At.Microseconds()
	e.Detail = map[string]string{"at": fmt.Sprintf("%d.%06d", at/1e6, at%1e6), "text": n.Text, "via": string(n.Via)}
	return e
}

// NoteOf reads a note from its audit event; ok is false of any other event.
func NoteOf(e audit.Event) (n access.Note, ok bool) {
	if e.Kind != audit.RecordingNoted || !access.ValidID(e.Session) {
		return n, false
	}
	at, err := strconv.ParseFloat(e.Detail["at"], 64)
	if err != nil || !(at >= 0 && at < 1e9) {
		return n, false
	}
	n, err = access.NewNote(access.SessionID(e.Session), time.Duration(at*1e6+0.5)*time.Microsecond, e.Detail["text"], access.PersonName(e.Actor), access.Via(e.Detail["via"]))
	n.Made = e.Time.UTC()
	return n, err == nil
}

// AddNote brings back a note from its audit event, if its session is there and
// the note is not.
func (r *Rebuild) AddNote(n access.Note) error {
	known, err := r.tx.hasSession(n.Session)
	if err != nil || !known {
		return err
	}
	added, err := r.tx.addNote(n)
	if added {
		r.notes++
	}
	return err
}

// Notes is how many came back.
func (r *Rebuild) Notes() int { return r.notes }

func (tx *Tx) hasSession(id access.SessionID) (known bool, err error) {
	err = tx.queryRow(`SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?)`, id).Scan(&known)
	return known, err
}
