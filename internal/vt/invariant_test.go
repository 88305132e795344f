package vt_test

import (
	"bytes"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport/sallyport/internal/vt"
)

// streams are all the recorded and hand-written ones.
func streams(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.stream")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded streams", err)
	}
	var all [][]byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	for _, s := range torture {
		all = append(all, []byte(s))
	}
	return append(all, hostile...)
}

// hostile is what no program means to send.
var hostile = [][]byte{
	[]byte("\xff\xfe\xe6\x97A\xe6\x97\x1b[1mB\xf0\x9f\x9a"),
	[]byte("\xe6\x97\xe6\x97\xa5\xf4\x90\x80\x80\xed\xa0\x80\xc0\x80"),
	[]byte("\x1b[" + strings.Repeat("9;", 100) + "H\x1b[" + strings.Repeat("9", 100) + "m"),
	[]byte("\x1b[99999999999b\x1b[99999999S\x1b[999999999@x\x1b[2147483648L"),
	[]byte("\x1b]2;" + strings.Repeat("t", 5000) + "\a"),
	[]byte("\x1b]2;safe\x01\u202eevil\u2028\xff\a\x1b[22t\x1b[22t\x1b[23t"),
	[]byte("\x1b[38m\x1b[38;2m\x1b[38;2;1m\x1b[38;5m\x1b[48:m\x1b[4:9m\x1b[38:2:1m\x1b[38;5;999mX"),
	[]byte("a" + strings.Repeat("\u0301", 1000)),
	[]byte("👩" + strings.Repeat("\u200d👩", 100)),
	[]byte("\x1bN\x1bO漢\x1b(0漢\x1bo\x1bnq\x1b*0\x1bNqq"),
	[]byte("x\x1b[5b\x1bcx\x1b[5b\x1b[?1049h\x1b[5b\x1b[?47l\x1b[?47h"),
}

// TestSplit: how a stream is cut into writes makes no difference.
func TestSplit(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, stream := range streams(t) {
		whole, bytewise, random := vt.New(40, 10), vt.New(40, 10), vt.New(40, 10)
		whole.Write(stream)
		for i := range stream {
			bytewise.Write(stream[i : i+1])
		}
		for rest := stream; len(rest) > 0; {
			n := min(1+rnd.Intn(9), len(rest))
			random.Write(rest[:n])
			rest = rest[n:]
		}
		if !bytes.Equal(whole.Snapshot(), bytewise.Snapshot()) || !bytes.Equal(whole.Snapshot(), random.Snapshot()) {
			t.Errorf("split %.60q…:\n%s\nwhole:\n%s", stream, bytewise, whole)
		}
	}
}

// TestSnapshot: a restored screen goes on as the first one would have, from
// any byte.
func TestSnapshot(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	for _, stream := range streams(t) {
		end := screenAfter(40, 10, stream).Snapshot()
		for range 10 {
			at := rnd.Intn(len(stream) + 1)
			snap := screenAfter(40, 10, stream[:at]).Snapshot()
			s, err := vt.Restore(snap)
			if err != nil {
				t.Fatalf("restore %.60q at %d: %v", stream, at, err)
			}
			if !bytes.Equal(s.Snapshot(), snap) {
				t.Fatalf("a restored screen has another snapshot: %.60q at %d", stream, at)
			}
			s.Write(stream[at:])
			if !bytes.Equal(s.Snapshot(), end) {
				t.Errorf("restored at byte %d, %.60q ends otherwise", at, stream)
			}
		}
	}
}

// TestSnapshotRefused: what is no snapshot, or half of one, is an error.
func TestSnapshotRefused(t *testing.T) {
	snap := screenAfter(20, 6, []byte("e\u0301漢\x1b]2;title\a\x1b[31mx\x1b[38;5")).Snapshot()
	for n := range snap {
		if _, err := vt.Restore(snap[:n]); !errors.Is(err, vt.ErrSnapshot) {
			t.Fatalf("%d of %d bytes: %v", n, len(snap), err)
		}
	}
	if _, err := vt.Restore(append(snap, 0)); !errors.Is(err, vt.ErrSnapshot) {
		t.Error("a byte too many was taken")
	}
}

