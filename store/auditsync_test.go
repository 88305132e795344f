package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sallyport/sallyport/internal/tracetest"
)

// A sync of an audit file that failed is not asked again: what it was to sync
// is written once more, before the cursor moves.
func TestAuditFileWhoseSyncFailed(t *testing.T) {
	tracetest.Need(t)
	tracetest.Allow()
	f, dir := newFixture(t), filepath.Join(t.TempDir(), "audit")
	export := func() error {
		_, err := f.ExportAudit(t.Context(), dir, quiet)
		return err
	}
	f.record(3)
	if err := export(); err != nil {
		t.Fatal(err)
	}
	f.record(2)
	file := filepath.Join(dir, f.now.UTC().Format("2006-01-02")+".ndjson")
	trace := func(fault tracetest.Fault, during func()) []tracetest.Call {
		t.Helper()
		fault.Paths = []string{file}
		trace, err := tracetest.Attach(os.Getpid(), filepath.Join(t.TempDir(), "strace"), fault)
		if err != nil {
			t.Fatal(err)
		}
		during()
		calls, err := trace.End()
		if err != nil {
			t.Fatal(err)
		}
		return calls
	}
	trace(tracetest.Fault{Calls: []string{"fsync"}, Err: "EIO"}, func() {
		if err := export(); err == nil {
			t.Error("exported, though the sync failed")
		}
	})
	calls := trace(tracetest.Fault{Calls: []string{"pwrite64", "fsync"}}, func() {
		if err := export(); err != nil {
			t.Error(err)
		}
	})
	if len(calls) != 2 || calls[0].Name != "pwrite64" || calls[1].Name != "fsync" {
		t.Errorf("not written once more: %v", calls)
	}
	if got := chainOf(t, dir); got != 5 {
		t.Errorf("the file ends at row %d", got)
	}
	// And that is over then.
	f.record(1)
	if err := export(); err != nil {
		t.Fatal(err)
	}
	if got := chainOf(t, dir); got != 6 {
		t.Errorf("the file ends at row %d", got)
	}
}
