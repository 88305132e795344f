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
	kept := make([]rune, 0, min(len(s), limit+1))
	blank := false
	for _, r := range s {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			continue // bidi overrides, zero width joiners, tags, private use
		case unicode.IsSpace(r), unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			blank = len(kept) > 0
			continue
		}
		if blank {
			kept = append(kept, ' ')
			blank = false
		}
		kept = append(kept, r)
		if len(kept) > limit {
			return ellipsis(kept, limit)
		}
	}
	return string(kept)
}

// ellipsis cuts to limit runes, the last of which says that it was cut.
func ellipsis(runes []rune, limit int) string {
	if limit <= 0 {
		return ""
	}
	return strings.TrimRight(string(runes[:limit-1]), " ") + "…"
}
