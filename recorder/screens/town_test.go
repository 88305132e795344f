package screens_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
	"github.com/sallyport/sallyport/store"
)

// town is a real store and a real recorder, with a clock that is moved by hand.
type town struct {
	*store.Store
	recorder *recorder.Recorder
	dir      string
	now      time.Time
	ids      int
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{dir: t.TempDir(), now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(w.dir, "sallyport.db"), BastionID: "b1", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w.Store = s
	w.recorder, err = recorder.New(recorder.Config{Dir: filepath.Join(w.dir, "recordings"), KeyDir: filepath.Join(w.dir, "keys"),
		BastionID: "b1", Index: s, Reserve: -1, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// session is a new one, of a shell unless change says otherwise.
func (w *town) session(change ...func(*access.Session)) access.Session {
	w.ids++
	s := access.Session{ID: access.SessionID(fmt.Sprintf("01J%023d", w.ids)), ConnectionID: "c", BastionID: "b1", Person: "alice",
		Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: true, StartedAt: w.now, State: access.SessionLive}
	for _, f := range change {
		f(&s)
	}
	return s
}

// a moment of a session: after a pause, output or a new size.
type moment struct {
	after      time.Duration
	out        string
	cols, rows int
}

// record makes a sealed recording of moments.
func (w *town) record(t testing.TB, s access.Session, moments ...moment) access.Session {
	t.Helper()
	rec, err := w.recorder.Start(t.Context(), s, recorder.Shape{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range moments {
		w.now = w.now.Add(m.after)
		if m.cols > 0 {
			err = rec.Resize(m.cols, m.rows)
		} else {
			err = rec.Stdout([]byte(m.out))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit})
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (w *town) folder(s access.Session) string { return w.recorder.Folder(s.Recording) }

// read gives the lines of a recording by their source, with moments.
func (w *town) read(t testing.TB, s access.Session) map[access.TextSource][]string {
	t.Helper()
	lines := map[access.TextSource][]string{}
	out, err := screens.Reading{Text: func(g access.TextSegment) error {
		for _, l := range g.Lines {
			lines[g.Source] = append(lines[g.Source], fmt.Sprintf("%.1f %s", l.At.Seconds(), l.Text))
		}
		return nil
	}}.Play(t.Context(), w.folder(s), s)
	if err != nil || out.Faults > 0 || out.Cut {
		t.Fatal(out, err)
	}
	return lines
}
