package recorder_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/recorder"
)

// powered is a recording on a disk that loses power: what it was when it was
// last synced, and so is safe.
type powered struct {
	*bench
	rec   *recorder.Recording
	rnd   *rand.Rand
	dir   string
	shown strings.Builder
	safe  string           // what was shown by the last sync
	sizes map[string]int64 // of the files at the last sync
}

// live records a while, and syncs now and then, at least once.
func (p *powered) live(t *testing.T) {
	t.Helper()
	p.sync(t)
	steps := 1 + p.rnd.IntN(40)
	large := p.rnd.IntN(6) == 0
	for range steps {
		text := strings.Repeat("日本語 text \x1b[1m\"quoted\"\r\n", 1+p.rnd.IntN(400))
		if large {
			text = strings.Repeat(text, 1+p.rnd.IntN(30)) // closes blocks, and ends tails
		}
		check(t, p.rec.Stdout([]byte(text)))
		p.shown.WriteString(text)
		switch p.rnd.IntN(6) {
		case 0:
			p.sync(t)
		case 1:
			check(t, p.rec.Stdin([]byte("typed\n")))
		case 2:
			check(t, p.rec.Event(recorder.Event{Kind: "exec"}))
		}
	}
}

func (p *powered) sync(t *testing.T) {
	t.Helper()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	check(t, p.Run(over))
	p.safe, p.sizes = p.shown.String(), p.now(t)
}

func (p *powered) now(t *testing.T) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	for _, name := range names(t, p.dir) {
		info, err := os.Stat(filepath.Join(p.dir, name))
		check(t, err)
		sizes[name] = info.Size()
	}
	return sizes
}

// cut has the power fail: of each file what was synced stays, and any part of
// what came after it, or zeros in its place. Files may be missing that were
// made since, and have their old names.
func (p *powered) cut(t *testing.T) {
	t.Helper()
	for name, size := range p.now(t) {
		path := filepath.Join(p.dir, name)
		safe, known := p.sizes[name]
		if !known {
			if before, ok := p.sizes["tail.enc"]; ok && strings.HasSuffix(name, ".tail.enc") && name == p.first(t) {
				safe, known = before, true // it was tail.enc when it was synced
			}
		}
		if strings.HasSuffix(name, ".ring") {
			safe = 0 // written in place
		}
		if !known && p.rnd.IntN(2) == 0 {
			check(t, os.Remove(path))
			continue
		}
		if size == safe {
			continue
		}
		left := safe + p.rnd.Int64N(size-safe+1)
		check(t, os.Truncate(path, left))
		if p.rnd.IntN(3) == 0 {
			check(t, os.Truncate(path, size)) // zeros
		}
	}
}

// first is the first tail that ended since the last sync.
func (p *powered) first(t *testing.T) string {
	t.Helper()
	for _, name := range names(t, p.dir) { // by name
		if _, known := p.sizes[name]; !known && strings.HasSuffix(name, ".tail.enc") {
			return name
		}
	}
	return ""
}

// Power fails between two syncs, simulated: what was shown by the last one is
// there after the next start, plain or encrypted, and nothing is found to be
// altered.
func TestPowerCut(t *testing.T) {
	runs := 40
	if testing.Short() {
		runs = 12
	}
	if os.Getenv("SALLYPORT_SOAK") != "" {
		runs = 1500
	}
	a := newAuditor(t)
	lost := 0
	for run := range runs {
		rnd := rand.New(rand.NewPCG(uint64(run), 12))
		crypt := run%2 == 1
		b := newBench(t, func(c *recorder.Config) {
			c.ExecLimit = 1 << 30
			if crypt {
				c.Recipients = a.to
			}
		})
		p := &powered{bench: b, rec: b.start(t, run%4 < 2), rnd: rnd}
		p.dir = b.folder(p.rec.Session())
		p.live(t)
		p.cut(t)
		again, sessions := b.restart(t)
		if len(sessions) != 1 {
			t.Fatalf("run %d: recovered %v", run, sessions)
		}
		if v := verify(t, p.dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
			t.Errorf("run %d: %+v: %v", run, v, names(t, p.dir))
		}
		dir := p.dir
		if crypt {
			dir = t.TempDir()
			if err := recorder.Decrypt(p.dir, a.ids, dir); err != nil && !errors.Is(err, recorder.ErrBrokenOff) { // as it does at zeros
				t.Fatalf("run %d: %v", run, err)
			}
		}
		var got bytes.Buffer
		if err := recorder.CopyOutput(&got, dir); err != nil || !strings.HasPrefix(got.String(), p.safe) {
			t.Errorf("run %d: %d bytes were shown by the last sync, the recording has %d and not the same: %v", run, len(p.safe), got.Len(), err)
		}
		if !strings.HasPrefix(p.shown.String(), got.String()) {
			t.Errorf("run %d: it has what was never shown", run)
		}
		if got.Len() < p.shown.Len() {
			lost++
		}
		check(t, os.RemoveAll(b.dir))
	}
	t.Logf("%d power cuts, %d of which took something that was not synced", runs, lost)
}
