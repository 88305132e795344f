package recorder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// restart opens a new recorder on the same disk and index, as after a crash,
// and recovers.
func (b *bench) restart(t testing.TB) (*bench, []access.Session) {
	t.Helper()
	again := openBench(t, b.dir, b.index)
	sessions, err := again.Recover(context.Background())
	check(t, err)
	for _, s := range sessions {
		if s.State != access.SessionRecovered || b.index.sessions[s.ID].State != access.SessionRecovered {
			t.Errorf("recovered as %s, indexed as %s", s.State, b.index.sessions[s.ID].State)
		}
	}
	if more, err := again.Recover(context.Background()); err != nil || len(more) != 0 {
		t.Errorf("recovered again: %v %v", more, err)
	}
	return again, sessions
}

// crashed leaves a recording as a dead process would, and tells what was
// shown.
func (b *bench) crashed(t testing.TB, terminal bool) (dir, shown string) {
	t.Helper()
	rec := b.start(t, terminal)
	write := func(p string) {
		shown += p
		check(t, rec.Stdout([]byte(p)))
	}
	write("hello\r\n")
	write(strings.Repeat("0123456789abcdef", 20_000)) // closes a block
	check(t, rec.Resize(90, 30))
	check(t, rec.Event(recorder.Event{Kind: "exec"}))
	if !terminal {
		check(t, rec.Stderr([]byte("oops \xff\n")))
		shown += "oops \uFFFD\n"
		check(t, rec.Stdin([]byte("input\n")))
	}
	write("last line é\r\n")
	return b.folder(rec.Session()), shown
}

func TestRecoverAfterKill(t *testing.T) {
	b := newBench(t)
	dir, shown := b.crashed(t, false)
	again, sessions := b.restart(t)
	if len(sessions) != 1 {
		t.Fatalf("%d recovered", len(sessions))
	}
	if got := output(t, dir); got != shown {
		t.Errorf("%d bytes replay, %d were shown", len(got), len(shown))
	}
	v := verify(t, dir, again.Keys().Trust())
	if v.Verdict != recorder.Recovered {
		t.Errorf("%+v", v)
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if m.Recovery.Blocks != 1 || m.Blocks != 2 || len(m.Recovery.Cuts) != 0 || m.Recovery.Notes != nil {
		t.Errorf("recovery %+v, blocks %d", m.Recovery, m.Blocks)
	}
	s := sessions[0]
	// U+FFFD stands for one byte.
	if s.BytesOut != int64(len(shown)-2) || s.BytesIn != 6 || s.EndCause != access.EndCrash || s.EndedAt.Before(s.StartedAt) {
		t.Errorf("%+v", s)
	}
	if m.Counts.Resizes != 1 || m.Counts.Events != 14 {
		t.Errorf("counts %+v", m.Counts)
	}
}

// The cast may end at any byte: what is whole stays, the rest is kept beside.
func TestRecoverTornAnywhere(t *testing.T) {
	b := newBench(t)
	master, _ := b.crashed(t, false)
	for _, name := range []string{"session.cast", "session.idx", "events.ndjson", "stdin.ndjson"} {
		whole, err := os.ReadFile(filepath.Join(master, name))
		check(t, err)
		for cut := 0; cut <= len(whole); cut += 1 + len(whole)/23 {
			dir, shown := b.crashed(t, false)
			path := filepath.Join(dir, name)
			have, err := os.ReadFile(path)
			check(t, err)
			cut := min(cut, len(have))
			check(t, os.Truncate(path, int64(cut)))
			again, _ := b.restart(t)
			if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
				t.Errorf("%s cut at %d: %+v", name, cut, v)
			}
			after, err := os.ReadFile(path)
			check(t, err)
			lines := have[:bytes.LastIndexByte(have[:cut], '\n')+1]
			if name == "session.cast" && cut > 0 && len(lines) > 0 && !bytes.HasPrefix(after, lines) {
				t.Errorf("%s cut at %d: whole events are gone", name, cut)
			}
			if name != "session.cast" && output(t, dir) != shown {
				t.Errorf("%s cut at %d: the cast suffered", name, cut)
			}
			if torn := have[len(lines):cut]; name != "session.idx" && len(torn) > 0 {
				kept, err := os.ReadFile(path + ".cut-" + strconv.Itoa(len(lines)))
				if err != nil || !bytes.Equal(kept, torn) {
					t.Errorf("%s cut at %d: torn bytes are not kept: %v", name, cut, err)
				}
			}
		}
	}
}

