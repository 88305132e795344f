package recorder_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// Any bytes come back from the line that the writer makes of them, and
// encoding/json reads the same text there.
func FuzzText(f *testing.F) {
	f.Add([]byte(strings.Join(pieces, "")), []byte("plain text of a screen\r\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		p := slices.Concat(a, b)
		text, originals, invalid := recorder.AppendText(nil, p, nil)
		line := slices.Concat([]byte(`[1.000002, "o", "`), text, []byte(`"]`))
		at, code, got, err := recorder.ParseLine(line, nil)
		if err != nil || at != time.Second+2*time.Microsecond || code != 'o' {
			t.Fatalf("%q: %v %c %v", p, at, code, err)
		}
		var event []any
		check(t, json.Unmarshal(line, &event))
		if want := string([]rune(string(p))); string(got) != want || event[2] != want {
			t.Fatalf("%q reads as %q, in JSON as %q", p, got, event[2])
		}
		back, lost := []byte(nil), 0
		for i, part := range bytes.Split(got, []byte("\uFFFD")) {
			if i > 0 && originals[i-1] == 0 {
				back = append(back, "\uFFFD"...)
			} else if i > 0 {
				back, lost = append(back, originals[i-1]), lost+1
			}
			back = append(back, part...)
		}
		if !bytes.Equal(back, p) || lost != invalid {
			t.Fatalf("%q is put back as %q", p, back)
		}
	})
}

// Where both take a line of a cast, our parser and encoding/json agree.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		`[0.5, "o", "a\u00e9\ud83d\ude00\n"]`, `[12.345678, "r", "80x24"]`, `[1e3,"o","x"]`, `[3, "m", "\/\b\f\t"]`,
		`[0.0000000001, "o", ""]`, `[1.5, "o", "\ud800"]`, `[ 1 , "o" , "x" ]`, `[1, "o", "a", 4]`, `[01.5, "o", "a"]`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		at, code, text, err := recorder.ParseLine(line, nil)
		var event [3]any
		if json.Unmarshal(line, &event) != nil || err != nil || !utf8.Valid(line) {
			return
		}
		seconds, isTime := event[0].(float64)
		name, _ := event[1].(string)
		want, _ := event[2].(string)
		if !isTime || name != string(rune(code)) || want != string(text) {
			t.Fatalf("%q: %c %q, in JSON %q", line, code, text, event)
		}
		if off := at.Seconds() - seconds; at < 0 || off > 1e-6 || off < -1e-6 {
			t.Fatalf("%q: at %v", line, at)
		}
	})
}

// Whatever a cast holds, reading it ends, its events lie one behind the other,
// and one goes on from where each said.
func FuzzCast(f *testing.F) { // slow
	b := newBench(f)
	dir, _ := b.crashed(f, false)
	cast, err := os.ReadFile(filepath.Join(dir, "session.cast"))
	check(f, err)
	header, _, _ := bytes.Cut(cast, []byte("\n"))
	header = append(header, '\n')
	f.Add(header, []byte(`[0.1, "o", "a"]`+"\n"+`[0.2, "o", "b"]`+"\n"), uint32(100_000))
	f.Add(header, []byte("[0.1, \"o\"\n\n\x00\n[9.9, \"m\", \"x\"]\n[1"), uint32(0))
	f.Add([]byte("{\"version\": 2}\n"), []byte("[5]\n[1.0, \"i\", \"\\"), uint32(7))
	path := filepath.Join(f.TempDir(), "session.cast")
	f.Fuzz(func(t *testing.T, head, body []byte, at uint32) {
		data := slices.Concat(head, body)
		check(t, os.WriteFile(path, data, 0o600))
		r, err := recorder.Open(path)
		if err != nil {
			return
		}
		defer r.Close()
		last := int64(0)
		for e, err := range r.Events() {
			var bad *recorder.LineError
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			if e.Offset < last || e.Next <= e.Offset || e.Next > int64(len(data)) || e.At < 0 {
				t.Fatalf("%q: an event at %d to %d, after %d", data, e.Offset, e.Next, last)
			}
			last = e.Next
		}
		if _, err := r.Duration(); err != nil {
			t.Fatal(err)
		}
		offset, err := r.Seek(time.Duration(at) * time.Microsecond)
		if err != nil || offset < 0 || offset > int64(len(data)) {
			t.Fatalf("%q: %v is at %d: %v", data, at, offset, err)
		}
	})
}

