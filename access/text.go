package access

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain makes one line of text, that a person or a host wrote, safe to show
// (invariant 10): control, format and bidirectional characters, line breaks
// and invalid UTF-8 become a space or vanish, runs of blanks become one, and
// what is longer than limit runes ends in an ellipsis. It is not an escaping
// for any markup.
func Plain(s string, limit int) string {
	// Bound the work before looking at it: a rune has at most 4 bytes, and
	// at most half of a hostile text is kept waiting for a visible rune.
	if most := limit * 8; len(s) > most {
		s = s[:most]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	var b strings.Builder
	runes, blank := 0, false
	for _, r := range s {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			continue // bidi overrides, zero width joiners, tags, private use
		case unicode.IsSpace(r), unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			blank = runes > 0
			continue
		}
		if blank {
			b.WriteByte(' ')
			runes, blank = runes+1, false
		}
		if runes >= limit {
			return cut(b.String(), limit)
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}

// cut replaces the last rune of s by an ellipsis.
func cut(s string, limit int) string {
	if limit <= 0 {
		return ""
	}
	_, n := utf8.DecodeLastRuneInString(s)
	return strings.TrimRight(s[:len(s)-n], " ") + "…"
}