func TestRecoverWhatIsMissing(t *testing.T) {
	cases := []struct {
		name   string
		damage func(dir string) error
		whole  bool // the output survives
	}{
		{"no sidecar", func(dir string) error { return os.Remove(filepath.Join(dir, "session.idx")) }, true},
		{"empty sidecar", func(dir string) error { return os.Truncate(filepath.Join(dir, "session.idx"), 0) }, true},
		{"a sidecar of zeros", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "session.idx"), make([]byte, 4096), 0o600)
		}, true},
		{"no cast", func(dir string) error { return os.Remove(filepath.Join(dir, "session.cast")) }, false},
		{"empty cast", func(dir string) error { return os.Truncate(filepath.Join(dir, "session.cast"), 0) }, false},
		{"empty folder", func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
		}, false},
		{"no folder", os.RemoveAll, false},
	}
	for _, known := range []bool{true, false} {
		for _, c := range cases {
			if c.name == "no folder" && !known {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				b := newBench(t)
				dir, shown := b.crashed(t, true)
				check(t, c.damage(dir))
				if !known {
					clear(b.index.sessions) // a restored database
				}
				again, sessions := b.restart(t)
				if len(sessions) != 1 || again.Folder(sessions[0].Recording) != dir {
					t.Fatalf("recovered %+v", sessions)
				}
				if got := output(t, dir); (got == shown) != c.whole {
					t.Errorf("%d bytes replay, %d were shown", len(got), len(shown))
				}
				if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
					t.Errorf("%+v", v)
				}
				if c.whole && sessions[0].Person != "alice" {
					t.Errorf("facts are lost: %+v", sessions[0])
				}
			})
		}
	}
}

// Bytes that were changed before the recovery are not made genuine by it.
func TestRecoverDoesNotLaunder(t *testing.T) {
	b := newBench(t)
	dir, _ := b.crashed(t, true)
	path := filepath.Join(dir, "session.cast")
	cast, err := os.ReadFile(path)
	check(t, err)
	i := bytes.Index(cast, []byte("hello"))
	copy(cast[i:], "jello")
	check(t, os.WriteFile(path, cast, 0o600))
	again, _ := b.restart(t)
	v := verify(t, dir, again.Keys().Trust())
	if v.Verdict != recorder.Altered || v.File != "session.cast" || v.FirstBadOffset > int64(i) {
		t.Errorf("%+v", v)
	}
	if m, err := recorder.ReadManifest(dir); err != nil || m.Recovery.Mismatch == nil {
		t.Errorf("%+v %v", m.Recovery, err)
	}
}

// A character that was cut by the crash was delivered in part: that part is
// there after the recovery, once.
func TestRecoverUnfinishedCharacter(t *testing.T) {
	for _, last := range []string{"", "\xe6", "\xe6\x97"} {
		b := newBench(t)
		rec := b.start(t, true)
		for _, p := range []string{"日", "\xe6", "\x97", "\xa5", "x\xe6\x97", "\xa5" + last} {
			check(t, rec.Stdout([]byte(p)))
		}
		check(t, rec.Stderr([]byte("e\xe6")))
		_, sessions := b.restart(t)
		dir := b.folder(sessions[0])
		want := "日日x日e" + strings.Repeat("\uFFFD", len(last)) + "\uFFFD"
		if got := output(t, dir); got != want {
			t.Errorf("%q: replays %q, want %q", last, got, want)
		}
		if n := int64(len("日日x日e") + len(last) + 1); sessions[0].BytesOut != n {
			t.Errorf("%q: %d bytes, want %d", last, sessions[0].BytesOut, n)
		}
	}
}