// A sidecar is good up to some line, and no further than it is long; its notes
// are in order.
func FuzzSidecar(f *testing.F) {
	b := newBench(f)
	for _, terminal := range []bool{true, false} {
		dir, _ := b.crashed(f, terminal)
		idx, err := os.ReadFile(filepath.Join(dir, "session.idx"))
		check(f, err)
		f.Add(idx, []byte(`{"void":12}`+"\n"+`{"carry":3,"stream":"stdout","bytes":"5g=="}`+"\n"))
		f.Add(idx[:len(idx)-9], []byte(nil))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		data := slices.Concat(a, b)
		good, _, err := recorder.Scanned(data)
		if err != nil || good < 0 || good > int64(len(data)) || good > 0 && data[good-1] != '\n' {
			t.Fatalf("%q: good up to %d: %v", data, good, err)
		}
	})
}

// A ring, covered or not, gives a piece of what is there or an error.
func FuzzRing(f *testing.F) {
	key, err := aes.NewCipher(make([]byte, 32))
	check(f, err)
	f.Add([]byte("00000000000000000005 00000000000000000009\nabcd"))
	f.Add([]byte("-9223372036854775808 09223372036854775807\nabcd"))
	f.Add([]byte("00000000000000000000 00000000000000000004 000102030405060708090a0b0c0d0e0f\nabcd"))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := func(data []byte) {
			if kept, from, to, err := recorder.ParseRing(data); err == nil && (from < 0 || to-from != int64(len(kept)) || len(kept) > 1<<20) {
				t.Fatalf("%q: %d bytes from %d to %d", data, len(kept), from, to)
			}
		}
		whole(data)
		if plain, err := recorder.Uncover(data, key); err == nil {
			if len(plain) > len(data) {
				t.Fatalf("%d bytes of %d", len(plain), len(data))
			}
			whole(plain)
		}
	})
}

// A tail is whole up to some frame.
func FuzzFrames(f *testing.F) {
	b := newBench(f, encrypted(newAuditor(f)))
	dir, _ := b.crashed(f, false)
	tail, err := os.ReadFile(filepath.Join(dir, "tail.enc"))
	check(f, err)
	f.Add(tail[:4000], uint16(0))
	f.Add(tail[:28], uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		data = data[:max(0, len(data)-int(cut))]
		if good, err := recorder.WholeFrames(data); err == nil && (good < 0 || good > int64(len(data))) {
			t.Fatalf("whole up to %d of %d", good, len(data))
		}
	})
}

// sample is a folder whose files are kept in memory, to be written anew,
// damaged, at each turn.
type sample struct {
	names []string
	data  map[string][]byte
}

func sampleOf(t testing.TB, dir string) sample {
	t.Helper()
	s := sample{names(t, dir), map[string][]byte{}}
	for _, name := range s.names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		s.data[name] = data
	}
	return s
}

// damaged writes the folder with one file changed: from at on, cut bytes are
// replaced by put. It tells whether that made a difference.
func (s sample) damaged(t testing.TB, dir string, which uint8, at uint32, cut uint16, put []byte) (changed bool) {
	t.Helper()
	check(t, os.RemoveAll(dir))
	check(t, os.MkdirAll(dir, 0o700))
	victim := s.names[int(which)%len(s.names)]
	for _, name := range s.names {
		data := s.data[name]
		if name == victim {
			i := int(at) % (len(data) + 1)
			j := min(len(data), i+int(cut))
			data = slices.Concat(data[:i], put, data[j:])
			changed = !bytes.Equal(data, s.data[name])
		}
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return changed
}

func addDamage(f *testing.F) {
	for which := range uint8(9) {
		f.Add(which, uint32(0), uint16(0), []byte(nil))
		f.Add(which, uint32(40), uint16(1), []byte("x"))
		f.Add(which, uint32(1000), uint16(7), []byte("\n"))
	}
}

// Verify finds any damage to a sealed recording, and takes none for a fault of
// reading.
func FuzzVerify(f *testing.F) { // slow
	var samples []sample
	var ids []access.SessionID
	var trusts []recorder.Trust
	for _, change := range [][]func(*recorder.Config){{}, {encrypted(newAuditor(f))}} {
		b := newBench(f, append(change, func(c *recorder.Config) { c.ExecLimit = 500 })...)
		rec := b.start(f, false)
		check(f, rec.Stdout(bytes.Repeat([]byte("output \xff of a host\r\n"), 40)))
		check(f, rec.Stdin([]byte("input\n")))
		check(f, rec.Transfer(access.Transfer{Action: access.FilePut, Path: "/x"}))
		s := seal(f, rec)
		samples, ids, trusts = append(samples, sampleOf(f, b.folder(s))), append(ids, s.ID), append(trusts, b.Keys().Trust())
	}
	addDamage(f)
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, which uint8, at uint32, cut uint16, put []byte) {
		n := int(which>>7) % len(samples)
		dir := filepath.Join(root, string(ids[n]))
		changed := samples[n].damaged(t, dir, which&0x7f, at, cut, put)
		v, err := recorder.Verify(dir, trusts[n])
		if err != nil || changed == (v.Verdict == recorder.Intact) || v.FirstBadOffset < -1 {
			t.Fatalf("changed %v: %+v, %v", changed, v, err)
		}
		var sink bytes.Buffer
		_ = recorder.CopyOutput(&sink, dir) // ends
	})
}

