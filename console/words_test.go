package console_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/tooltest"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		``:                              {},
		`  `:                            {},
		`hosts`:                         {"hosts"},
		`  requests   --all `:           {"requests", "--all"},
		`deny X --reason 'not today'`:   {"deny", "X", "--reason", "not today"},
		`a "b c" d`:                     {"a", "b c", "d"},
		`a"b"'c'd`:                      {"abcd"},
		`'' ""`:                         {"", ""},
		`"a\"b" 'c\d' e\ f`:             {`a"b`, `c\d`, "e f"},
		`"\$HOME" $HOME * ; | & $(x) #`: {"$HOME", "$HOME", "*", ";", "|", "&", "$(x)", "#"},
		`"a\qb"`:                        {`a\qb`},
		"a\\\nb":                        {"ab"},
		"\"a\\\nb\"":                    {"ab"},
		"a\tb\nc\r\nd":                  {"a", "b", "c", "d"},
		`ü '日本 語'`:                      {"ü", "日本 語"},
		"a\x00b":                        {"a\x00b"},
	} {
		got, err := console.Split(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`, `"a\"`, strings.Repeat("a", console.MaxLine+1)} {
		if got, err := console.Split(line); err == nil {
			t.Errorf("Split(%.20q) = %q, want an error", line, got)
		}
	}
}

// What a real shell makes of quoted words is what we make of them.
func TestSplitAgreesWithTheShell(t *testing.T) {
	sh := tooltest.Path(t, "sh")
	for _, line := range []string{`a 'b "c' "d 'e\" f" g\ h`, `x''y"" '' "\\" '\\' \' \"`, `--reason "two  blanks"`} {
		out, err := exec.Command(sh, "-c", `for w in `+line+`; do printf '%s\0' "$w"; done`).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if got, err := console.Split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, %v; sh says %q", line, got, err, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`deny X --reason 'not "today"' \x`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := console.Split(line)
		if err != nil {
			return
		}
		// Quoting the words again gives the same words.
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		again := strings.Join(quoted, " ")
		if len(again) > console.MaxLine {
			return
		}
		got, err := console.Split(again)
		if err != nil || !slices.Equal(got, words) {
			t.Errorf("Split(%q) = %q, again %q, %v", line, words, got, err)
		}
	})
}