// The process may die between the index's commit and the manifest's file, and
// a power cut may take the file, or what is in it, until it was confirmed.
func TestRecoverFinishesManifests(t *testing.T) {
	for what, spoil := range map[string]func(path string) error{
		"nothing":      func(string) error { return nil },
		"the file":     os.Remove,
		"its contents": func(path string) error { return os.Truncate(path, 0) },
	} {
		b := newBench(t)
		rec := b.start(t, false)
		check(t, rec.Stdout([]byte("x")))
		seal(t, rec)
		dir := b.folder(rec.Session())
		check(t, spoil(filepath.Join(dir, "manifest.json")))
		again, sessions := b.restart(t)
		if len(sessions) != 0 {
			t.Errorf("without %s: recovered %+v", what, sessions)
		}
		if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Intact {
			t.Errorf("without %s: %+v", what, v)
		}
		if len(b.index.unwritten) != 0 {
			t.Errorf("without %s: the index still keeps the manifest", what)
		}
	}
}

// Whoever stops the recorder leaves the next start nothing to confirm.
func TestStopConfirmsManifests(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, false)
	seal(t, rec)
	if len(b.index.unwritten) != 1 {
		t.Errorf("the index keeps %d manifests that nobody confirmed", len(b.index.unwritten))
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, b.Run(over))
	if len(b.index.unwritten) != 0 {
		t.Error("the index still keeps the manifest")
	}
}

// A power cut may leave nothing of a session that began within the last sync
// but its row, or names of files without contents.
func TestRecoverWhatWasNeverSynced(t *testing.T) {
	for what, cut := range map[string]func(dir string) error{
		"the row": os.RemoveAll,
		"names": func(dir string) error {
			return errors.Join(os.Truncate(filepath.Join(dir, "session.cast"), 0), os.Truncate(filepath.Join(dir, "session.idx"), 0))
		},
		"the cast": func(dir string) error { return os.Remove(filepath.Join(dir, "session.idx")) },
	} {
		b := newBench(t)
		rec := b.start(t, true)
		dir := b.folder(rec.Session())
		check(t, cut(dir))
		again, sessions := b.restart(t)
		if len(sessions) != 1 || sessions[0].ID != rec.Session().ID {
			t.Errorf("only %s was left: recovered %+v", what, sessions)
		}
		if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
			t.Errorf("only %s was left: %+v", what, v)
		}
	}
}

// One recording that cannot be recovered does not keep the others from it.
func TestRecoverGoesOn(t *testing.T) {
	b := newBench(t)
	bad, _ := b.crashed(t, true)
	good, _ := b.crashed(t, true)
	check(t, os.Remove(filepath.Join(bad, "session.idx")))
	check(t, os.Mkdir(filepath.Join(bad, "session.idx"), 0o700))
	again := openBench(t, b.dir, b.index)
	sessions, err := again.Recover(context.Background())
	if err == nil || len(sessions) != 1 || again.Folder(sessions[0].Recording) != good {
		t.Errorf("recovered %d, error %v", len(sessions), err)
	}
}