// Recovery brings any folder that a crash left to an end that verifies, however
// its files were torn or changed; it says so where it cannot.
func FuzzRecover(f *testing.F) { // slow
	var samples []sample
	var sessions []access.Session
	var benches []*bench
	for i, change := range [][]func(*recorder.Config){{}, {}, {encrypted(newAuditor(f))}} {
		b := newBench(f, append(change, func(c *recorder.Config) { c.ExecLimit = 2000 })...)
		rec := b.start(f, i == 0)
		check(f, rec.Stdout(bytes.Repeat([]byte("output \xff of a host\r\n\xe6"), 200)))
		check(f, rec.Stdin([]byte("input\n")))
		check(f, rec.Event(recorder.Event{Kind: "exec"}))
		s := rec.Session()
		samples, sessions, benches = append(samples, sampleOf(f, b.folder(s))), append(sessions, s), append(benches, b)
	}
	addDamage(f)
	f.Fuzz(func(t *testing.T, which uint8, at uint32, cut uint16, put []byte) {
		n := int(which>>6) % len(samples)
		b, s := benches[n], sessions[n]
		dir := b.folder(s)
		samples[n].damaged(t, dir, which&0x3f, at, cut, put)
		x := newIndex()
		check(t, x.OpenSession(context.Background(), s))
		again := openBench(t, b.dir, x)
		if _, err := again.Recover(context.Background()); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered && v.Verdict != recorder.Altered {
			t.Fatalf("%+v: %v", v, names(t, dir))
		}
		_ = recorder.CopyOutput(io.Discard, dir)
	})
}

// What an auditor decrypts of a damaged recording is what was written, up to
// where it breaks off.
func FuzzDecrypt(f *testing.F) { // slow
	a := newAuditor(f)
	b := newBench(f, encrypted(a))
	var samples []sample
	var casts [][]byte
	for _, sealed := range []bool{true, false} {
		rec := b.start(f, true)
		for range 20 {
			check(f, rec.Stdout(bytes.Repeat([]byte("output \xff of a host\r\n"), 20)))
		}
		dir := b.folder(rec.Session())
		if sealed {
			seal(f, rec)
		}
		cast, err := os.ReadFile(filepath.Join(decrypt(f, dir, a), "session.cast"))
		check(f, err)
		samples, casts = append(samples, sampleOf(f, dir)), append(casts, cast)
	}
	addDamage(f)
	dir, to := filepath.Join(f.TempDir(), "in"), filepath.Join(f.TempDir(), "out")
	f.Fuzz(func(t *testing.T, which uint8, at uint32, cut uint16, put []byte) {
		n := int(which>>7) % len(samples)
		samples[n].damaged(t, dir, which&0x7f, at, cut, put)
		check(t, os.RemoveAll(to))
		check(t, os.Mkdir(to, 0o700))
		if err := recorder.Decrypt(dir, a.ids, to); err != nil && !errors.Is(err, recorder.ErrBrokenOff) {
			return
		}
		_ = recorder.CopyOutput(io.Discard, to) // without notes it has other bytes in place of U+FFFD
		cast, err := os.ReadFile(filepath.Join(to, "session.cast"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(casts[n], cast) {
			t.Fatalf("file %d: %d bytes come out that were not written so", which, len(cast))
		}
	})
}

// Documents that are signed, and the file of keys that says by whom, are
// refused unless they are whole.
func FuzzDocuments(f *testing.F) { // slow
	b := newBench(f)
	s := seal(f, b.start(f, true))
	dir := b.folder(s)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	check(f, err)
	trust := b.Keys().Trust()
	_, err = b.Delete(s.Recording, "its time was over")
	check(f, err)
	tombstone, err := os.ReadFile(filepath.Join(dir, "tombstone.json"))
	check(f, err)
	keys, err := b.Keys().ExportTrust()
	check(f, err)
	f.Add(manifest)
	f.Add(tombstone)
	f.Add(keys)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = recorder.ParseTrust(data)
		for _, name := range []string{"manifest.json", "tombstone.json"} {
			check(t, os.RemoveAll(dir))
			check(t, os.MkdirAll(dir, 0o700))
			check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
			v, err := recorder.Verify(dir, trust)
			genuine := bytes.Equal(data, manifest) || bytes.Equal(data, tombstone)
			if err != nil || v.Verdict == recorder.Intact || v.Deleted && !genuine {
				t.Fatalf("%s: %+v, %v", name, v, err)
			}
		}
	})
}
