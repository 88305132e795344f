package access_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"disk full", 40, "disk full"},
		{"  a \t\r\n b  ", 40, "a b"},
		{"a\x1b[31mred\x1b]0;title\x07", 40, "a [31mred ]0;title"},
		{"pay\u202eload\u2066x\u200b", 40, "payloadx"},
		{"bad\xff\xfeutf8\xc3", 40, "badutf8"},
		{"line\u2028two\u0085three", 40, "line two three"},
		{"日本語テスト", 4, "日本語…"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"abc defg", 5, "abc…"},
		{"\U000e0041tag", 40, "tag"},
		{"", 5, ""},
		{"abc", 0, ""},
	} {
		if got := access.Plain(c.in, c.limit); got != c.want {
			t.Errorf("%q at %d: %q, not %q", c.in, c.limit, got, c.want)
		}
	}
	if got := access.Plain(strings.Repeat("\x00", 1<<20)+"x", 10); got != "" {
		t.Errorf("a megabyte of nothing: %q", got)
	}
}

// Nothing that a terminal obeys passes, and nothing is longer than asked for.
func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[2J\u202eb", 10)
	f.Add("  \xff ", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(0, limit%1000)
		got := access.Plain(s, limit)
		if n := utf8.RuneCountInString(got); n > limit || !utf8.ValidString(got) {
			t.Fatalf("%q at %d: %q of %d", s, limit, got, n)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
				t.Fatalf("%q at %d: %q holds %U", s, limit, got, r)
			}
		}
		if again := access.Plain(got, limit); again != got {
			t.Fatalf("%q becomes %q", got, again)
		}
	})
}
