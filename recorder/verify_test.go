package recorder_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

func verify(t testing.TB, dir string, trust recorder.Trust) recorder.Verification {
	t.Helper()
	v, err := recorder.Verify(dir, trust)
	check(t, err)
	return v
}

// busy makes a sealed recording with all kinds of files; its cast has several
// blocks.
func (b *bench) busy(t testing.TB, seed uint64) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	rec := b.start(t, false)
	for range 60 {
		p := make([]byte, rnd.IntN(20_000))
		for i := range p {
			p[i] = "abcdefgh \n\xff\xe6\x97\xa5"[rnd.IntN(14)]
		}
		check(t, rec.Stdout(p))
		check(t, rec.Stderr(p[:len(p)/10]))
		check(t, rec.Stdin(p[:len(p)/3]))
		check(t, rec.Event(recorder.Event{Kind: "exec", Command: "make"}))
	}
	check(t, rec.Resize(100, 40))
	return b.folder(seal(t, rec))
}

func TestVerifyIntact(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 300_000 })
	for seed := range uint64(5) {
		dir := b.busy(t, seed)
		if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact || v.FirstBadOffset != -1 {
			t.Errorf("%+v", v)
		}
	}
	n := 0
	check(t, recorder.VerifyTree(filepath.Join(b.dir, "recordings"), b.Keys().Trust(), nil, func(v recorder.Verification) error {
		n++
		if v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
		return nil
	}))
	if n != 5 {
		t.Errorf("%d results", n)
	}
	// On a copy, with an exported trust file, and without the cache.
	data, err := b.Keys().ExportTrust()
	check(t, err)
	trust, err := recorder.ParseTrust(data)
	check(t, err)
	dir := b.busy(t, 9)
	copied := filepath.Join(t.TempDir(), filepath.Base(dir))
	check(t, os.CopyFS(copied, os.DirFS(dir)))
	check(t, os.WriteFile(filepath.Join(copied, "session.kf"), []byte("cache"), 0o600))
	if v := verify(t, copied, trust); v.Verdict != recorder.Intact {
		t.Errorf("copy: %+v", v)
	}
}

// One changed, removed, inserted or reordered byte of a sealed recording is
// found, and no byte before the reported offset is a changed one.
func TestMutationsAreFound(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 700_000 })
	dir, trust := b.busy(t, 1), b.Keys().Trust()
	rnd := rand.New(rand.NewPCG(2, 3))
	files, err := os.ReadDir(dir)
	check(t, err)
	verdicts := map[recorder.Verdict]int{}
	for i := range 600 {
		name := files[i%len(files)].Name()
		path := filepath.Join(dir, name)
		orig, err := os.ReadFile(path)
		check(t, err)
		changed, at, what := mutate(rnd, orig)
		if bytes.Equal(changed, orig) {
			continue
		}
		check(t, os.WriteFile(path, changed, 0o600))
		v := verify(t, dir, trust)
		verdicts[v.Verdict]++
		if v.Verdict == recorder.Intact || v.Verdict == recorder.Recovered {
			t.Errorf("%s at %d of %s: %+v", what, at, name, v)
		}
		if v.File != name || v.FirstBadOffset > int64(at) {
			t.Errorf("%s at %d of %s: reported %s at %d: %s", what, at, name, v.File, v.FirstBadOffset, v.Detail)
		}
		if name == "session.cast" && what == "change" && int64(at)-v.FirstBadOffset > 600_000 {
			t.Errorf("%s at %d of %s: reported at %d, which is far", what, at, name, v.FirstBadOffset)
		}
		check(t, os.WriteFile(path, orig, 0o600))
		if v := verify(t, dir, trust); i%20 == 0 && v.Verdict != recorder.Intact {
			t.Fatalf("put back: %+v", v)
		}
	}
	t.Log(verdicts)
}

// mutate changes data somewhere; at is the first byte that differs.
func mutate(rnd *rand.Rand, orig []byte) (changed []byte, at int, what string) {
	at = rnd.IntN(len(orig))
	p := bytes.Clone(orig)
	switch what = []string{"change", "remove", "insert", "swap", "truncate", "append"}[rnd.IntN(6)]; what {
	case "change":
		p[at] ^= byte(1 + rnd.IntN(255))
	case "remove":
		p = append(p[:at], p[at+1:]...)
	case "insert":
		p = append(p[:at], append([]byte{byte(rnd.IntN(256))}, orig[at:]...)...)
	case "swap":
		other := rnd.IntN(len(orig))
		p[at], p[other] = p[other], p[at]
	case "truncate":
		p = p[:at]
	case "append":
		p = append(p, '\n')
	}
	for at = 0; at < min(len(p), len(orig)) && p[at] == orig[at]; at++ {
	}
	return p, at, what
}

