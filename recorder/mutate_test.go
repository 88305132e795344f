package recorder_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// edit changes data in one of the ways in which files are tampered with, or
// decay. Kind says which.
func edit(rnd *rand.Rand, data []byte) (out []byte, kind string) {
	at := rnd.IntN(len(data))
	n := 1 + rnd.IntN(min(64, len(data)-at))
	switch rnd.IntN(7) {
	case 0:
		out = slices.Clone(data)
		out[at] ^= 1 << rnd.IntN(8)
		return out, "a bit"
	case 1:
		out = slices.Clone(data)
		for i := range n {
			out[at+i] = byte(rnd.IntN(256))
		}
		return out, "some bytes"
	case 2:
		return slices.Delete(slices.Clone(data), at, at+n), "removed"
	case 3:
		return slices.Insert(slices.Clone(data), at, data[at:at+n]...), "repeated"
	case 4:
		return slices.Clone(data[:at]), "cut off"
	case 5:
		return append(slices.Clone(data), data[at:at+n]...), "appended"
	default:
		lines := bytes.SplitAfter(data, []byte("\n"))
		i, j := rnd.IntN(len(lines)), rnd.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return bytes.Join(lines, nil), "lines exchanged"
	}
}

// Thousands of random edits over recordings of every form: each is found, its
// first bad offset is not behind the edit, and what was not touched is intact.
func TestVerifyFindsEveryEdit(t *testing.T) {
	edits := 300 // of each recording
	if testing.Short() {
		edits = 150
	}
	if os.Getenv("SALLYPORT_SOAK") != "" {
		edits = 20_000
	}
	forms := map[string][]func(*recorder.Config){
		"plain":     {func(c *recorder.Config) { c.ExecLimit = 20_000 }},
		"encrypted": {func(c *recorder.Config) { c.ExecLimit = 20_000 }, encrypted(newAuditor(t))},
	}
	rnd := rand.New(rand.NewPCG(4, uint64(edits)))
	found := 0
	for form, change := range forms {
		for _, terminal := range []bool{true, false} {
			b := newBench(t, change...)
			rec := b.start(t, terminal)
			if terminal {
				for _, program := range []string{"vim.80x24", "htop.100x30", "tmuxcjk.80x24", "less.80x24"} {
					stream, err := os.ReadFile("../internal/vt/testdata/" + program + ".stream")
					check(t, err)
					check(t, rec.Stdout(stream))
				}
			}
			for range 40 {
				check(t, rec.Stdout([]byte("some output \xff\xfe of a host\r\nand more of it\r\n")))
				check(t, rec.Stdin(bytes.Repeat([]byte("input\n"), 200)))
			}
			check(t, rec.Transfer(access.Transfer{Action: access.FilePut, Path: "/x"}))
			check(t, rec.Resize(100, 40))
			dir := b.folder(seal(t, rec))
			trust := b.Keys().Trust()
			files := names(t, dir)
			for range edits {
				name := files[rnd.IntN(len(files))]
				path := filepath.Join(dir, name)
				data, err := os.ReadFile(path)
				check(t, err)
				if len(data) == 0 {
					continue
				}
				changed, kind := edit(rnd, data)
				if bytes.Equal(changed, data) {
					continue
				}
				check(t, os.WriteFile(path, changed, 0o600))
				v := verify(t, dir, trust)
				first := 0
				for first < min(len(data), len(changed)) && data[first] == changed[first] {
					first++
				}
				switch {
				case v.Verdict == recorder.Intact || v.Verdict == recorder.Recovered:
					t.Fatalf("%s: %s: %s at %d of %d: not found", form, name, kind, first, len(data))
				case v.File == name && v.FirstBadOffset > int64(first):
					t.Fatalf("%s: %s: %s at %d: said to be good up to %d", form, name, kind, first, v.FirstBadOffset)
				case v.File != name:
					t.Fatalf("%s: %s: %s at %d: found in %s: %s", form, name, kind, first, v.File, v.Detail)
				}
				found++
				check(t, os.WriteFile(path, data, 0o600))
			}
			for _, name := range files {
				path := filepath.Join(dir, name)
				data, err := os.ReadFile(path)
				check(t, err)
				check(t, os.Remove(path))
				if v := verify(t, dir, trust); v.Verdict != recorder.Missing {
					t.Errorf("%s: without %s: %+v", form, name, v)
				}
				check(t, os.WriteFile(path, data, 0o600))
			}
			if v := verify(t, dir, trust); v.Verdict != recorder.Intact {
				t.Errorf("%s, untouched: %+v", form, v)
			}
		}
	}
	t.Logf("%d edits, every one found", found)
}
