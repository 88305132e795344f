package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// restored gives a store whose database is a backup, and whose audit files
// are those that were written since.
func restored(t *testing.T, days int) (f *fixture, dir string) {
	t.Helper()
	f, dir = newFixture(t), filepath.Join(t.TempDir(), "audit")
	export := func() {
		t.Helper()
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
	}
	f.record(5)
	export()
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := f.vacuumInto(backup); err != nil {
		t.Fatal(err)
	}
	for range days {
		f.record(4)
		export()
		f.now = f.now.Add(24 * time.Hour)
	}
	f.Close()
	f.Store, f.path = nil, backup
	f.reopen()
	return f, dir
}

// vacuumInto makes a backup as the documents say.
func (f *fixture) vacuumInto(path string) error {
	_, err := sqlite(f.t, f.path).ExecContext(f.t.Context(), `VACUUM INTO ?`, path)
	return err
}

// After a restore no event is left out of the files, and no line that was
// written before is lost, although the numbers are the same.
func TestRestoreSetsOtherChainsAside(t *testing.T) {
	for _, days := range []int{1, 3} {
		f, dir := restored(t, days)
		old := map[string][]byte{}
		names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if old[name], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
		f.record(2)
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
		for name, data := range old {
			if kept, err := os.ReadFile(name + ".set-aside-1"); err != nil || !bytes.Equal(kept, data) {
				t.Errorf("%s is not kept: %v", name, err)
			}
		}
		if got := chainOf(t, dir); got != 5+2+int64(days) {
			t.Errorf("after %d days the files end at row %d", days, got)
		}
		if got := f.kinds()[audit.AuditSetAside]; got != days {
			t.Errorf("%d events for %d files", got, days)
		}
		f.reopen()
		f.record(1)
		if n, err := f.ExportAudit(t.Context(), dir, quiet); err != nil || n != 1 {
			t.Errorf("the next start went through %d rows, %v", n, err)
		}
	}
}

// Files that the database can go on with stay: those of a crash, and of a
// backup that is no older than they are.
func TestFilesOfTheSameChainStay(t *testing.T) {
	f, dir := restored(t, 0)
	f.record(1)
	if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
		t.Fatal(err)
	}
	if got := chainOf(t, dir); got != 6 {
		t.Errorf("the files end at row %d", got)
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "*aside*")); len(aside) != 0 {
		t.Errorf("set aside: %v", aside)
	}
}

// A file that is exchanged under a running server is noticed at the next row,
// and so is one that holds something else.
func TestExchangedFileIsSetAside(t *testing.T) {
	other := audit.AppendLine(nil, audit.Link(2, [32]byte{1}, []byte(`{}`)))
	for _, strange := range []string{"no line of ours\n", string(other)} {
		f, dir := newFixture(t), filepath.Join(t.TempDir(), "audit")
		f.record(3)
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "2026-03-04.ndjson")
		if err := os.WriteFile(file, []byte(strange), 0o600); err != nil {
			t.Fatal(err)
		}
		f.record(1)
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
		if got := chainOf(t, dir); got != 5 {
			t.Errorf("the files end at row %d", got)
		}
	}
}
