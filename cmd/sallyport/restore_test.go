package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// A backup that was taken while a session was live is restored as the
// documents say. All that was signed stays as it is and is found again, and no
// line of the audit files is lost.
func TestRestoreOfABackup(t *testing.T) {
	p := newPlace(t)
	p.record(1)
	backup := filepath.Join(t.TempDir(), "backup.db")
	var files string
	err := p.start(func(h *house) {
		rec, err := h.recorder.Start(t.Context(), access.Session{ID: access.SessionID(ulid.Make().String()), Person: "alice",
			Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: true}, recorder.Shape{Cols: 80, Rows: 24})
		if err != nil {
			t.Fatal(err)
		}
		db := must(sql.Open("sqlite3", p.config.database()))
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `VACUUM INTO ?`, backup); err != nil {
			t.Fatal(err)
		}
		if err := rec.Stdout([]byte("hello\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.store.ExportAudit(t.Context(), p.config.auditDir(), h.log); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.record(1)
	before := p.sessions()
	for _, name := range must(filepath.Glob(filepath.Join(p.config.auditDir(), "*.ndjson"))) {
		files += string(must(os.ReadFile(name)))
	}

	p.loseDatabase()
	write(t, p.config.database(), string(must(os.ReadFile(backup))))
	kinds := map[audit.Kind]int{}
	err = p.start(func(h *house) {
		if _, err := h.store.ExportAudit(t.Context(), p.config.auditDir(), h.log); err != nil {
			t.Fatal(err)
		}
		for _, r := range must(h.store.Audit(t.Context(), 0, 0)) {
			kinds[must(r.Event()).Kind]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if kinds[audit.RecordingAdopted] != 2 || kinds[audit.AuditSetAside] != 1 || kinds[audit.RecordingRecovered] != 0 {
		t.Errorf("events: %v", kinds)
	}
	after := p.sessions()
	if len(before) != 3 || len(after) != 3 {
		t.Fatalf("%d sessions, there were %d", len(after), len(before))
	}
	for i := range after {
		if after[i].ID != before[i].ID || after[i].State != access.SessionSealed || after[i].EndCause != access.EndExit {
			t.Errorf("%+v", after[i])
		}
	}
	p.record(1)
	trust := must(recorder.ReadTrust(p.config.keys()))
	err = recorder.VerifyTree(p.config.recordings(), trust, nil, func(v recorder.Verification) error {
		if v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	var kept string
	for _, name := range must(filepath.Glob(filepath.Join(p.config.auditDir(), "*.ndjson*"))) {
		kept += string(must(os.ReadFile(name)))
	}
	for line := range strings.Lines(files) {
		if !strings.Contains(kept, line) {
			t.Errorf("lost: %s", line)
		}
	}
}
