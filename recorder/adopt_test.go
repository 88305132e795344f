package recorder_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// contents are the files of a folder, by name.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	all := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		all[e.Name()] = string(data)
	}
	return all
}

func unchanged(t testing.TB, dir string, before map[string]string) {
	t.Helper()
	after := contents(t, dir)
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
	for name, data := range before {
		if after[name] != data {
			t.Errorf("%s was changed", name)
		}
	}
}

// The backup was taken while one session was live and before another began;
// both ended after it. What was signed stays as it is, and the sequence goes
// on after it.
func TestRestoreAdoptsWhatIsSealed(t *testing.T) {
	b := newBench(t)
	live := b.start(t, true)
	check(t, live.Stdout([]byte("hello\r\n")))
	backup := b.index.backup()
	later := b.start(t, false)
	check(t, later.Stdout([]byte("data")))
	check(t, later.Transfer(access.Transfer{Action: "put", Path: "/x", Bytes: 4}))
	first, second := seal(t, live), seal(t, later)
	before := map[access.SessionID]map[string]string{}
	for _, s := range []access.Session{first, second} {
		before[s.ID] = contents(t, b.folder(s))
	}

	b.index = backup
	again, recovered := b.restart(t)
	if len(recovered) != 0 {
		t.Errorf("recovered %v", recovered)
	}
	for _, s := range []access.Session{first, second} {
		unchanged(t, again.folder(s), before[s.ID])
		got := backup.sessions[s.ID]
		if got.State != access.SessionSealed || got.EndCause != access.EndExit || got.Recording != s.Recording || !got.EndedAt.Equal(s.EndedAt.Truncate(time.Microsecond)) {
			t.Errorf("indexed as %+v", got)
		}
		if v := verify(t, again.folder(s), again.Keys().Trust()); v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
	}
	if len(backup.transfers) != 1 || backup.transfers[0].Session != second.ID {
		t.Errorf("the ledger of files has %+v", backup.transfers)
	}
	next := seal(t, again.start(t, true))
	m, err := recorder.ReadManifest(again.folder(next))
	check(t, err)
	if m.Sequence != 3 || m.Previous != sum([]byte(before[second.ID]["manifest.json"])) {
		t.Errorf("sequence %d after %s", m.Sequence, m.Previous)
	}
	check(t, recorder.VerifyTree(filepath.Join(b.dir, "recordings"), again.Keys().Trust(), nil, func(v recorder.Verification) error {
		if v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
		return nil
	}))
}

// The restored index gave a sequence to another recording before this one was
// back in its place. Both stay as they were signed.
func TestRestoreKeepsBothOfOnePlace(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	backup := b.index.backup()
	old := seal(t, rec)
	dir := b.folder(old)
	before := contents(t, dir)
	away := filepath.Join(b.dir, "away")
	check(t, os.Rename(dir, away))

	delete(backup.sessions, old.ID)
	b.index = backup
	again, _ := b.restart(t)
	other := seal(t, again.start(t, true))
	check(t, os.Rename(away, dir))
	b.restart(t)
	unchanged(t, dir, before)
	if backup.clashes[old.ID] != other.ID || backup.state(old.ID) != access.SessionSealed {
		t.Errorf("clashes %v, state %s", backup.clashes, backup.state(old.ID))
	}
}

// Nothing is signed over a manifest that cannot be relied upon.
func TestRestoreSignsNothingOverAnUntrustedManifest(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	check(t, rec.Stdout([]byte("hello\r\n")))
	backup := b.index.backup()
	s := seal(t, rec)
	manifest := filepath.Join(b.folder(s), "manifest.json")
	data, err := os.ReadFile(manifest)
	check(t, err)
	data[len(data)/2] ^= 1
	check(t, os.WriteFile(manifest, data, 0o600))
	before := contents(t, b.folder(s))

	b.index = backup
	again, recovered := b.restart(t)
	if len(recovered) != 0 || backup.state(s.ID) != access.SessionRecovered || backup.seq != 0 {
		t.Errorf("recovered %v, indexed as %s, sequence %d", recovered, backup.state(s.ID), backup.seq)
	}
	unchanged(t, again.folder(s), before)
	if v := verify(t, again.folder(s), again.Keys().Trust()); v.Verdict != recorder.Altered {
		t.Errorf("%+v", v)
	}
}
