package screens

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is what is looked for in lines: a part of them in any case, or a
// regular expression. It is safe for concurrent use.
type Pattern struct {
	re       *regexp.Regexp
	trigrams []string
}

const (
	maxPattern  = 1000 // bytes
	maxTrigrams = 64   // further ones would select hardly less
)

// PatternError is what is wrong with a pattern, fit for the person who typed it.
type PatternError struct{ Text string }

func (e *PatternError) Error() string { return e.Text }

// ParsePattern makes a pattern of a text, or of a regular expression in Go's
// syntax, which matches in time linear in the line. The error is a
// [*PatternError].
func ParsePattern(text string, isRegexp bool) (*Pattern, error) {
	if len(text) > maxPattern || !utf8.ValidString(text) {
		return nil, &PatternError{fmt.Sprintf("the pattern is longer than %d bytes or no text", maxPattern)}
	}
	expression := text
	if !isRegexp {
		if text = clean(text); text == "" {
			return nil, &PatternError{"there is nothing to look for"}
		}
		expression = "(?i)" + regexp.QuoteMeta(text)
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, &PatternError{err.Error()}
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, &PatternError{err.Error()}
	}
	p := &Pattern{re: re}
	seen := map[string]bool{}
	for _, literal := range literals(tree.Simplify(), nil) {
		for _, t := range trigrams(Fold(literal)) {
			if !seen[t] && len(p.trigrams) < maxTrigrams {
				seen[t] = true
				p.trigrams = append(p.trigrams, t)
			}
		}
	}
	return p, nil
}

// Match reports whether a line has it.
func (p *Pattern) Match(line []byte) bool { return p.re.Match(line) }

// Where gives the part of a line that matches first.
func (p *Pattern) Where(line string) (from, to int, ok bool) {
	loc := p.re.FindStringIndex(line)
	if loc == nil {
		return 0, 0, false
	}
	return loc[0], loc[1], true
}

// Trigrams are three characters each, folded, all of which a folded line must
// hold to match. None means that every line has to be looked at.
func (p *Pattern) Trigrams() []string { return p.trigrams }

// literals appends the texts that whatever matches must contain.
func literals(re *syntax.Regexp, out []string) []string {
	switch re.Op {
	case syntax.OpLiteral:
		out = append(out, string(re.Rune))
	case syntax.OpCapture, syntax.OpPlus:
		out = literals(re.Sub[0], out)
	case syntax.OpRepeat:
		if re.Min > 0 {
			out = literals(re.Sub[0], out)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			out = literals(sub, out)
		}
	}
	return out
}

func trigrams(s string) (out []string) {
	runes := []rune(s)
	for i := 0; i+3 <= len(runes); i++ {
		out = append(out, string(runes[i:i+3]))
	}
	return out
}

// Fold brings the characters that regexp takes for one under (?i) to one, so
// that what matches in any case has the same trigrams.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || c-'A' < 26 {
			return strings.Map(fold, s)
		}
	}
	return s
}

func fold(r rune) rune {
	if r < 0x80 && r|0x20 != 'k' && r|0x20 != 's' {
		if r-'A' < 26 && r >= 'A' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if least >= 'A' && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
