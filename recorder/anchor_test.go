package recorder_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

func head(h recorder.Head) map[string]string {
	return map[string]string{"head": h.Chain, "block": strconv.FormatUint(h.Block, 10)}
}

// crashedWithHeads leaves a recording of many blocks, and the heads that were
// anchored meanwhile.
func (b *bench) crashedWithHeads(t *testing.T, blocks int) (s access.Session, heads []recorder.Head) {
	t.Helper()
	rec := b.start(t, true)
	for range blocks {
		check(t, rec.Stdout(bytes.Repeat([]byte("0123456789abcdef"), 20_000))) // closes a block
		heads = append(heads, b.Heads()...)
	}
	if len(heads) != blocks || heads[blocks-1].Block != uint64(blocks) {
		t.Fatalf("%d heads of %d blocks", len(heads), blocks)
	}
	return rec.Session(), heads
}

// What the audit chain anchors of a recording that a crash cut short is held
// against it: up to the last head that holds it is genuine, and where one does
// not hold, the first bad offset is not behind what the one before it proves.
func TestAnchoredHeads(t *testing.T) {
	b := newBench(t)
	s, heads := b.crashedWithHeads(t, 200)
	again, _ := b.restart(t)
	trust := again.Keys().Trust()
	data, err := os.ReadFile(filepath.Join(b.folder(s), "manifest.json"))
	check(t, err)
	ended := map[string]string{"manifest": fmt.Sprintf("%x", sha256.Sum256(data))}
	against := func(change func(i int, h *recorder.Head), kinds ...string) recorder.Verification {
		t.Helper()
		var a recorder.Anchors
		for i, h := range heads {
			change(i, &h)
			a.Take("recording.head", s.ID, head(h))
		}
		for _, kind := range kinds {
			a.Take(kind, s.ID, ended)
		}
		a.Take("session.opened", "", nil)
		v, err := recorder.VerifyAnchored(b.folder(s), trust, &a)
		check(t, err)
		return v
	}
	as := func(int, *recorder.Head) {}
	after := func(n int) func(int, *recorder.Head) {
		return func(i int, h *recorder.Head) {
			if i >= n {
				h.Chain = strings.Repeat("0", 64)
			}
		}
	}
	if v := against(as, "session.ended", "recording.recovered"); v.Verdict != recorder.Recovered || !strings.Contains(v.Detail, "genuine up to block 200,") {
		t.Errorf("as it was: %+v", v)
	}
	idx, err := os.ReadFile(filepath.Join(b.folder(s), "session.idx"))
	check(t, err)
	endOf := func(block int) int64 { // of its line
		at := bytes.Index(idx, []byte(fmt.Sprintf(`{"block":%d,`, block+1)))
		return int64(at)
	}
	for _, bad := range []int{1, 100, 199} {
		v := against(after(bad), "session.ended", "recording.recovered")
		if v.Verdict != recorder.Altered || v.File != "session.idx" || v.FirstBadOffset > endOf(bad) || v.FirstBadOffset < endOf(bad-7) {
			t.Errorf("other heads after %d: %+v; its block ends at %d", bad, v, endOf(bad))
		}
	}
	longer := func(i int, h *recorder.Head) {
		if i == 199 {
			h.Block = 999
		}
	}
	if v := against(longer, "session.ended", "recording.recovered"); v.Verdict != recorder.Truncated {
		t.Errorf("a block more: %+v", v)
	}
	// One that was sealed in order is proved by its manifest alone.
	if v := against(after(0), "session.ended"); v.Verdict != recorder.Recovered {
		t.Errorf("sealed: %+v", v)
	}
	ended["manifest"] = strings.Repeat("0", 64)
	if v := against(as, "session.ended"); v.Verdict != recorder.Altered || v.File != "manifest.json" {
		t.Errorf("another manifest: %+v", v)
	}
	if v := against(after(0), "recording.adopted"); v.Verdict != recorder.Altered {
		t.Errorf("adopted: %+v", v)
	}
}

// What is kept of the audit chain does not grow with how long sessions were:
// a hundred bytes for each that was sealed, the last heads of the others.
func TestAnchorsAreSmall(t *testing.T) {
	sessions := 20_000
	if os.Getenv("SALLYPORT_SOAK") != "" {
		sessions = 1_000_000
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var a recorder.Anchors
	before := heap()
	feed := func(n int, kinds ...string) {
		digest := map[string]string{"manifest": strings.Repeat("ab", 32)}
		for i := range n {
			id := access.SessionID(ulid.MustNew(uint64(time.Now().UnixMilli()), bytes.NewReader(fmt.Appendf(nil, "%02d%08d", len(kinds), i))).String())
			for block := range 70 {
				a.Take("recording.head", id, map[string]string{"head": strings.Repeat("cd", 32), "block": strconv.Itoa(block + 1)})
			}
			for _, kind := range kinds {
				a.Take(kind, id, digest)
			}
		}
		a.Take("server.stopped", "", nil)
	}
	feed(sessions, "session.ended")
	if each := (heap() - before) / int64(sessions); each > 160 {
		t.Errorf("%d bytes for each sealed session", each)
	} else {
		t.Logf("%d bytes for each of %d sealed sessions", each, sessions)
	}
	before = heap()
	feed(500, "session.ended", "recording.recovered")
	if each := (heap() - before) / 500; each < 1000 || each > 6000 {
		t.Errorf("%d bytes for each recovered session", each)
	}
	runtime.KeepAlive(&a)
}
