package recorder_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/tracetest"
	"github.com/sallyport/sallyport/recorder"
)

// diskCalls are those that write, and those that wait for the disk.
var diskCalls = []string{"write", "writev", "pwrite64", "pwritev", "fsync", "fdatasync", "sync_file_range", "msync", "syncfs"}

// counted tells how often each file of some recordings was written and synced
// while f ran.
func counted(t *testing.T, folders []string, f func()) (writes, syncs map[string]int) {
	t.Helper()
	var paths []string
	for _, dir := range folders {
		paths = append(paths, under(dir, []string{"", "session.cast", "session.idx", "stdin.ndjson", "tail.enc"})...)
	}
	end := traced(t, tracetest.Fault{Calls: diskCalls, Paths: paths})
	f()
	writes, syncs = map[string]int{}, map[string]int{}
	for _, c := range end() {
		switch c.Name {
		case "write", "writev", "pwrite64", "pwritev":
			writes[c.Path]++
		default:
			syncs[c.Path]++
		}
	}
	return writes, syncs
}

// A chunk costs one write, of one file, whatever its size: no second one for
// the proof, and no wait for the disk, which is the group's.
func TestOneWriteAChunk(t *testing.T) {
	mustTrace(t)
	a := newAuditor(t)
	for name, files := range map[string]struct {
		cast, stdin string
		to          recorder.Recipients
	}{
		"plain":     {"session.cast", "stdin.ndjson", nil},
		"encrypted": {"tail.enc", "tail.enc", a.to},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *recorder.Config) { c.Recipients, c.SyncEvery = files.to, time.Millisecond })
			const sessions, chunks = 3, 40
			var live []*recorder.Recording
			var folders []string
			for range sessions {
				rec := b.start(t, false)
				check(t, rec.Stdin([]byte("x"))) // its file is there
				live, folders = append(live, rec), append(folders, b.folder(rec.Session()))
			}
			want := map[string]int{}
			writes, syncs := counted(t, folders, func() {
				for i, rec := range live {
					for n := range chunks {
						check(t, rec.Stdout(bytes.Repeat([]byte("日"), 1+n*30))) // 72 KiB in all: no block is due
						check(t, rec.Stdin([]byte("typed")))
					}
					want[filepath.Join(folders[i], files.cast)] += chunks
					want[filepath.Join(folders[i], files.stdin)] += chunks
				}
			})
			for path, n := range want {
				if writes[path] != n {
					t.Errorf("%d writes of %s for %d chunks", writes[path], filepath.Base(path), n)
				}
				delete(writes, path)
			}
			if len(writes) > 0 || len(syncs) > 0 {
				t.Errorf("and writes of %v, syncs of %v, though nobody runs the syncer", writes, syncs)
			}
			groupSync(t, b, live, folders, files.cast)
		})
	}
}

// groupSync: one turn of the syncer closes one block in each recording that
// grew and syncs each file of it once, over all sessions; one that did not
// grow costs nothing.
func groupSync(t *testing.T, b *bench, live []*recorder.Recording, folders []string, cast string) {
	turn := func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		check(t, b.Run(over)) // its last turn alone
	}
	writes, syncs := counted(t, folders, turn)
	for _, dir := range folders {
		for _, name := range []string{cast, "session.idx"} {
			if path := filepath.Join(dir, name); syncs[path] != 1 {
				t.Errorf("%d syncs of %s in a turn", syncs[path], name)
			}
		}
		if path := filepath.Join(dir, "session.idx"); writes[path] != 1 {
			t.Errorf("%d writes of the sidecar in a turn", writes[path])
		}
	}
	if writes, syncs := counted(t, folders, turn); len(writes)+len(syncs) > 0 {
		t.Errorf("nothing grew, and writes of %v, syncs of %v", writes, syncs)
	}
	check(t, live[0].Stdout([]byte("x")))
	_, syncs = counted(t, folders, turn)
	for path, n := range syncs {
		if filepath.Dir(path) != folders[0] || n != 1 {
			t.Errorf("one session grew, and %d syncs of %s", n, path)
		}
	}
}

// The syncer takes its turn every SyncEvery and no oftener, however much is
// written by however many.
func TestOneSyncAnInterval(t *testing.T) {
	mustTrace(t)
	const every = 50 * time.Millisecond
	b := newBench(t, func(c *recorder.Config) { c.SyncEvery = every })
	var live []*recorder.Recording
	var folders []string
	for range 4 {
		rec := b.start(t, true)
		live, folders = append(live, rec), append(folders, b.folder(rec.Session()))
	}
	var took time.Duration
	_, syncs := counted(t, folders, func() {
		began := time.Now()
		stop := ticking(t, b)
		for n := 0; time.Since(began) < 10*every; n++ {
			check(t, live[n%len(live)].Stdout([]byte("x")))
		}
		stop()
		took = time.Since(began)
	})
	most := int(took/every) + 1 // and the last turn
	for _, dir := range folders {
		for _, name := range []string{"session.cast", "session.idx"} {
			if n := syncs[filepath.Join(dir, name)]; n < 1 || n > most {
				t.Errorf("%d syncs of %s in %v, at most %d were due", n, name, took, most)
			}
		}
	}
}
