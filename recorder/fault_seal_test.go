package recorder_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tracetest"
	"github.com/sallyport/sallyport/recorder"
)

// sealFaults fail a recording while it is being closed.
var sealFaults = []fault{
	{"the last block", []string{"write"}, "EIO", []string{"session.idx"}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"fsync of the cast", []string{"fsync"}, "EIO", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"fsync of the folder", []string{"fsync"}, "ENOSPC", []string{""}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseFull}},
	{"the manifest's file", []string{"openat"}, "ENOSPC", []string{"manifest.json.tmp"}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseFull}},
	{"the manifest's bytes", []string{"write"}, "EIO", []string{"manifest.json.tmp"}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"the manifest's name", []string{"renameat"}, "EROFS", []string{"manifest.json.tmp"}, false, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseReadOnly}},
	{"the tail's name", []string{"renameat"}, "EIO", []string{"tail.enc"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"reading the tail", []string{"read"}, "EIO", []string{"0001.tail.enc"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"a segment's file", []string{"openat"}, "ENOSPC", []string{"0001.cast.zst.age.tmp"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseFull}},
	{"a segment's bytes", []string{"write"}, "EIO", []string{"0001.cast.zst.age.tmp"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"fsync of a segment", []string{"fsync"}, "EIO", []string{"0001.cast.zst.age.tmp"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"a segment's name", []string{"renameat"}, "EIO", []string{"0001.cast.zst.age.tmp"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"the block about segments", []string{"fsync"}, "EIO", []string{"session.idx"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
	{"the tail's end", []string{"unlinkat"}, "EIO", []string{"0001.tail.enc"}, true, recorder.Failure{At: recorder.AtSeal, Cause: recorder.CauseIO}},
}

// What fails while a recording is closed leaves it open, and said so. It is
// sealed once the disk is well again, by the next try or by the next start.
func TestSealFaults(t *testing.T) {
	mustTrace(t)
	a := newAuditor(t)
	for _, f := range sealFaults {
		for _, then := range []string{"again", "restart"} {
			t.Run(f.name+", "+then, func(t *testing.T) { sealFault(t, f, then == "restart", a) })
		}
	}
}

func sealFault(t *testing.T, f fault, restart bool, a auditor) {
	b := newBench(t, func(c *recorder.Config) {
		if f.crypt {
			c.Recipients = a.to
		}
	})
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("shown \xe6")))
	end := traced(t, tracetest.Fault{Calls: f.calls, Err: f.err, Paths: under(dir, f.files)})
	_, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit})
	if err == nil {
		t.Fatalf("sealed: %v", end())
	}
	health, err := b.Health()
	check(t, err)
	if health.Failed[f.want] != 1 || health.Unsealed != 1 {
		t.Errorf("health %+v, want %v", health, f.want)
	}
	if b.index.written != nil && b.index.state(rec.Session().ID) != access.SessionLive && !strings.HasPrefix(f.name, "the manifest") {
		t.Error("the index has it as sealed")
	}
	end()
	verdict := recorder.Intact
	if restart {
		if b.index.state(rec.Session().ID) == access.SessionLive {
			verdict = recorder.Recovered
		}
		b, _ = b.restart(t)
	} else {
		seal(t, rec)
		if health, err := b.Health(); err != nil || health.Unsealed != 0 {
			t.Errorf("health %+v, %v", health, err)
		}
	}
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != verdict {
		t.Errorf("%+v, want %s: %v", v, verdict, names(t, dir))
	}
	if f.crypt {
		dir = decrypt(t, dir, a)
	}
	if got := output(t, dir); got != "shown \uFFFD" {
		t.Errorf("replays %q", got)
	}
}

// A manifest is not taken for safe when its fsync fails: the index keeps it,
// and the next start writes it anew.
func TestManifestFault(t *testing.T) {
	mustTrace(t)
	b := newBench(t)
	rec := b.start(t, true)
	check(t, rec.Stdout([]byte("shown")))
	seal(t, rec)
	dir := b.folder(rec.Session())
	end := traced(t, tracetest.Fault{Calls: []string{"fsync"}, Err: "EIO", Paths: under(dir, []string{"manifest.json"})})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, b.Run(over))
	if calls := end(); len(calls) != 1 || len(b.index.unwritten) != 1 {
		t.Errorf("the index keeps %d manifests after %v", len(b.index.unwritten), calls)
	}
	before, err := os.Stat(filepath.Join(dir, "manifest.json"))
	check(t, err)
	b, _ = b.restart(t)
	after, err := os.Stat(filepath.Join(dir, "manifest.json"))
	check(t, err)
	if os.SameFile(before, after) || len(b.index.unwritten) != 0 {
		t.Error("the manifest was not written anew")
	}
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
}

// segmentFaults fail the segments of a live encrypted recording.
var segmentFaults = []fault{
	{name: "a segment's file", calls: []string{"openat"}, err: "ENOSPC", files: []string{"0001.cast.zst.age.tmp"}},
	{name: "a segment's bytes", calls: []string{"write"}, err: "EIO", files: []string{"0001.cast.zst.age.tmp"}},
	{name: "fsync of a segment", calls: []string{"fsync"}, err: "EIO", files: []string{"0001.cast.zst.age.tmp"}},
	{name: "a segment's name", calls: []string{"renameat"}, err: "EROFS", files: []string{"0001.cast.zst.age.tmp"}},
	{name: "the tail's end", calls: []string{"unlinkat"}, err: "EIO", files: []string{"0001.tail.enc"}},
}

// A segment that cannot be made holds up nothing: its tail stays, the session
// goes on, and the segment is made when it can be.
func TestSegmentFaults(t *testing.T) {
	mustTrace(t)
	a := newAuditor(t)
	for _, f := range segmentFaults {
		t.Run(f.name, func(t *testing.T) { segmentFault(t, f, a) })
	}
}

func segmentFault(t *testing.T, f fault, a auditor) {
	var late atomic.Int64 // by which the clock is
	b := newBench(t, func(c *recorder.Config) {
		c.Recipients, c.SyncEvery = a.to, 5*time.Millisecond
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	stop := ticking(t, b)
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("before\r\n")))
	end := traced(t, tracetest.Fault{Calls: f.calls, Err: f.err, Paths: under(dir, f.files)})
	late.Store(int64(20 * time.Minute)) // the tail is due
	awaitSo(t, "the end of the tail", func() bool {
		_, err := os.Stat(filepath.Join(dir, "0001.tail.enc"))
		return err == nil
	})
	check(t, rec.Stdout([]byte("during\r\n")))
	stop() // when it has tried at least once more
	if calls := end(); len(calls) == 0 {
		t.Fatal("nothing failed")
	}
	if isClosed(rec.Failed()) {
		t.Errorf("the recording failed: %v", rec.Err())
	}
	if _, err := os.Stat(filepath.Join(dir, "0001.tail.enc")); err != nil {
		t.Errorf("the tail is gone: %v", err)
	}
	ticking(t, b)
	awaitSo(t, "the segment", func() bool {
		_, err := os.Stat(filepath.Join(dir, "0001.tail.enc"))
		return os.IsNotExist(err)
	})
	check(t, rec.Stdout([]byte("after\r\n")))
	seal(t, rec)
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v: %v", v, names(t, dir))
	}
	if got := output(t, decrypt(t, dir, a)); got != "before\r\nduring\r\nafter\r\n" {
		t.Errorf("replays %q", got)
	}
}