// A stream beyond the limit keeps its last MiB over a crash.
func TestRecoverTail(t *testing.T) {
	limit := func(c *recorder.Config) { c.ExecLimit = 1000 }
	b := newBench(t, limit)
	rec := b.start(t, false)
	var data []byte // no part of it like another, and more than the ring holds
	for i := range 400_000 {
		data = fmt.Appendf(data, "%d\n", i)
	}
	for p := data; len(p) > 0; p = p[min(len(p), 70_001):] {
		check(t, rec.Stdin(p[:min(len(p), 70_001)]))
	}
	again, sessions := b.restart(t)
	dir := b.folder(sessions[0])
	tail, err := os.ReadFile(filepath.Join(dir, "stdin.tail"))
	check(t, err)
	if !bytes.Equal(tail, data[len(data)-1<<20:]) {
		t.Errorf("%d bytes are not the last MiB", len(tail))
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	st := m.Streams[0]
	if st.Bytes != int64(len(data)) || st.Recorded != 1000 || st.Hashed == 0 || st.SHA256 != sum(data[:st.Hashed]) {
		t.Errorf("%+v", st)
	}
	if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered || sessions[0].BytesIn != int64(len(data)) {
		t.Errorf("%+v, %d bytes in", v, sessions[0].BytesIn)
	}
}

// Power loss may take any part of what was not synced. A torn ring costs the
// tail and nothing else.
func TestRecoverTornTail(t *testing.T) {
	for name, tear := range map[string]func(path string) error{
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"short":   func(path string) error { return os.Truncate(path, 1000) },
		"zeroes":  func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"missing": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 1000 })
			rec := b.start(t, false)
			check(t, rec.Stdin(make([]byte, 100_000)))
			check(t, tear(filepath.Join(b.folder(rec.Session()), "stdin.ring")))
			again, sessions := b.restart(t)
			if len(sessions) != 1 {
				t.Fatalf("recovered %+v", sessions)
			}
			if v := verify(t, b.folder(sessions[0]), again.Keys().Trust()); v.Verdict != recorder.Recovered {
				t.Errorf("%+v", v)
			}
		})
	}
}

// Edits of a recovered recording are found like those of any other.
func TestMutationsOfRecoveredAreFound(t *testing.T) {
	b := newBench(t)
	dir, _ := b.crashed(t, false)
	check(t, os.Truncate(filepath.Join(dir, "session.cast"), int64(castSize(t, dir)-5)))
	again, _ := b.restart(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	files, err := os.ReadDir(dir)
	check(t, err)
	for i := range 120 {
		path := filepath.Join(dir, files[i%len(files)].Name())
		orig, err := os.ReadFile(path)
		check(t, err)
		changed, at, what := mutate(rnd, orig)
		if bytes.Equal(changed, orig) {
			continue
		}
		check(t, os.WriteFile(path, changed, 0o600))
		if v := verify(t, dir, again.Keys().Trust()); v.Verdict == recorder.Recovered || v.FirstBadOffset > int64(at) {
			t.Errorf("%s at %d of %s: %+v", what, at, path, v)
		}
		check(t, os.WriteFile(path, orig, 0o600))
	}
}

// A head is what the chain said at the time: kept elsewhere, it is found
// again in the sealed sidecar.
func TestHeads(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	if heads := b.Heads(); len(heads) != 0 {
		t.Errorf("%+v", heads)
	}
	check(t, rec.Stdout(bytes.Repeat([]byte("x"), 300_000)))
	heads := b.Heads()
	if len(heads) != 1 || heads[0].Block != 1 || heads[0].Session != rec.Session().ID {
		t.Fatalf("%+v", heads)
	}
	idx, err := os.ReadFile(filepath.Join(b.folder(seal(t, rec)), "session.idx"))
	check(t, err)
	if !bytes.Contains(idx, []byte(heads[0].Chain)) || len(b.Heads()) != 0 {
		t.Error("the head is not that of the sidecar")
	}
}

// A cast whose header was damaged does not keep the bastion from closing it:
// all of it is kept beside a new one.
func TestRecoverDamagedHeader(t *testing.T) {
	b := newBench(t)
	dir, _ := b.crashed(t, true)
	path := filepath.Join(dir, "session.cast")
	data, err := os.ReadFile(path)
	check(t, err)
	copy(data, make([]byte, 20)) // as after power loss
	check(t, os.WriteFile(path, data, 0o600))
	again, sessions := b.restart(t)
	if len(sessions) != 1 {
		t.Fatalf("%d recovered", len(sessions))
	}
	if kept, err := os.ReadFile(path + ".cut-0"); err != nil || !bytes.Equal(kept, data) {
		t.Errorf("%d of %d bytes were kept: %v", len(kept), len(data), err)
	}
	if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
		t.Errorf("%+v", v)
	}
	if got := output(t, dir); got != "" {
		t.Errorf("%q", got)
	}
}
