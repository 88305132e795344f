package console

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// lines gives what a person types, line by line. The end is io.EOF.
type lines interface {
	line() (string, error)
}

// piped reads lines from what is no terminal: whoever types there, if anybody,
// edits and sees them elsewhere.
type piped struct {
	in  *bufio.Scanner
	out io.Writer
}

func newPiped(in io.Reader, out io.Writer) *piped {
	s := bufio.NewScanner(in)
	s.Buffer(nil, MaxLine)
	return &piped{s, out}
}

func (p *piped) line() (string, error) {
	if _, err := io.WriteString(p.out, prompt); err != nil {
		return "", err
	}
	if p.in.Scan() {
		return p.in.Text(), nil
	}
	if errors.Is(p.in.Err(), bufio.ErrTooLong) {
		return "", errors.New("the command line is too long")
	}
	return "", io.EOF
}

// editor reads lines from a raw terminal that moves its cursor: with editing,
// a history, and Tab for the names of commands. Nothing but the line that is
// being typed is ever drawn anew.
type editor struct {
	in       io.Reader
	out      io.Writer
	names    []string // of commands
	history  *history
	size     Size
	terminal *term.Terminal
}

func newEditor(in io.Reader, out io.Writer, names []string) *editor {
	e := &editor{in: &lineKeys{in: in}, out: out, names: names, history: &history{}, size: Size{Cols: 80, Rows: 24}}
	e.begin()
	return e
}

// begin makes a terminal with nothing typed at it.
func (e *editor) begin() {
	e.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{e.in, e.out}, prompt)
	e.terminal.History = e.history
	e.terminal.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) {
		return complete(e.names, line, at, key)
	}
	e.resize(e.size)
}

func (e *editor) line() (string, error) {
	for {
		line, err := e.terminal.ReadLine()
		if !errors.Is(err, io.ErrShortBuffer) {
			return line, err
		}
		// Keys that are one sequence without end: the line is given up.
		if _, err := io.WriteString(e.out, "\r\n"); err != nil {
			return "", err
		}
		e.begin()
	}
}

// resize tells how wide the terminal is, between lines.
func (e *editor) resize(z Size) {
	e.size = z
	_ = e.terminal.SetSize(max(z.Cols, 20), max(z.Rows, 2)) // nothing is drawn between lines
}

// complete finishes the name of a command on Tab, as far as it is one way only.
func complete(names []string, line string, at int, key rune) (string, int, bool) {
	if key != '\t' || at == 0 || strings.ContainsRune(line[:at], ' ') {
		return "", 0, false
	}
	typed, common, n := line[:at], "", 0
	for _, name := range names {
		if !strings.HasPrefix(name, typed) {
			continue
		}
		if n++; n == 1 {
			common = name + " "
			continue
		}
		for !strings.HasPrefix(name, common) {
			common = common[:len(common)-1]
		}
	}
	if n == 0 {
		return "", 0, false
	}
	return common + line[at:], len(common), true
}

// lineKeys passes on what is typed, one line at a time: what is typed ahead of
// a command stays with the keyboard. Ctrl-C drops the line (to its end, erase
// it, Enter), and nothing clears the screen.
type lineKeys struct {
	in   io.Reader
	rest []byte
}

func (k *lineKeys) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, io.ErrShortBuffer // a sequence without end; see [term.Terminal]
	}
	if len(k.rest) == 0 {
		var key [1]byte
		if _, err := io.ReadFull(k.in, key[:]); err != nil {
			return 0, err
		}
		switch key[0] {
		case ctrlC:
			k.rest = []byte("\x05\x15\r")
		case '\f':
			k.rest = []byte{0}
		default:
			k.rest = key[:]
		}
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

// history is the lines typed so far, the newest first, but for empty ones and
// repetitions.
type history struct{ lines []string }

const maxHistory = 100

func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[0] == line {
		return
	}
	h.lines = append([]string{line}, h.lines...)
	h.lines = h.lines[:min(len(h.lines), maxHistory)]
}

func (h *history) Len() int        { return len(h.lines) }
func (h *history) At(i int) string { return h.lines[i] }

// typewriter reads lines from a raw terminal of which nothing is known
// (TERM=dumb): it writes characters, backspaces and line ends, and never an
// escape sequence.
type typewriter struct {
	in  *bufio.Reader
	out io.Writer
	cr  bool // the last line ended in CR: an LF after it ends no other
}

func newTypewriter(in io.Reader, out io.Writer) *typewriter {
	return &typewriter{in: bufio.NewReaderSize(oneByOne{in}, 16), out: out}
}

// oneByOne keeps a buffered reader from taking more than it must.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }

func (t *typewriter) line() (string, error) {
	typed := []rune{}
	echo := func(s string) error { _, err := io.WriteString(t.out, s); return err }
	err := echo(prompt)
	for err == nil {
		var r rune
		if r, _, err = t.in.ReadRune(); err != nil {
			break
		}
		afterCR := t.cr
		t.cr = false
		switch {
		case r == '\n' && afterCR:
		case r == '\r' || r == '\n':
			t.cr = r == '\r'
			return string(typed), echo("\r\n")
		case r == ctrlC:
			typed, err = typed[:0], echo("^C\r\n"+prompt)
		case r == 4: // Ctrl-D
			if len(typed) == 0 {
				return "", io.EOF
			}
		case r == 8 || r == 127: // Backspace
			typed, err = t.erase(typed, 1)
		case r == 21: // Ctrl-U
			typed, err = t.erase(typed, len(typed))
		case r == 23: // Ctrl-W
			n := len(strings.TrimRight(string(typed), " "))
			n = strings.LastIndexByte(string(typed)[:n], ' ') + 1
			typed, err = t.erase(typed, len(typed)-utf8.RuneCountInString(string(typed)[:n]))
		case r == 27:
			err = t.skipEscape()
		case unicode.IsPrint(r) && len(typed) < MaxLine/utf8.UTFMax:
			typed, err = append(typed, r), echo(string(r))
		}
	}
	return "", err
}

// erase takes the last n characters away, on paper, too.
func (t *typewriter) erase(typed []rune, n int) ([]rune, error) {
	left := len(typed) - min(n, len(typed))
	width := uniseg.StringWidth(string(typed[left:]))
	back := strings.Repeat("\b", width)
	_, err := io.WriteString(t.out, back+strings.Repeat(" ", width)+back)
	return typed[:left], err
}

// skipEscape passes over what an arrow or function key sends (ECMA-48, 5.4).
func (t *typewriter) skipEscape() error {
	r, _, err := t.in.ReadRune()
	if err != nil || r != '[' && r != 'O' {
		return err
	}
	for n := 0; err == nil && n < 16; n++ {
		if r, _, err = t.in.ReadRune(); r >= 0x40 && r <= 0x7e {
			break
		}
	}
	return err
}
