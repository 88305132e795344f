package recorder_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport/sallyport/recorder"
)

// pieces hold what a stream may be made of: whole characters of every length,
// U+FFFD itself, controls, and every kind of invalid byte: lone
// continuations, overlong forms, surrogates, beyond U+10FFFF, 0xFE and 0xFF.
var pieces = []string{
	"a", "Z", "\"", "\\", "\n", "\r", "\x00", "\x1b[31m", "\x7f", "é", "\u0085", "日本", "\u2028", "👩‍👩‍👧", "\U0010FFFF",
	"\uFFFD", "\xef\xbf", "\xef", "\x80", "\xbf\xbd", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
	"\xf0\x9f\x98", "\xf0\x9f", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xe6\x97", "\xe6",
}

// However a stream is cut into writes, the cast holds each character whole,
// and cast and sidecar together hold each byte.
func TestAnySplittingIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 5))
	b := newBench(t)
	for range 150 {
		var stream []byte
		for range rnd.IntN(60) {
			stream = append(stream, pieces[rnd.IntN(len(pieces))]...)
		}
		rec := b.start(t, rnd.IntN(2) == 0)
		var other []byte
		for p := stream; len(p) > 0; {
			n := min(len(p), 1+rnd.IntN(5))
			check(t, rec.Stdout(p[:n]))
			p = p[n:]
			if rnd.IntN(4) == 0 { // the other stream must not disturb
				e := []byte(pieces[rnd.IntN(len(pieces))])
				other = append(other, e...)
				check(t, rec.Stderr(e))
			}
		}
		dir := b.folder(seal(t, rec))
		exact(t, dir, "stdout", stream)
		exact(t, dir, "stderr", other)
	}
}

// exact: what is recorded is want, byte for byte, and the cast's text is what
// the whole stream reads as.
func exact(t *testing.T, dir, stream string, want []byte) {
	t.Helper()
	var got bytes.Buffer
	check(t, recorder.CopyOutput(&got, dir, stream))
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("%s is\n%q, was\n%q", stream, got.Bytes(), want)
	}
	if all := output(t, dir); !utf8.ValidString(all) {
		t.Fatalf("the cast holds invalid UTF-8: %q", all)
	}
}

// The text of a stream alone reads like the stream as one string.
func TestTextIsThatOfTheWhole(t *testing.T) {
	b := newBench(t)
	for _, p := range []string{strings.Join(pieces, ""), "日本語", "\xe6\x97\xa5\xe6\x97"} {
		for size := 1; size < 8; size++ {
			rec := b.start(t, true)
			for i := 0; i < len(p); i += size {
				check(t, rec.Stdout([]byte(p[i:min(i+size, len(p))])))
			}
			// Go's conversion replaces each invalid byte, as the cast does.
			if got, want := output(t, b.folder(seal(t, rec))), string([]rune(p)); got != want {
				t.Errorf("by %d:\n%q, want\n%q", size, got, want)
			}
		}
	}
}

// Chunks of any size come through, across the bound of an event.
func TestLargeChunksAreExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 7))
	b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 64 << 20 })
	rec := b.start(t, false)
	var stream []byte
	for range 40 {
		var p []byte
		for n := rnd.IntN(128 << 10); len(p) < n; {
			p = append(p, pieces[rnd.IntN(len(pieces))]...)
		}
		check(t, rec.Stdout(p))
		stream = append(stream, p...)
	}
	exact(t, b.folder(seal(t, rec)), "stdout", stream)
}
