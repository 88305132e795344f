package store_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

func (f *fixture) note(id access.SessionID, at time.Duration, text string) (access.Note, error) {
	f.t.Helper()
	n, err := access.NewNote(id, at, text, "carol", access.ViaConsole)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.AddNote(f.t.Context(), n)
}

// A note is kept, told in the chain with all that it says, and comes back from
// there when the database is lost.
func TestNotesComeBackFromTheChain(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	late, err := f.note(s.ID, 90*time.Second, "looked\x1b]52;c;AAAA\a at\u202e the shadow file")
	if err != nil {
		t.Fatal(err)
	}
	early, err := f.note(s.ID, 1500*time.Microsecond, "begins")
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Note{early, late}
	if late.Text != "looked ]52;c;AAAA at the shadow file" || late.Made.IsZero() {
		t.Errorf("kept %+v", late)
	}
	if got, err := f.Notes(t.Context(), s.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	rows, err := f.Audit(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []access.Note
	for _, row := range rows {
		e, err := row.Event()
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := store.NoteOf(e); ok {
			if e.Actor != "carol" || e.Person != "alice" || e.Host != "db1" {
				t.Errorf("event %+v", e)
			}
			told = append(told, n)
		}
	}

	other := newFixture(t) // a new database, to which the session came back
	if err := other.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again changes nothing
		if _, err := other.Rebuild(t.Context(), func(r *store.Rebuild) error {
			for _, n := range told {
				if err := r.AddNote(n); err != nil {
					return err
				}
			}
			return r.AddNote(access.Note{Session: "01J00000000000000000000999", Text: "of a session that is lost"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := other.Notes(t.Context(), s.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("came back: %+v, %v\nwant %+v", got, err, want)
	}
}

func TestNotesThatAreRefused(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.State, s.EndedAt = access.SessionSealed, s.StartedAt.Add(time.Minute)
	if _, _, err := f.seal(s, "m"); err != nil {
		t.Fatal(err)
	}
	refused := func(why string, id access.SessionID, at time.Duration) {
		t.Helper()
		var e *access.Error
		if _, err := f.note(id, at, "x"); !errors.As(err, &e) || !strings.Contains(e.Why, why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
	refused("no session", access.SessionID(f.id()), 0)
	refused("not that long", s.ID, time.Hour)
	for i := range access.MostNotes {
		if _, err := f.note(s.ID, time.Duration(i)*time.Millisecond, "x"); err != nil {
			t.Fatal(err)
		}
	}
	refused("as many notes", s.ID, 0)
	if _, err := f.Retire(t.Context(), s.ID, "its time is over"); err != nil {
		t.Fatal(err)
	}
	refused("was deleted", s.ID, 0)
	for _, text := range []string{"", " \x1b\u202e ", strings.Repeat("x", access.LongestNote+1)} {
		if _, err := access.NewNote(s.ID, 0, text, "carol", access.ViaConsole); err == nil {
			t.Errorf("%q is a note", text)
		}
	}
}
