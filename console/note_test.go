package console_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

func (w *world) Notes(_ context.Context, id access.SessionID) (list []access.Note, _ error) {
	for _, n := range w.notes {
		if n.Session == id {
			list = append(list, n)
		}
	}
	return list, nil
}

func (w *world) AddNote(_ context.Context, n access.Note) (access.Note, error) {
	n.Made = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	w.notes = append(w.notes, n)
	return n, nil
}

// A note is one line of plain text at a moment, whatever was typed.
func TestNote(t *testing.T) {
	w := newWorld(t)
	for _, at := range []string{"90", "1:30", "0:01:30", "1m30s", "90.0"} {
		if got := w.as(t, "carol", "note "+sealedID+" --at "+at+" copies 'the\x1b[6n shadow' file"); got.exit != 0 || got.out != "noted at 1:30 ("+sealedID+")\n" {
			t.Errorf("%s: %+v", at, got)
		}
	}
	if n := w.notes[0]; n.At != 90*time.Second || n.Text != "copies the [6n shadow file" || n.By != "carol" {
		t.Errorf("%+v", n)
	}
	if got := w.as(t, "local", "notes "+sealedID); got.exit != 0 || strings.Count(got.out, "copies the [6n shadow file") != 5 {
		t.Errorf("%+v", got)
	}
	var shown []map[string]any
	if got := w.as(t, "carol", "notes "+sealedID+" --json"); json.Unmarshal([]byte(got.out), &shown) != nil || len(shown) != 5 || shown[0]["at_seconds"] != 90.0 || shown[0]["by"] != "carol" {
		t.Errorf("%+v", got)
	}
	if got := w.as(t, "carol", "notes "+liveID); got.exit != 0 || got.out != "nobody noted anything\n" {
		t.Errorf("%+v", got)
	}
	for line, status := range map[string]int{
		"note " + sealedID + " --at 1:2:3:4 x": 2, "note " + sealedID + " --at -1s x": 2, "note " + sealedID + " x": 2, "note " + sealedID + " --at NaN x": 2,
		"note " + sealedID + " --at 5": 2, "note x --at 5 y": 2, "notes " + pendingID: 1, "note " + sealedID + " --at 5 " + strings.Repeat("x", 501): 1,
	} {
		if got := w.as(t, "carol", line); got.exit != status || got.out != "" {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestNotesAreExported(t *testing.T) {
	w := newWorld(t)
	w.record(t, 1)
	s := w.sessions[0]
	w.notes = []access.Note{{Session: s.ID, At: time.Second, Text: "here", By: "carol", Via: access.ViaConsole}}
	dir, _ := unpack(t, w.as(t, "carol", "export "+string(s.ID)).out)
	data, err := os.ReadFile(filepath.Join(dir, string(s.ID), "about", "notes.json"))
	if err != nil || !strings.Contains(string(data), `"text": "here"`) {
		t.Errorf("%v: %s", err, data)
	}
	again, err := console.ReadNotes(strings.NewReader(string(data)), s.ID)
	if err != nil || len(again) != 1 || again[0] != w.notes[0] {
		t.Errorf("read again: %+v, %v", again, err)
	}
	hostile := `[{"session_id":"` + string(s.ID) + `","at_seconds":5,"text":"\u001b]52;c;x\u0007"},{"session_id":"other","text":"x"},{"session_id":"` + string(s.ID) + `","at_seconds":-1,"text":"x"}]`
	if got, err := console.ReadNotes(strings.NewReader(hostile), s.ID); err != nil || len(got) != 1 || got[0].Text != "]52;c;x" {
		t.Errorf("%+v, %v", got, err)
	}
	readme, err := os.ReadFile(filepath.Join(dir, string(s.ID), "README.txt"))
	if err != nil || !strings.Contains(string(readme), "about/notes.json") {
		t.Errorf("%v: %s", err, readme)
	}
}
