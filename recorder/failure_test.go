package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// failWrites makes every write beyond size bytes of any file fail, possibly
// after a part of it, until the returned function is called.
func failWrites(t *testing.T, size int) (end func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: old.Max}))
	done := false
	end = func() {
		if !done {
			done = true
			check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
			signal.Reset(syscall.SIGXFSZ)
		}
	}
	t.Cleanup(end)
	return end
}

func castSize(t *testing.T, dir string) int {
	t.Helper()
	fi, err := os.Stat(filepath.Join(dir, "session.cast"))
	check(t, err)
	return int(fi.Size())
}

// A recording that cannot be written ends the session: the error sticks, is
// told to the person, and what was recorded before it stays whole.
func TestTerminateOnFailure(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("before \xe6")))
	end := failWrites(t, castSize(t, dir)+20)
	err := rec.Stdout([]byte(strings.Repeat("lost ", 100)))
	var shown *access.Error
	if !errors.As(err, &shown) || shown.Reason != access.ReasonRecording || shown.Class != access.Failed {
		t.Fatalf("error %v", err)
	}
	if shown.ID != string(rec.Session().ID) || strings.Contains(shown.Line(), "limit") {
		t.Errorf("line %q", shown.Line())
	}
	select {
	case <-rec.Failed():
	default:
		t.Error("Failed is not closed")
	}
	end()
	for _, write := range []func() error{
		func() error { return rec.Stdout([]byte("x")) },
		func() error { return rec.Resize(1, 2) },
		func() error { return rec.Marker("x") },
		func() error { return rec.Event(recorder.Event{Kind: "x"}) },
	} {
		if err := write(); !errors.Is(err, rec.Err()) {
			t.Errorf("after the failure: %v", err)
		}
	}
	seal(t, rec)
	if got := output(t, dir); got != "before \uFFFD" {
		t.Errorf("replays %q", got)
	}
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
	if m, err := recorder.ReadManifest(dir); err != nil || m.Failure == "" {
		t.Errorf("the manifest tells of no failure: %v", err)
	}
}

// Under warn the session goes on, and the gap is marked in cast and manifest.
func TestWarnOnFailure(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := newBench(t, func(c *recorder.Config) {
		c.OnFailure = recorder.Warn
		c.Now = func() time.Time { return now }
	})
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("before")))
	end := failWrites(t, castSize(t, dir)+20)
	check(t, rec.Stdout([]byte(strings.Repeat("lost\xff", 20))))
	select {
	case <-rec.Failed():
	default:
		t.Error("Failed is not closed")
	}
	now = now.Add(3 * time.Second)
	check(t, rec.Stdout([]byte("lost"))) // tries, and fails again
	check(t, rec.Resize(90, 30))
	end()
	check(t, rec.Stdout([]byte("lost"))) // too early to try again
	now = now.Add(3 * time.Second)
	check(t, rec.Stdout([]byte("after")))
	seal(t, rec)
	if got := output(t, dir); got != "beforeafter" {
		t.Errorf("replays %q", got)
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if len(m.Gaps) != 1 || m.Gaps[0].Bytes != 108 || m.Gaps[0].From != 0 || m.Gaps[0].To != 6e6 {
		t.Errorf("gaps %+v", m.Gaps)
	}
	v := verify(t, dir, b.Keys().Trust())
	if v.Verdict != recorder.Intact || !strings.Contains(v.Detail, "108 bytes were not recorded") {
		t.Errorf("%+v", v)
	}
	r, err := recorder.Open(dir)
	check(t, err)
	defer r.Close()
	marked := false
	for ev, err := range r.Events() {
		check(t, err)
		marked = marked || ev.Code == recorder.CodeMarker && strings.HasPrefix(ev.Data, "not recorded: 108 bytes")
	}
	if !marked {
		t.Error("the gap is not marked")
	}
	// The notes about lost bytes do not spoil the sidecar.
	exact(t, dir, "stdout", []byte("beforeafter"))
}

// No recording, no bytes: Start fails closed, leaves nothing behind, and says
// so in a line for the person.
func TestStartRefuses(t *testing.T) {
	b := newBench(t)
	cases := map[string]func(s *access.Session){
		"index": func(*access.Session) { b.index.fail = errors.New("database is gone") },
		"id":    func(s *access.Session) { s.ID = "../../etc" },
		"disk":  func(*access.Session) {},
	}
	full := openBench(t, b.dir, b.index, func(c *recorder.Config) { c.MinFree = math.MaxInt64 })
	for name, breakIt := range cases {
		s := session(true)
		breakIt(&s)
		r := map[bool]*bench{false: b, true: full}[name == "disk"]
		rec, err := r.Start(context.Background(), s, recorder.Shape{})
		var shown *access.Error
		if rec != nil || !errors.As(err, &shown) || shown.Reason != access.ReasonRecording {
			t.Errorf("%s: %v", name, err)
		}
		b.index.fail = nil
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "recordings", "*", "*", "*", "*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// The index may be unable to seal for a while: the recording waits, and a
// second call finishes it.
func TestSealAgain(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	check(t, rec.Stdout([]byte("x")))
	b.index.fail = errors.New("database is locked")
	if _, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit}); err == nil {
		t.Fatal("sealed")
	}
	b.index.fail = nil
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	s, err := rec.Seal(cancelled, recorder.End{Cause: "another"})
	check(t, err)
	if s.EndCause != access.EndExit || s.State != access.SessionSealed {
		t.Errorf("%+v", s)
	}
	if v := verify(t, b.folder(s), b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
	seal(t, rec) // once more does no harm
	if b.index.seq != 1 {
		t.Errorf("%d seals", b.index.seq)
	}
}

// What could not be sealed is sealed by the background, and a failure of the
// background is told at once.
func TestBackground(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.SyncEvery = time.Millisecond })
	rec := b.start(t, true)
	check(t, rec.Stdout([]byte("x")))
	b.index.fail = errors.New("database is locked")
	if _, err := rec.Seal(context.Background(), recorder.End{Cause: access.EndExit}); err == nil {
		t.Fatal("sealed")
	}
	b.index.fail = nil // nobody else is using it yet
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = b.Run(ctx) })
	defer run.Wait()
	defer cancel()
	await(t, "a seal by the background", b.index.written)
	if b.index.state(rec.Session().ID) != access.SessionSealed {
		t.Error("the index was not told")
	}
	rec = b.start(t, true)
	for range 30 { // unfinished characters make the sidecar the longer file
		for _, p := range []string{"\xe6", "\x97", "\xa5"} {
			check(t, rec.Stdout([]byte(p)))
		}
	}
	fi, err := os.Stat(filepath.Join(b.folder(rec.Session()), "session.idx"))
	check(t, err)
	failWrites(t, int(fi.Size())+50) // enough for an event, not for a block
	_ = rec.Stdout([]byte("x"))      // fails only if the sync came first
	await(t, "the failure of a sync", rec.Failed())
}