func TestVerdicts(t *testing.T) {
	b := newBench(t)
	other := newBench(t)
	cases := []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   recorder.Verdict
	}{
		{"cast gone", func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "session.cast"))) }, recorder.Missing},
		{"manifest gone", func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, "manifest.json"))) }, recorder.Missing},
		{"all gone", func(t *testing.T, dir string) { check(t, os.RemoveAll(dir)) }, recorder.Missing},
		{"cast cut short", func(t *testing.T, dir string) { check(t, os.Truncate(filepath.Join(dir, "session.cast"), 700)) }, recorder.Truncated},
		{"sidecar cut short", func(t *testing.T, dir string) { check(t, os.Truncate(filepath.Join(dir, "session.idx"), 700)) }, recorder.Truncated},
		{"a file too many", func(t *testing.T, dir string) {
			check(t, os.WriteFile(filepath.Join(dir, "stdout.tail"), []byte("x"), 0o600))
		}, recorder.Altered},
		{"a link", func(t *testing.T, dir string) {
			cast := filepath.Join(dir, "session.cast")
			check(t, os.Rename(cast, filepath.Join(dir, "other")))
			check(t, os.Symlink("other", cast))
		}, recorder.Altered},
		{"signed by another", func(t *testing.T, dir string) {
			check(t, os.RemoveAll(dir))
			check(t, os.CopyFS(dir, os.DirFS(other.busy(t, 1))))
		}, recorder.Altered},
		{"another's folder", func(t *testing.T, dir string) {
			check(t, os.RemoveAll(dir))
			check(t, os.CopyFS(dir, os.DirFS(b.busy(t, 2))))
		}, recorder.Altered},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := b.busy(t, 7)
			c.damage(t, dir)
			if v := verify(t, dir, b.Keys().Trust()); v.Verdict != c.want {
				t.Errorf("%+v, want %s", v, c.want)
			}
		})
	}
	rec := b.start(t, true)
	if v := verify(t, b.folder(rec.Session()), b.Keys().Trust()); v.Verdict != recorder.Missing {
		t.Errorf("live: %+v", v)
	}
}

// A recording that vanished as a whole leaves a gap in the sequence.
func TestVerifyTreeFindsRemovedRecordings(t *testing.T) {
	b := newBench(t)
	var dirs []string
	for i := range uint64(4) {
		dirs = append(dirs, b.busy(t, i))
	}
	check(t, os.RemoveAll(dirs[1]))
	var got []string
	check(t, recorder.VerifyTree(filepath.Join(b.dir, "recordings"), b.Keys().Trust(), nil, func(v recorder.Verification) error {
		got = append(got, fmt.Sprintf("%s %s", v.Verdict, v.Detail))
		return nil
	}))
	if len(got) != 4 || !strings.Contains(got[3], "missing bastion-1: no recording of sequence 2 to 2") {
		t.Errorf("%q", got)
	}
}

// Many that end at once, with a key that changes under them, leave one
// sequence without gap or fork.
func TestManyEndAtOnce(t *testing.T) {
	b := newBench(t)
	before := b.Keys().Trust()
	var live []*recorder.Recording
	for range 60 {
		live = append(live, b.start(t, true))
	}
	var ends sync.WaitGroup
	for i, rec := range live {
		ends.Go(func() {
			if i == 30 {
				if err := b.Keys().Rotate(time.Now()); err != nil {
					t.Error(err)
				}
			}
			if _, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
				t.Error(err)
			}
		})
	}
	ends.Wait()
	n := 0
	check(t, recorder.VerifyTree(filepath.Join(b.dir, "recordings"), before, nil, func(v recorder.Verification) error {
		if n++; v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
		return nil
	}))
	if n != 60 {
		t.Errorf("%d recordings", n)
	}
}

// A new key is endorsed by the old one; old recordings stay verifiable.
func TestKeyRotation(t *testing.T) {
	b := newBench(t)
	before := b.Keys().Trust()
	old := b.busy(t, 1)
	check(t, b.Keys().Rotate(time.Now()))
	again := openBench(t, b.dir, b.index)
	if again.Keys().ID() != b.Keys().ID() || len(before) != 1 {
		t.Fatal("the newest key does not sign after a restart")
	}
	fresh := again.busy(t, 2)
	// The manifest brings the chain from the key that is trusted.
	if v := verify(t, fresh, before); v.Verdict != recorder.Intact || len(before) != 1 {
		t.Errorf("%+v, trusting %d", v, len(before))
	}
	if v := verify(t, fresh, newBench(t).Keys().Trust()); v.Verdict != recorder.Altered {
		t.Errorf("a key nobody trusts: %+v", v)
	}
	if n := before.Endorse(again.Keys().Public()); n != 1 {
		t.Fatalf("%d keys endorsed", n)
	}
	for _, dir := range []string{old, fresh} {
		if v := verify(t, dir, before); v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
	}
	forged := newBench(t).Keys().Public()
	forged[0].SignedBy = again.Keys().ID()
	// A manifest of a stranger's key that claims to be endorsed.
	stranger := newBench(t)
	check(t, stranger.Keys().Rotate(time.Now()))
	if v := verify(t, stranger.busy(t, 3), before); v.Verdict != recorder.Altered {
		t.Errorf("a stranger's chain: %+v", v)
	}
	if n := before.Endorse(forged); n != 0 {
		t.Error("a key without a signature was endorsed")
	}
	fi, err := os.Stat(filepath.Join(b.dir, "keys", "recording-"+again.Keys().ID()))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("private key: %v %v", fi, err)
	}
}
