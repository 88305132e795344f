package recorder_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tracetest"
	"github.com/sallyport/sallyport/recorder"
)

// mustTrace ends a test where nothing can be traced. What needs no tracing is in
// failure_test.go.
func mustTrace(t *testing.T) {
	t.Helper()
	tracetest.Need(t)
	tracetest.Allow()
}

// traced has the calls of this very process fail until end is called, which
// gives what was called.
func traced(t *testing.T, f tracetest.Fault) (end func() []tracetest.Call) {
	t.Helper()
	trace, err := tracetest.Attach(os.Getpid(), filepath.Join(t.TempDir(), "strace"), f)
	check(t, err)
	end = sync.OnceValue(func() []tracetest.Call {
		calls, err := trace.End()
		check(t, err)
		return calls
	})
	t.Cleanup(func() { end() })
	return end
}

// ticking runs a recorder whose syncer never stands still.
func ticking(t *testing.T, b *bench) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = b.Run(ctx) })
	stop = func() { cancel(); run.Wait() }
	t.Cleanup(stop)
	return stop
}

// fault is one way in which the disk fails a recording that is live.
type fault struct {
	name  string
	calls []string
	err   string
	files []string // in the recording's folder; "" is the folder
	crypt bool
	want  recorder.Failure
}

// liveFaults fail a session while it runs.
var liveFaults = []fault{
	{"write", []string{"write"}, "EIO", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtWrite, Cause: recorder.CauseIO}},
	{"write, no room", []string{"write"}, "ENOSPC", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtWrite, Cause: recorder.CauseFull}},
	{"read-only", []string{"write", "ftruncate", "openat", "renameat"}, "EROFS", []string{"", "session.cast", "session.idx", "manifest.json.tmp"}, false, recorder.Failure{At: recorder.AtWrite, Cause: recorder.CauseReadOnly}},
	{"fsync", []string{"fsync"}, "EIO", []string{"session.cast"}, false, recorder.Failure{At: recorder.AtSync, Cause: recorder.CauseIO}},
	{"fsync, no room", []string{"fsync"}, "ENOSPC", []string{"session.idx"}, false, recorder.Failure{At: recorder.AtSync, Cause: recorder.CauseFull}},
	{"write, encrypted", []string{"write"}, "EIO", []string{"tail.enc"}, true, recorder.Failure{At: recorder.AtWrite, Cause: recorder.CauseIO}},
	{"fsync, encrypted", []string{"fsync"}, "EIO", []string{"tail.enc"}, true, recorder.Failure{At: recorder.AtSync, Cause: recorder.CauseIO}},
	{"read-only, encrypted", []string{"write", "ftruncate", "openat", "renameat"}, "EROFS", []string{"", "tail.enc", "session.idx"}, true, recorder.Failure{At: recorder.AtWrite, Cause: recorder.CauseReadOnly}},
}

// The disk fails a live session: it ends, or goes on with a marked gap; what
// was shown is in the recording, and it is sealed once the disk is well again.
// A file whose fsync failed is written anew before that.
func TestLiveFaults(t *testing.T) {
	mustTrace(t)
	a := newAuditor(t)
	for _, f := range liveFaults {
		for _, on := range []recorder.OnFailure{recorder.Terminate, recorder.Warn} {
			t.Run(f.name+", "+string(on), func(t *testing.T) { liveFault(t, f, on, a) })
		}
	}
}

func liveFault(t *testing.T, f fault, on recorder.OnFailure, a auditor) {
	b := newBench(t, func(c *recorder.Config) {
		c.OnFailure, c.SyncEvery = on, 5*time.Millisecond
		if f.crypt {
			c.Recipients = a.to
		}
	})
	stop := ticking(t, b)
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	var shown strings.Builder
	// write delivers what was recorded; under Warn what was not as well.
	write := func(p string) {
		if err := rec.Stdout([]byte(p)); err != nil {
			var line *access.Error
			if !errors.As(err, &line) || line.Reason != access.ReasonRecording || line.ID != string(rec.Session().ID) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if on == recorder.Terminate || !isClosed(rec.Failed()) {
			shown.WriteString(p)
		}
	}
	write("before\r\n")
	end := traced(t, tracetest.Fault{Calls: f.calls, Err: f.err, Paths: under(dir, f.files)})
	write("during\r\n")
	await(t, "the failure", rec.Failed())
	health, err := b.Health()
	check(t, err)
	if slices.Contains(f.files, "session.idx") && f.want.At == recorder.AtWrite {
		health.Failed[f.want] += health.Failed[recorder.Failure{At: recorder.AtSync, Cause: f.want.Cause}] // whose block may be first
	}
	if health.Failed[f.want] != 1 {
		t.Errorf("failed: %v, want %v", health.Failed, f.want)
	}
	if strings.HasPrefix(f.name, "read-only") && on == recorder.Terminate { // and so it cannot be sealed
		if _, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit}); err == nil {
			t.Error("sealed on a read-only disk")
		}
		if health, err := b.Health(); err != nil || health.Unsealed != 1 {
			t.Errorf("health %+v, %v", health, err)
		}
	}
	failed := end()
	seen := traced(t, tracetest.Fault{Calls: []string{"fsync", "renameat"}, Paths: under(dir, append([]string{f.files[0] + ".tmp"}, f.files...))})
	if on == recorder.Warn {
		awaitSo(t, "an end of the gap", func() bool {
			write("lost\r\n")
			health, err := b.Health()
			check(t, err)
			return health.Gaps > 0
		})
		shown.WriteString("after\r\n")
		check(t, rec.Stdout([]byte("after\r\n")))
	}
	awaitSo(t, "a seal", func() bool {
		_, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit})
		return err == nil
	})
	stop()
	if f.want.At == recorder.AtSync {
		syncedOnce(t, failed, seen(), filepath.Join(dir, f.files[0]))
	}
	sound(t, b, dir, shown.String(), f.crypt, on, a)
}

// sound holds a sealed recording to what was shown.
func sound(t *testing.T, b *bench, dir, shown string, crypt bool, on recorder.OnFailure, a auditor) {
	t.Helper()
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v: %v", v, names(t, dir))
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if m.Failure == "" || (len(m.Gaps) > 0) != (on == recorder.Warn) {
		t.Errorf("failure %q, gaps %+v", m.Failure, m.Gaps)
	}
	if crypt {
		dir = decrypt(t, dir, a)
	}
	got := output(t, dir)
	if on == recorder.Warn { // and what was written in spite of all
		got = strings.ReplaceAll(strings.Replace(got, "during\r\n", "", 1), "lost\r\n", "")
		shown = strings.Replace(shown, "during\r\n", "", 1)
	}
	if got != shown {
		t.Errorf("replays %q, shown %q", got, shown)
	}
}

// syncedOnce: who was told that an fsync failed does not ask again, but writes
// the file anew, and syncs that.
func syncedOnce(t *testing.T, failed, seen []tracetest.Call, path string) {
	t.Helper()
	if len(failed) != 1 {
		t.Errorf("%d fsyncs while the disk failed: %v", len(failed), failed)
	}
	for _, c := range seen {
		switch {
		case c.Name == "fsync" && c.Path == path:
			t.Errorf("synced after an fsync had failed: %v", seen)
			return
		case c.Name == "renameat":
			return // it is another file from here on
		}
	}
	t.Errorf("not written anew: %v", seen)
}

func under(dir string, files []string) (paths []string) {
	for _, f := range files {
		paths = append(paths, filepath.Join(dir, f))
	}
	return paths
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitSo looks until it is so.
func awaitSo(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("waited for %s in vain", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
