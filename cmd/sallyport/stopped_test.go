package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

// Keys are rotated on a bastion that is stopped as on one that runs; never
// beside one that holds the data directory.
func TestKeysOfAStoppedServer(t *testing.T) {
	p := newPlace(t)
	if _, errs, status := p.run("keys", "rotate"); status != 1 || !strings.Contains(errs, "no key in") {
		t.Errorf("before the first start: status %d: %s", status, errs)
	}
	p.record(1)
	before, errs, status := p.run("keys")
	if status != 0 || strings.Count(before, "\n") != 1 {
		t.Fatalf("status %d: %s%s", status, before, errs)
	}
	old := write(t, filepath.Join(t.TempDir(), "old.pub"), before)
	out, errs, status := p.run("keys", "rotate")
	if status != 0 || !strings.HasPrefix(out, "rotated: ") {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	if after, _, _ := p.run("keys"); !strings.HasPrefix(after, before) || strings.Count(after, "\n") != 2 {
		t.Errorf("the keys:\n%s", after)
	}
	s, err := store.OpenForReading(t.Context(), storeConfig(p.config))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Audit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	e, err := rows[len(rows)-1].Event()
	if err != nil || e.Kind != audit.KeyRotated || !strings.HasPrefix(e.Actor, "local:") {
		t.Errorf("the last event is %+v, %v", e, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	p.record(1) // signed by the new one
	for _, s := range p.sessions() {
		folder := filepath.Join(p.config.recordings(), filepath.FromSlash(s.Recording))
		if out, errs, status := p.run("verify", "--trust", old, folder); status != 0 || !strings.HasPrefix(out, "intact") {
			t.Errorf("%s: status %d: %s%s", s.ID, status, out, errs)
		}
	}
	if _, errs, status := p.run("kill", string(p.sessions()[0].ID)); status != 1 || !strings.Contains(errs, "no server runs") {
		t.Errorf("kill: status %d: %s", status, errs)
	}

	lock, err := lockDir(p.config.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	keys, _ := os.ReadDir(p.config.keys())
	if _, errs, status := p.run("keys", "rotate"); status != 1 || !strings.Contains(errs, "another process has it") {
		t.Errorf("beside another: status %d: %s", status, errs)
	}
	if now, _ := os.ReadDir(p.config.keys()); len(now) != len(keys) {
		t.Error("a key was made beside another process")
	}
}
