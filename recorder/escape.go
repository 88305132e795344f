package recorder

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// replacement is U+FFFD in UTF-8: what the cast holds in place of a byte that
// belongs to no character.
const replacement = "\uFFFD"

// expansions are what each ASCII byte is in a JSON string: itself, a backslash
// and a letter, or \u00XX, as the low bytes of a word, with their number.
var expansions, expansionLen = func() (text [utf8.RuneSelf]uint64, n [utf8.RuneSelf]uint8) {
	set := func(c int, s string) {
		var b [8]byte
		n[c] = uint8(copy(b[:], s))
		text[c] = binary.LittleEndian.Uint64(b[:])
	}
	for c := range utf8.RuneSelf {
		set(c, string(rune(c)))
		if c < 0x20 {
			set(c, `\u00`+string(hexDigits[c>>4])+string(hexDigits[c&15]))
		}
	}
	for c, letter := range map[int]string{'\b': "b", '\f': "f", '\n': "n", '\r': "r", '\t': "t", '"': `"`, '\\': `\`} {
		set(c, `\`+letter)
	}
	return text, n
}()

// oddBytes marks the bytes of w that are a control, a quotation mark, a
// backslash or beyond ASCII, each by its high bit; 0 where there is none. The
// lowest mark is right, those above it may be wrong by a borrow (Bit Twiddling
// Hacks, "haszero").
func oddBytes(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^ones*'"', w^ones*'\\'
	return (w | (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// appendText appends p to dst as the inside of a JSON string (RFC 8259,
// section 7). It allocates only to grow dst and originals.
//
// A byte that belongs to no character becomes U+FFFD. So that nothing is
// lost, originals gets one byte for each U+FFFD in the text, in order: the
// byte that stood there, or 0 where the text itself said U+FFFD (0 is ASCII
// and so never invalid). Invalid counts the former.
func appendText(dst, p, originals []byte) (text, orig []byte, invalid int) {
	start := 0 // of what was not appended yet
	for i := 0; i < len(p); {
		if i+8 <= len(p) {
			marks := oddBytes(binary.LittleEndian.Uint64(p[i:]))
			if marks == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(marks) / 8
		}
		dst = append(dst, p[start:i]...)
		// Where there is one line end or colour there are often more: the
		// next eight bytes go one by one, without a branch between them.
		dst = slices.Grow(dst, 8*8)
		end, n := min(i+8, len(p)), len(dst)
		for room := dst[:cap(dst)]; i < end && p[i] < utf8.RuneSelf; i++ {
			binary.LittleEndian.PutUint64(room[n:], expansions[p[i]])
			n += int(expansionLen[p[i]])
		}
		dst, start = dst[:n], i
		for i < len(p) && p[i] >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(p[i:])
			switch {
			case r != utf8.RuneError:
			case n == 1:
				dst = append(dst, p[start:i]...)
				dst = append(dst, replacement...)
				originals = append(originals, p[i])
				invalid++
				start = i + 1
			default: // U+FFFD that was sent as such
				originals = append(originals, 0)
			}
			i += n
		}
	}
	return append(dst, p[start:]...), originals, invalid
}

// appendQuoted appends s as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst, _, _ = appendText(dst, []byte(s), nil)
	return append(dst, '"')
}

// unfinished is the length of the beginning of a character at the end of p:
// 0 to 3 bytes that the next write may complete.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		c := p[len(p)-n]
		if c < utf8.RuneSelf {
			return 0
		}
		if utf8.RuneStart(c) {
			if utf8.FullRune(p[len(p)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// appendSeconds appends d as seconds with six decimals, as asciicast has it.
func appendSeconds(dst []byte, micros int64) []byte {
	if micros < 0 {
		micros = 0
	}
	dst = strconv.AppendInt(dst, micros/1e6, 10)
	frac := micros % 1e6
	dst = append(dst, '.')
	for div := int64(1e5); div > 0; div /= 10 {
		dst = append(dst, byte('0'+frac/div%10))
	}
	return dst
}
