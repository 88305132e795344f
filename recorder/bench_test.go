package recorder_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

var samples = map[string][]byte{
	"ascii":  bytes.Repeat([]byte("-rw-r--r-- 1 root root 12345 Jan  1 00:00 some-file.txt\r\n"), 600)[:32<<10],
	"log":    bytes.Repeat([]byte("2026-01-02T03:04:05.123456Z app[17]: GET /things/4711?of=\"deadbeef\" took 12ms\r\n"), 600)[:32<<10],
	"colour": bytes.Repeat([]byte("\x1b[32m+ added\x1b[0m \x1b[1;31m- gone\x1b[m\r\n"), 1000)[:32<<10],
	"short":  bytes.Repeat([]byte("y\r\n"), 11000)[:32<<10],
	"cjk":    bytes.Repeat([]byte("日本語のテキスト、端末。\r\n"), 1000)[:32<<10],
	"binary": func() []byte {
		p := make([]byte, 32<<10)
		for i := range p {
			p[i] = byte(i * i * 7 >> 3)
		}
		return p
	}(),
}

// running is a bench whose syncer runs.
func running(b *testing.B) *bench {
	x := newBench(b)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = x.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	return x
}

// BenchmarkWrite is the cost of output in chunks of 32 KiB, with chain,
// digests, write(2) and the syncer beside it.
func BenchmarkWrite(b *testing.B) {
	for _, name := range []string{"ascii", "colour", "short", "cjk", "binary"} {
		b.Run(name, func(b *testing.B) {
			rec := running(b).start(b, true)
			p := samples[name]
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				check(b, rec.Stdout(p))
			}
			seal(b, rec)
		})
	}
}

// BenchmarkKeystroke is the cost of one echoed character.
func BenchmarkKeystroke(b *testing.B) {
	rec := running(b).start(b, true)
	p := []byte("x")
	b.ReportAllocs()
	for b.Loop() {
		check(b, rec.Stdout(p))
	}
	seal(b, rec)
}

// BenchmarkBulk is the cost of a stream beyond the limit.
func BenchmarkBulk(b *testing.B) {
	x := newBench(b, func(c *recorder.Config) { c.ExecLimit = 1 })
	rec := x.start(b, false)
	p := samples["binary"]
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		check(b, rec.Stdin(p))
	}
	seal(b, rec)
}

// BenchmarkSession is the cost of opening and sealing a recording.
func BenchmarkSession(b *testing.B) {
	x := newBench(b)
	for b.Loop() {
		seal(b, x.start(b, true))
	}
}

func sampleRecording(b *testing.B) (dir string, size int64, trust recorder.Trust) {
	x := newBench(b)
	rec := x.start(b, true)
	for i := range 1000 {
		check(b, rec.Stdout(samples[[]string{"ascii", "colour", "cjk"}[i%3]]))
	}
	dir = x.folder(seal(b, rec))
	fi, err := os.Stat(filepath.Join(dir, "session.cast"))
	check(b, err)
	return dir, fi.Size(), x.Keys().Trust()
}

func BenchmarkVerify(b *testing.B) {
	dir, size, trust := sampleRecording(b)
	b.SetBytes(size)
	for b.Loop() {
		if v := verify(b, dir, trust); v.Verdict != recorder.Intact {
			b.Fatal(v)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dir, size, _ := sampleRecording(b)
	r, err := recorder.Open(dir)
	check(b, err)
	defer r.Close()
	b.SetBytes(size)
	for b.Loop() {
		for _, err := range r.Events() {
			check(b, err)
		}
	}
}

// A keystroke costs no allocation, and an idle recording little memory.
func TestCostOfBeingIdle(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	key := []byte("x")
	if n := testing.AllocsPerRun(1000, func() { check(t, rec.Stdout(key)) }); n > 0.1 && !raceDetector {
		t.Errorf("%v allocations per keystroke", n)
	}
	seal(t, rec)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 200
	before := heap()
	var live []*recorder.Recording
	for range n {
		rec := b.start(t, false)
		check(t, rec.Stdout(samples["binary"]))
		check(t, rec.Stdin(samples["binary"]))
		live = append(live, rec)
	}
	if each := int64(heap()-before) / n; each > 16<<10 {
		t.Errorf("an idle recording holds %d bytes", each)
	} else {
		t.Logf("an idle recording holds %d bytes", each)
	}
	runtime.KeepAlive(live)
}

// BenchmarkVerifyTree verifies a directory of 2,000 recordings (SALLYPORT_SESSIONS
// says another number, SALLYPORT_SOAK 100,000) against an audit chain with ten
// heads of each. It reports how many a second, when the first verdict is there,
// and what of memory is in use at the last one, for each recording.
func BenchmarkVerifyTree(b *testing.B) {
	sessions := 2000
	if os.Getenv("SALLYPORT_SOAK") != "" {
		sessions = 100_000
	}
	if n, err := strconv.Atoi(os.Getenv("SALLYPORT_SESSIONS")); err == nil {
		sessions = n
	}
	x := newBench(b)
	trust := x.Keys().Trust()
	var anchors recorder.Anchors
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for range sessions {
		rec := x.start(b, true)
		check(b, rec.Stdout(samples["ascii"][:1000]))
		s := seal(b, rec)
		for block := range 10 {
			anchors.Take("recording.head", s.ID, map[string]string{"block": strconv.Itoa(block + 1), "head": strings.Repeat("ab", 32)})
		}
		manifest, err := os.ReadFile(filepath.Join(x.folder(s), "manifest.json"))
		check(b, err)
		anchors.Take("session.ended", s.ID, map[string]string{"manifest": fmt.Sprintf("%x", sha256.Sum256(manifest))})
	}
	anchors.Take("server.stopped", "", nil)
	before := heap()
	for b.Loop() {
		began := time.Now()
		n := 0
		check(b, recorder.VerifyTree(filepath.Join(x.dir, "recordings"), trust, &anchors, func(v recorder.Verification) error {
			if n++; n == 1 {
				b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms-first")
			}
			if n == sessions {
				b.ReportMetric(float64(heap()-before)/float64(sessions), "B/recording")
			}
			if v.Verdict != recorder.Intact {
				b.Fatal(v)
			}
			return nil
		}))
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "recordings/s")
	}
	runtime.KeepAlive(&anchors)
}