// TestBounded: neither the cluster table nor anything else grows with the
// stream.
func TestBounded(t *testing.T) {
	s := vt.New(80, 24)
	var b []byte
	for i := range 200_000 {
		b = utf8.AppendRune(b[:0], rune(0x4e00+i%20000))
		b = utf8.AppendRune(b, rune(0x300+i%0x60))
		b = utf8.AppendRune(b, rune(0x300+i/0x60%0x60))
		s.Write(b)
	}
	if n := s.Clusters(); n > 4*80*24 {
		t.Errorf("%d clusters for a screen of %d cells", n, 80*24)
	}
	if r := []rune(s.Row(10)); len(r) != 40*3 {
		t.Errorf("row of %d characters, want 40 clusters of 3: %q", len(r), s.Row(10))
	}
	s.Write([]byte("\x1b]52;c;"))
	s.Write(bytes.Repeat([]byte("A"), 10<<20))
	if n := len(s.Snapshot()); n > 64<<10 {
		t.Errorf("a snapshot of %d bytes after an endless string", n)
	}
}

// check reports what must hold of any screen.
func check(t *testing.T, s *vt.Screen) {
	t.Helper()
	cols, rows := s.Size()
	if x, y, _ := s.Cursor(); x < 0 || y < 0 || x >= cols || y >= rows {
		t.Fatalf("cursor at %d,%d of %dx%d", x, y, cols, rows)
	}
	clean := func(text string) {
		for _, r := range text {
			if unicode.IsControl(r) {
				t.Fatalf("control character in %q", text)
			}
		}
		if !utf8.ValidString(text) {
			t.Fatalf("invalid text %q", text)
		}
	}
	clean(s.Title())
	for y := range rows {
		clean(s.Row(y))
		width := 0
		for _, run := range s.Runs(y) {
			width += run.Width
		}
		if width != cols {
			t.Fatalf("row %d: runs of %d columns, want %d", y, width, cols)
		}
		for x := range cols {
			w := s.Cell(x, y).Width
			if w == 2 && (x+1 == cols || s.Cell(x+1, y).Width != 0) || w == 0 && (x == 0 || s.Cell(x-1, y).Width != 2) {
				t.Fatalf("half a wide character at %d,%d", x, y)
			}
		}
	}
}

func FuzzWrite(f *testing.F) {
	for _, s := range streams(f) {
		f.Add(s[:min(len(s), 400)], s[max(len(s)-400, 0):], uint8(20), uint8(6))
	}
	f.Fuzz(func(t *testing.T, before, after []byte, cols, rows uint8) {
		before, after = before[:min(len(before), 4096)], after[:min(len(after), 4096)]
		a, b := vt.New(20, 6), vt.New(20, 6)
		a.Write(before)
		for i := range before {
			b.Write(before[i : i+1])
		}
		a.Resize(int(cols), int(rows))
		b.Resize(int(cols), int(rows))
		check(t, a)
		snap := a.Snapshot()
		if !bytes.Equal(snap, b.Snapshot()) {
			t.Fatal("splitting made a difference")
		}
		c, err := vt.Restore(snap)
		if err != nil {
			t.Fatal(err)
		}
		a.Write(after)
		c.Write(after)
		check(t, a)
		if !bytes.Equal(a.Snapshot(), c.Snapshot()) {
			t.Fatal("a restored screen went on otherwise")
		}
	})
}

func FuzzRestore(f *testing.F) {
	for _, s := range streams(f) {
		f.Add(screenAfter(20, 6, s[:min(len(s), 500)]).Snapshot(), []byte("x\x1b[2Jé\x1b8y"))
	}
	f.Fuzz(func(t *testing.T, snap, after []byte) {
		s, err := vt.Restore(snap)
		if err != nil {
			return
		}
		check(t, s)
		s.Write(after[:min(len(after), 1024)])
		check(t, s)
	})
}
