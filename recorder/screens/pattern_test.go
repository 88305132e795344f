package screens_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/recorder/screens"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		text     string
		regexp   bool
		trigrams string // joined by /
		match    []string
		not      []string
	}{
		{"DROP", false, "dro/rop", []string{"drop table", "xDroPx"}, []string{"drap"}},
		{"a.b*c", false, "a.b/.b*/b*c", []string{"A.B*C"}, []string{"axbc"}},
		{"rm", false, "", []string{"rm -rf", "ARM"}, []string{"r m"}},
		{"Kelvin", false, "kel/elv/lvi/vin", []string{"\u212aelvin", "kelvin"}, nil}, // KELVIN SIGN folds to k
		{"ſet", false, "set", []string{"set", "SET"}, nil},
		{"ΣΑΣ", false, "ΣΑΣ", []string{"σας"}, nil},
		{"漢字漢", false, "漢字漢", []string{"x漢字漢y"}, []string{"漢字"}},
		{`fail(ed|ure) to (open|read)`, true, "fai/ail/ to/to ", []string{"failed to open"}, []string{"Failed to open"}},
		{`(?i)PANIC: .*nil`, true, "pan/ani/nic/ic:/c: /nil", []string{"panic: x nil"}, []string{"panic"}},
		{`(abc)?def`, true, "def", []string{"def"}, nil},
		{`(?:key){2,}`, true, "key", []string{"keykey"}, []string{"key"}},
		{`foo|bar`, true, "", []string{"bar"}, []string{"baz"}},
		{`^\d+$`, true, "", []string{"42"}, []string{"x42"}},
	} {
		p, err := screens.ParsePattern(c.text, c.regexp)
		if err != nil {
			t.Fatal(c.text, err)
		}
		if got := strings.Join(p.Trigrams(), "/"); got != screens.Fold(c.trigrams) {
			t.Errorf("%q: trigrams %q, want %q", c.text, got, c.trigrams)
		}
		for _, line := range c.match {
			if !p.Match([]byte(line)) {
				t.Errorf("%q does not match %q", c.text, line)
			}
			for _, trigram := range p.Trigrams() {
				if !strings.Contains(screens.Fold(line), trigram) {
					t.Errorf("%q matches %q, and the index would not find it: no %q", c.text, line, trigram)
				}
			}
		}
		for _, line := range c.not {
			if p.Match([]byte(line)) {
				t.Errorf("%q matches %q", c.text, line)
			}
		}
	}
	for _, c := range []struct {
		text   string
		regexp bool
	}{{"", false}, {" \t", false}, {"(", true}, {`\C`, true}, {strings.Repeat("x", 1001), false}, {"\xff", false}, {`(a{1000}){1000}`, true}} {
		var bad *screens.PatternError
		if _, err := screens.ParsePattern(c.text, c.regexp); !errors.As(err, &bad) {
			t.Errorf("%.20q was taken: %v", c.text, err)
		}
	}
}

// What a pattern matches, its trigrams find: else the index would hide it.
func FuzzPattern(f *testing.F) {
	f.Add("fail(ed|ure)", "it FAILED", true)
	f.Add("ſtraße", "STRASSE", false)
	f.Fuzz(func(t *testing.T, text, line string, isRegexp bool) {
		p, err := screens.ParsePattern(text, isRegexp)
		if err != nil || !p.Match([]byte(line)) {
			return
		}
		for _, trigram := range p.Trigrams() {
			if !strings.Contains(screens.Fold(line), trigram) {
				t.Errorf("%q matches %q without %q", text, line, trigram)
			}
		}
	})
}