// No recording, no bytes: where nothing can be made, the session is refused,
// and nothing is left behind.
func TestStartFaults(t *testing.T) {
	mustTrace(t)
	a := newAuditor(t)
	for _, f := range []fault{
		{"the folder", []string{"mkdirat"}, "EROFS", []string{""}, false, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseReadOnly}},
		{"the cast", []string{"openat"}, "EIO", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseIO}},
		{"the sidecar", []string{"write"}, "ENOSPC", []string{"session.idx"}, false, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseFull}},
		{"the header", []string{"write"}, "EIO", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseIO}},
		{"the key", []string{"fsync"}, "EIO", []string{"key.age.tmp"}, true, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseIO}},
		{"the tail", []string{"write"}, "EROFS", []string{"tail.enc"}, true, recorder.Failure{At: recorder.AtStart, Cause: recorder.CauseReadOnly}},
	} {
		t.Run(f.name, func(t *testing.T) {
			b := newBench(t, func(c *recorder.Config) {
				if f.crypt {
					c.Recipients = a.to
				}
			})
			s := session(true)
			s.StartedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			dir := filepath.Join(b.dir, "recordings", "2026", "01", "02", string(s.ID))
			end := traced(t, tracetest.Fault{Calls: f.calls, Err: f.err, Paths: under(dir, f.files)})
			if rec, err := b.Start(context.Background(), s, recorder.Shape{}); err == nil || rec != nil {
				t.Errorf("started after %v", end())
			}
			health, err := b.Health()
			check(t, err)
			if health.Failed[f.want] != 1 {
				t.Errorf("failed: %v, want %v", health.Failed, f.want)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("left behind: %v, %v", err, names(t, dir))
			}
			end()
			b.start(t, true)
		})
	}
}
