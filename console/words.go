package console

import (
	"errors"
	"strings"
)

// MaxLine bounds a command line, in bytes: what one exec request may carry.
const MaxLine = 64 << 10

// Split cuts a command line into words by the quoting rules of POSIX shells
// (XCU 2.2): blanks separate, a backslash takes the next character literally,
// single quotes take everything literally, double quotes everything but a
// backslash before one of $ ` " \ and newline. Nothing is expanded, and
// operators are ordinary characters: there is no shell here.
//
// It is how the exec line of "ssh bastion COMMAND …" becomes arguments. The
// client joins its own arguments with blanks and loses their quoting, so a
// reason of several words has to be quoted twice; that is ssh, not us.
func Split(line string) ([]string, error) {
	if len(line) > MaxLine {
		return nil, errors.New("the command line is too long")
	}
	words := []string{}
	var word strings.Builder
	open := false // a word has begun, though it may be empty: ''
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n', '\r':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		case '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a single quote is not closed")
			}
			word.WriteString(line[i+1 : i+1+end])
			i += end + 1
			open = true
		case '"':
			end, err := doubleQuoted(&word, line[i+1:])
			if err != nil {
				return nil, err
			}
			i += end + 1
			open = true
		case '\\':
			if i++; i == len(line) {
				return nil, errors.New("a backslash has nothing after it")
			}
			if line[i] != '\n' { // an escaped line break is no character at all
				word.WriteByte(line[i])
				open = true
			}
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// doubleQuoted reads s, which follows an opening double quote, into word and
// returns the index of the closing one.
func doubleQuoted(word *strings.Builder, s string) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i, nil
		case c == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0:
			if i++; s[i] != '\n' {
				word.WriteByte(s[i])
			}
		default:
			word.WriteByte(c)
		}
	}
	return 0, errors.New("a double quote is not closed")
}
