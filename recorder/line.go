package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Event codes of asciicast v2. Sallyport writes all but 'i' into the cast;
// 'i', 'o' and 'b' (base64) are those of stdin.ndjson and stdout.ndjson.
const (
	CodeOutput = 'o'
	CodeResize = 'r' // "COLSxROWS"
	CodeMarker = 'm'
	CodeInput  = 'i'
	CodeBase64 = 'b'
)

var errLine = errors.New("not an asciicast event")

// parseLine reads one line, [seconds, "code", "text"], without its line feed.
// Text goes to dst. It knows the plain form at the speed of seeking; whatever
// looks otherwise goes to encoding/json and gets a second hearing.
func parseLine(line, dst []byte) (at time.Duration, code byte, text []byte, err error) {
	at, rest, ok := parseTime(line)
	if ok && len(rest) >= 8 && rest[0] == ',' && rest[1] == ' ' && rest[2] == '"' && rest[4] == '"' &&
		rest[5] == ',' && rest[6] == ' ' && rest[7] == '"' && rest[3] != '\\' {
		if text, ok := unescape(dst, rest[8:]); ok {
			return at, rest[3], text, nil
		}
	}
	return parseOddLine(line, dst)
}

// parseTime reads "[12.345678" and returns what follows.
func parseTime(line []byte) (at time.Duration, rest []byte, ok bool) {
	if len(line) < 2 || line[0] != '[' {
		return 0, nil, false
	}
	i, start := 1, 1
	var whole, frac int64
	for ; i < len(line) && isDigit(line[i]); i++ {
		whole = whole*10 + int64(line[i]-'0')
	}
	if i == start || i-start > 9 {
		return 0, nil, false
	}
	if i < len(line) && line[i] == '.' {
		i++
		unit := int64(time.Second)
		for ; i < len(line) && isDigit(line[i]); i++ {
			unit /= 10
			frac += int64(line[i]-'0') * unit
		}
	}
	return time.Duration(whole)*time.Second + time.Duration(frac), line[i:], true
}

func isDigit(c byte) bool { return c-'0' < 10 }

// unescape appends the text of a JSON string to dst. In follows the opening
// quote and must end with the closing one and the bracket.
func unescape(dst, in []byte) ([]byte, bool) {
	if !bytes.HasSuffix(in, []byte(`"]`)) {
		return dst, false
	}
	in = in[:len(in)-2]
	for {
		i := bytes.IndexByte(in, '\\')
		if i < 0 {
			break
		}
		if bytes.IndexByte(in[:i], '"') >= 0 || i+1 >= len(in) {
			return dst, false
		}
		dst = append(dst, in[:i]...)
		n := 2
		switch c := in[i+1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r, used := unescapeRune(in[i:])
			if used == 0 {
				return dst, false
			}
			dst, n = utf8.AppendRune(dst, r), used
		default:
			return dst, false
		}
		in = in[i+n:]
	}
	if bytes.IndexByte(in, '"') >= 0 {
		return dst, false
	}
	return append(dst, in...), true
}

// unescapeRune reads \uXXXX, or two of them that are one character.
func unescapeRune(in []byte) (r rune, used int) {
	r, ok := hex4(in)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(in) >= 12 && in[6] == '\\' && in[7] == 'u' {
		if low, ok := hex4(in[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 12
			}
		}
	}
	return utf8.RuneError, 6
}

func hex4(in []byte) (r rune, ok bool) {
	if len(in) < 6 {
		return 0, false
	}
	for _, c := range in[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// parseOddLine reads what others write: more or less space, exponents,
// numbers without a point.
func parseOddLine(line, dst []byte) (at time.Duration, code byte, text []byte, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(line, &parts); err != nil {
		return 0, 0, dst, fmt.Errorf("%w: %w", errLine, err)
	}
	var seconds float64
	var c, s string
	if len(parts) != 3 {
		return 0, 0, dst, fmt.Errorf("%w: %d elements", errLine, len(parts))
	}
	if err := errors.Join(json.Unmarshal(parts[0], &seconds), json.Unmarshal(parts[1], &c),
		json.Unmarshal(parts[2], &s)); err != nil {
		return 0, 0, dst, fmt.Errorf("%w: %w", errLine, err)
	}
	if len(c) != 1 || !(seconds >= 0 && seconds < 1e9) {
		return 0, 0, dst, errLine
	}
	return time.Duration(seconds * float64(time.Second)), c[0], append(dst, s...), nil
}