func await[T any](t *testing.T, what string, c <-chan T) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("waited for %s in vain", what)
	}
}

// When the disk fills, the reserve lets the live session be recorded to its
// end, and no new one begins.
func TestReserveOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("no tmpfs to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	b := openBench(t, dir, newIndex(), func(c *recorder.Config) { c.Reserve, c.MinFree = 2<<20, 1<<20 })
	rec := b.start(t, true)
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	check(t, err)
	for err == nil {
		_, err = ballast.Write(make([]byte, 64<<10))
	}
	check(t, ballast.Close())
	if _, err := b.Start(context.Background(), session(true), recorder.Shape{}); err == nil {
		t.Error("a session began on a full disk")
	}
	var shown strings.Builder
	for range 50 {
		p := strings.Repeat("still recorded\r\n", 1000)
		shown.WriteString(p)
		check(t, rec.Stdout([]byte(p)))
	}
	s := seal(t, rec)
	if got := output(t, b.folder(s)); got != shown.String() {
		t.Errorf("%d bytes replay, %d were shown", len(got), shown.Len())
	}
	if v := verify(t, b.folder(s), b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
	// Beyond the reserve it ends, with what was shown so far whole.
	check(t, os.Remove(filepath.Join(dir, "ballast")))
	rec2 := b.start(t, true)
	n := 0
	for err = nil; err == nil; n++ {
		err = rec2.Stdout([]byte(strings.Repeat("x", 10_000)))
	}
	if got := output(t, b.folder(rec2.Session())); len(got) != (n-1)*10_000 {
		t.Errorf("%d bytes replay, %d were shown", len(got), (n-1)*10_000)
	}
}

// A folder that is removed or moved away under a live recording is noticed by
// the next sync, although every write succeeds. What was shown so far is
// written anew from what the kernel still has, in a folder made again.
func TestFolderVanishes(t *testing.T) {
	a := newAuditor(t)
	for name, vanish := range map[string]func(dir string) error{
		"removed":          os.RemoveAll,
		"moved":            func(dir string) error { return os.Rename(dir, dir+".away") },
		"with its parents": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "..", "..", "..")) },
		"another's": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "session.idx"), nil, 0o600))
		},
	} {
		for _, crypt := range []bool{false, true} {
			for _, on := range []recorder.OnFailure{recorder.Terminate, recorder.Warn} {
				t.Run(fmt.Sprintf("%s, encrypted %v, %s", name, crypt, on), func(t *testing.T) {
					t.Parallel()
					folderVanishes(t, vanish, crypt, on, a)
				})
			}
		}
	}
}

func folderVanishes(t *testing.T, vanish func(string) error, crypt bool, on recorder.OnFailure, a auditor) {
	b := newBench(t, func(c *recorder.Config) {
		c.OnFailure, c.SyncEvery = on, 5*time.Millisecond
		if crypt {
			c.Recipients = a.to
		}
	})
	ticking(t, b)
	rec := b.start(t, true)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("before\r\n")))
	check(t, vanish(dir))
	want := "before\r\n"
	if rec.Stdout([]byte("during\r\n")) == nil && on == recorder.Terminate { // else it is noticed already
		want += "during\r\n"
	}
	await(t, "the failure", rec.Failed())
	health, err := b.Health()
	check(t, err)
	if health.Failed[recorder.Failure{At: recorder.AtSync, Cause: recorder.CauseGone}] != 1 {
		t.Errorf("failed: %v", health.Failed)
	}
	if on == recorder.Warn {
		awaitSo(t, "the folder", func() bool {
			check(t, rec.Stdout(nil)) // tries again now and then
			_, err := os.Stat(filepath.Join(dir, "session.idx"))
			health, herr := b.Health()
			return err == nil && herr == nil && health.Gaps > 0
		})
		check(t, rec.Stdout([]byte("after\r\n")))
		want += "after\r\n"
	}
	seal(t, rec)
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v: %v", v, names(t, dir))
	}
	if crypt {
		dir = decrypt(t, dir, a)
	}
	got := output(t, dir)
	if on == recorder.Warn { // it may have passed unrecorded
		got = strings.Replace(got, "during\r\n", "", 1)
	}
	if got != want {
		t.Errorf("replays %q, shown %q", got, want)
	}
}
