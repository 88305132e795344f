package tui_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// noting gives a world notes.
func (w *world) noting(cfg tui.Config) tui.Config {
	var notes []access.Note
	cfg.Notes = func(_ context.Context, id access.SessionID) (list []access.Note, _ error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, n := range notes {
			if n.Session == id {
				list = append(list, n)
			}
		}
		return list, nil
	}
	cfg.AddNote = func(_ context.Context, n access.Note) (access.Note, error) {
		if err := w.note("%s notes %s at %v: %s", n.By, n.Session, n.At.Round(time.Second), n.Text); err != nil {
			return n, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		n.Made = start
		notes = append(notes, n)
		return n, nil
	}
	return cfg
}

// A note is about the moment at which it was begun; it stands in the lane and
// among the facts, and one jumps to it.
func TestNotes(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.noting(w.config()), 80, 30)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees(" / 0:36")
	p.press(" ", ":", "20", "\r")
	p.sees("paused  0:20 / 0:36")
	p.press("m")
	p.sees("note at 0:20:")
	p.press("copies q the shadow file", "\r")
	p.sees("✓ noted at 0:20", "✎ carol: copies q the shadow")
	p.press("g")
	p.sees(" 0:00 / 0:36", "✎")
	p.gone("✎ carol")
	p.press("]", "]")
	p.sees(" 0:20 / 0:36", "✎ carol")
	p.press("f")
	p.sees("notes     0:20 carol: copies q the shadow file")
	p.press("q") // any key closes
	p.gone("notes  ")
	p.press("m", "\x1b")
	p.gone("note at")
	if got, want := strings.Join(w.done(), "\n"), "carol notes "+id(40)+" at 20s: copies q the shadow file"; got != want {
		t.Errorf("did %q, want %q", got, want)
	}
	w.mu.Lock()
	w.fails = access.Refuse(access.ReasonNotAllowed, "notes are for auditors", "")
	w.mu.Unlock()
	p.press("m", "x", "\r")
	p.sees("✗ refused: notes are for auditors")
}

// A long ledger is all there, at the smallest size too.
func TestLongLedger(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.Files = func(_ context.Context, s access.SessionID) (list []access.Transfer, _ error) {
		for i := range 1000 {
			list = append(list, access.Transfer{Session: s, At: time.Duration(i) * time.Second, Action: access.FilePut, Path: fmt.Sprintf("/srv/%03d", i), Bytes: 1, Result: "ok"})
		}
		return list, nil
	}
	p := sit(t, cfg, 80, 24)
	p.sees("postgres@db2")
	p.press("j", "\r")
	p.sees(" / 0:36")
	p.press(" ", "f")
	p.sees("INC-4702", "other keys close")
	p.press("G")
	p.sees("16:39 put /srv/999 1 B ok")
	p.gone("INC-4702")
	p.press("k", "\x1b[<64;10;10M") // up, and the wheel up
	p.gone("/srv/999")
	p.sees("16:35 put /srv/995")
	p.press("g")
	p.sees("INC-4702")
	p.press("q")
	p.gone("INC-4702")
	p.sees("paused")
}
