package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

var quiet = slog.New(slog.DiscardHandler)

func (f *fixture) record(n int) {
	f.t.Helper()
	for range n {
		if err := f.Record(f.t.Context(), audit.Event{Kind: audit.AuthFailed, Actor: audit.ActorSystem}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestAuditTableIsAppendOnly(t *testing.T) {
	f := newFixture(t)
	f.record(2)
	for _, q := range []string{`UPDATE audit SET kind = 'x'`, `DELETE FROM audit`} {
		if err := f.Exec(t.Context(), q); err == nil {
			t.Errorf("%s went through", q)
		}
	}
}

func TestTamperingWithTheTableShows(t *testing.T) {
	f := newFixture(t)
	f.record(5)
	f.Close()
	db := sqlite(t, f.path)
	for _, q := range []string{`DROP TRIGGER audit_no_update`, `UPDATE audit SET stored = CAST(replace(CAST(stored AS TEXT), 'system', 'nobody') AS BLOB) WHERE seq = 3`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	f.Store = nil
	f.reopen()
	var broken *audit.Broken
	if _, _, err := f.VerifyAudit(t.Context()); !errors.As(err, &broken) || broken.Seq != 3 {
		t.Errorf("got %v", err)
	}
}

// chainOf reads the files of dir as an auditor would: in order, verified.
func chainOf(t *testing.T, dir string) int64 {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var v audit.Verifier
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			r, err := audit.ParseLine(line)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Check(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return v.Seq
}

func TestAuditFilesFollowTheChain(t *testing.T) {
	f, dir := newFixture(t), filepath.Join(t.TempDir(), "audit")
	export := func(want int64) {
		t.Helper()
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
		if got := chainOf(t, dir); got != want {
			t.Fatalf("the files end at row %d, want %d", got, want)
		}
	}
	f.record(3)
	export(3)
	f.now = f.now.Add(24 * time.Hour)
	f.record(3)
	export(6)
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 || filepath.Base(names[0]) != "2026-03-04.ndjson" {
		t.Errorf("files: %v", names)
	}

	// A crash after the append and before the cursor moved.
	if err := f.ForgetAuditCursor(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	export(6)

	// A crash in the middle of a line.
	file := filepath.Join(dir, "2026-03-05.ndjson")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()-10); err != nil {
		t.Fatal(err)
	}
	if err := f.ForgetAuditCursor(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	f.record(1)
	export(7)
}

func TestAuditFileWithLongLines(t *testing.T) {
	f, dir := newFixture(t), t.TempDir()
	for range 3 {
		detail := map[string]string{}
		for i := range 100 {
			detail[string(rune('a'+i%26))+string(rune('a'+i/26))] = string(bytes.Repeat([]byte("x"), 2000))
		}
		f.write(func(tx *store.Tx) error { return tx.Record(audit.Event{Kind: audit.PolicyRefused, Detail: detail}) })
		if _, err := f.ExportAudit(t.Context(), dir, quiet); err != nil {
			t.Fatal(err)
		}
		if err := f.ForgetAuditCursor(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := chainOf(t, dir); got != 3 {
		t.Errorf("ends at %d", got)
	}
}

func TestFollowAuditAppendsWhatIsLeftAtTheEnd(t *testing.T) {
	f, dir := newFixture(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.FollowAudit(ctx, dir, quiet) }()
	f.record(10)
	cancel()
	<-done
	if got := chainOf(t, dir); got != 10 {
		t.Errorf("the files end at row %d, want 10", got)
	}
}
