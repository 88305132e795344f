package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

// What auditors noted comes back from the audit files when the database is
// lost, and a file is used no further than its chain holds.
func TestReindexBringsNotesBack(t *testing.T) {
	p := newPlace(t)
	p.record(2)
	all := p.sessions()
	if err := p.start(func(h *house) {
		for _, text := range []string{"first", "second"} {
			n, err := access.NewNote(all[0].ID, time.Second, text, "carol", access.ViaConsole)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.store.AddNote(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.store.ExportAudit(t.Context(), p.config.auditDir(), h.log); err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	notes := func() (texts []string) {
		s, err := store.OpenForReading(t.Context(), storeConfig(p.config))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		list, err := s.Notes(t.Context(), all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			texts = append(texts, string(n.By)+": "+n.Text)
		}
		return texts
	}
	reindexed := func(want string, status int) {
		t.Helper()
		p.loseDatabase()
		out, stderr, got := p.run("reindex", "--json")
		var said struct{ Notes int }
		if err := json.Unmarshal([]byte(out), &said); err != nil || got != status {
			t.Fatalf("exit %d, %v: %s%s", got, err, out, stderr)
		}
		if texts := strings.Join(notes(), ", "); texts != want || said.Notes != len(notes()) {
			t.Errorf("notes %q, said %d; want %q", texts, said.Notes, want)
		}
	}
	reindexed("carol: first, carol: second", 0)

	files, err := filepath.Glob(filepath.Join(p.config.auditDir(), "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		forged := strings.Replace(string(data), `"text":"second"`, `"text":"forged"`, 1)
		if err := os.WriteFile(file, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reindexed("carol: first", 1)
}
