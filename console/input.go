package console

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// showInput prints what went into a session, a line for each line of it, with
// its moment. What does not print has a name, so that nothing typed reaches a
// terminal raw.
func (c *call) showInput(folder string, ids recorder.Identities, s access.Session, at, until instant) error {
	r, err := recorder.OpenInput(folder, ids)
	if errors.Is(err, recorder.ErrNoInput) {
		return access.Refuse(access.ReasonNotFound, "nothing of what went in was kept",
			"What is typed at a terminal is kept where the rule says record: {input: true}").About(string(s.ID))
	}
	if err != nil {
		return unreadable(s, err)
	}
	defer r.Close()
	p, err := part(r, at, until)
	if err != nil {
		return err
	}
	t := typedLines{show: func(at time.Duration, text string) { c.page.write(offset(at) + "  " + text + "\n") }}
	skipped := 0
	for e, err := range r.Input() {
		var bad *recorder.LineError
		switch {
		case errors.As(err, &bad):
			skipped++
			continue
		case err != nil:
			return unreadable(s, err)
		case c.page.err != nil || c.ctx.Err() != nil || e.At > p.until:
			t.end()
			return nil
		case e.At >= p.from:
			t.take(e.At, e.Data)
		}
	}
	t.end()
	if skipped > 0 {
		fmt.Fprintf(c.Stderr, "sallyport: %d lines of the input cannot be read; verify says what is wrong with it (%s)\n", skipped, s.ID)
	}
	return nil
}

// typedLines makes lines of keys.
type typedLines struct {
	show func(at time.Duration, text string)
	at   time.Duration // of the first key of the line
	line strings.Builder
	rest string // a character or a sequence that is not whole yet
	cr   bool
}

// maxTypedLine bounds a line, in bytes.
const maxTypedLine = 4 << 10

func (t *typedLines) take(at time.Duration, data string) {
	data, t.rest = t.rest+data, ""
	for len(data) > 0 {
		if t.line.Len() == 0 {
			t.at = at
		}
		key, n := keyName(data)
		if n == 0 {
			t.rest = data
			return
		}
		data = data[n:]
		after := t.cr
		t.cr = key == "\r"
		switch {
		case key == "\n" && after:
		case key == "\r" || key == "\n":
			t.put()
		default:
			t.line.WriteString(key)
			if t.line.Len() > maxTypedLine {
				t.put()
			}
		}
	}
}

// put shows the line, be it empty.
func (t *typedLines) put() {
	t.show(t.at, t.line.String())
	t.line.Reset()
}

func (t *typedLines) end() {
	for _, b := range []byte(t.rest) {
		fmt.Fprintf(&t.line, "<%02x>", b)
	}
	t.rest = ""
	if t.line.Len() > 0 {
		t.put()
	}
}

// arrows are the last bytes of what cursor keys send (ECMA-48; xterm).
var arrows = map[byte]string{'A': "Up", 'B': "Down", 'C': "Right", 'D': "Left", 'H': "Home", 'F': "End"}

// keyName is how the first key of s is written, and how many bytes it sent; 0 if
// more has to come.
func keyName(s string) (string, int) {
	switch b := s[0]; {
	case b == '\r' || b == '\n':
		return s[:1], 1
	case b == '\t':
		return "<Tab>", 1
	case b == 8 || b == 127:
		return "<Backspace>", 1
	case b == 27:
		if len(s) > 2 && (s[1] == '[' || s[1] == 'O') && arrows[s[2]] != "" {
			return "<" + arrows[s[2]] + ">", 3
		}
		return "<Esc>", 1
	case b > 0 && b < 27:
		return "<Ctrl-" + string(rune('A'+b-1)) + ">", 1
	case b < ' ':
		return fmt.Sprintf("<%02x>", b), 1
	}
	if !utf8.FullRuneInString(s) {
		return "", 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("<%02x>", s[0]), 1
	}
	if !unicode.IsPrint(r) {
		return fmt.Sprintf("<U+%04X>", r), n
	}
	return s[:n], n
}
