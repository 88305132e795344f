package screens

import (
	"strings"
	"unicode/utf8"
)

// plainText prepares the output of a program without a terminal for the screen,
// which costs far more than looking at it: a line that repeats the one before
// it would show nothing new, and a piece that is not text nothing that anybody
// could look for.
type plainText struct {
	last string // the last whole line; empty when it does not count
	open bool   // a line has begun
}

// maxRepeated bounds a line that is compared with the one before it.
const maxRepeated = 1 << 10

// filter gives what the screen should be told of data, lines ended as a
// terminal wants them.
func (p *plainText) filter(data string) string {
	if notText(data) {
		p.last, p.open = "", true
		return ""
	}
	var out strings.Builder
	for len(data) > 0 {
		end := strings.IndexByte(data, '\n')
		if end < 0 {
			out.WriteString(data)
			p.last, p.open = "", true
			break
		}
		line := data[:end]
		data = data[end+1:]
		if !p.open && line == p.last && line != "" {
			continue
		}
		out.WriteString(line)
		out.WriteString("\r\n")
		p.last = ""
		if !p.open && len(line) <= maxRepeated && still(line) {
			p.last = line
		}
		p.open = false
	}
	return out.String()
}

// still reports whether a line leaves nothing behind but itself: no sequence
// that moves or colours.
func still(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f || c == 0xc2 { // 0xc2 begins C1
			return false
		}
	}
	return true
}

const (
	sample      = 4 << 10 // of a piece, from its beginning
	binaryShare = 4       // one in so many
)

// notText reports whether a piece is no text: one in four characters is NUL,
// another control character that no text has, or was no UTF-8 when it was
// recorded.
func notText(data string) bool {
	n, odd := 0, 0
	for i, r := range data {
		if i >= sample {
			break
		}
		n++
		if r == utf8.RuneError || r < ' ' && !strings.ContainsRune("\a\b\t\n\v\f\r\x0e\x0f\x1b", r) {
			odd++
		}
	}
	return odd*binaryShare > n && n > binaryShare
}
