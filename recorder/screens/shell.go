package screens

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
)

// shell makes out the commands of a session whose shell marks them: OSC 133 of
// FinalTerm, which bash, zsh and fish integrations send (A prompt, B command
// line, C output, D end), and OSC 633;E of VS Code, which states the command.
// Fish 4 and kitty state it in 133;C as cmdline_url. The marks are the host's
// word, like everything on the screen.
type shell struct {
	text     *text
	speaks   bool // it has marked something
	column   int  // where the command line begins
	armed    bool // a B was seen, and no C since
	stated   string
	held     []byte // of a mark whose end has not come yet
	commands []access.TextLine
}

const (
	oscStart  = "\x1b]"
	maxMark   = 8 << 10 // bytes of a mark
	maxStated = 4 << 10
)

// write feeds output to the screen, stopping at marks.
func (sh *shell) write(p []byte) {
	if len(sh.held) > 0 {
		p = append(sh.held, p...)
		sh.held = nil
	}
	for {
		i := indexMark(p)
		if i < 0 {
			sh.screenWrite(p)
			return
		}
		sh.screenWrite(p[:i])
		p = p[i:]
		end, size, cancelled := endOfMark(p)
		if end < 0 {
			if len(p) > maxMark { // no mark, whatever it is
				sh.screenWrite(p)
				return
			}
			sh.held = append([]byte(nil), p...)
			return
		}
		if !cancelled {
			sh.mark(string(p[len(oscStart):end]))
		}
		sh.screenWrite(p[:end+size])
		p = p[end+size:]
	}
}

func (sh *shell) screenWrite(p []byte) { _, _ = sh.text.screen.Write(p) } // a screen takes everything

// flush gives the screen what was held back.
func (sh *shell) flush() {
	sh.screenWrite(sh.held)
	sh.held = nil
}

// indexMark is where a mark begins, or what may become one: -1 without.
func indexMark(p []byte) int {
	s := p
	for at := 0; ; {
		i := bytes.IndexByte(s, 0x1b)
		if i < 0 {
			return -1
		}
		rest := s[i:]
		for _, mark := range [...]string{"\x1b]133;", "\x1b]633;"} {
			n := min(len(rest), len(mark))
			if string(rest[:n]) == mark[:n] {
				return at + i
			}
		}
		at += i + 1
		s = s[i+1:]
	}
}

// endOfMark is where the text of a mark ends and how long its terminator is;
// -1 if it has not come yet. CAN and SUB cancel it.
func endOfMark(p []byte) (end, size int, cancelled bool) {
	for i := len(oscStart); i < len(p); i++ {
		switch {
		case p[i] == '\a':
			return i, 1, false
		case p[i] == 0x18 || p[i] == 0x1a:
			return i, 1, true
		case p[i] != 0x1b:
		case i+1 == len(p):
			return -1, 0, false
		case p[i+1] == '\\':
			return i, 2, false
		default:
			return i, 0, false
		}
	}
	return -1, 0, false
}

// mark acts on one.
func (sh *shell) mark(text string) {
	parts := strings.Split(text, ";")
	if len(parts) < 2 {
		return
	}
	switch parts[0] + parts[1] {
	case "133B", "633B":
		sh.speaks, sh.armed, sh.stated = true, true, ""
		sh.column, _, _ = sh.text.screen.Cursor()
	case "633E":
		if len(parts) > 2 {
			sh.stated = unescapeVSCode(parts[2])
		}
	case "133C", "633C":
		for _, p := range parts[2:] {
			if v, ok := strings.CutPrefix(p, "cmdline_url="); ok {
				if line, err := url.PathUnescape(v); err == nil {
					sh.stated = line
				}
			}
		}
		sh.command()
	}
}

// command keeps the command line that ends here.
func (sh *shell) command() {
	line := sh.stated
	if line == "" && sh.armed {
		line = sh.typed()
	}
	sh.armed, sh.stated = false, ""
	if len(line) > maxStated {
		line = strings.ToValidUTF8(line[:maxStated], "")
	}
	if line = clean(access.Plain(line, maxStated)); utf8.ValidString(line) && line != "" && len(sh.commands) < segmentLines {
		sh.speaks = true
		sh.commands = append(sh.commands, access.TextLine{At: sh.text.now, Text: line})
	}
}

// typed reads the command line off the screen: the last line above the cursor,
// from the column in which the prompt ended.
func (sh *shell) typed() string {
	screen := sh.text.screen
	cols, _ := screen.Size()
	x, last, _ := screen.Cursor()
	if x == 0 && last > 0 {
		last--
	}
	first := last
	for first > 0 && screen.Wrapped(first-1) {
		first--
	}
	var line strings.Builder
	for y := first; y <= last; y++ {
		from := 0
		if y == first {
			from = sh.column
		}
		for x := from; x < cols; x++ {
			line.WriteString(screen.Cell(x, y).Content)
		}
	}
	return strings.TrimSpace(line.String())
}

// unescapeVSCode reads \\ and \xAB, as OSC 633;E writes them.
func unescapeVSCode(s string) string {
	return vsCodeEscape.ReplaceAllStringFunc(s, func(e string) string {
		if e == `\\` {
			return `\`
		}
		b, err := url.PathUnescape("%" + e[2:])
		if err != nil {
			return e
		}
		return b
	})
}

var vsCodeEscape = regexp.MustCompile(`\\\\|\\x[0-9a-fA-F]{2}`)

// prompt is what the common shells put before a command when nobody changed
// them: user@host with a path and a sign, sh-5.2$, or a bare $ or ❯. A bare #
// begins comments more often than commands.
var prompt = regexp.MustCompile(`^(?:\([\w .-]{1,60}\) )?(?:(?:\[?[\w.-]{1,64}@[\w.-]{1,255}[ :]?[^#$%]{0,120}\]?|(?:ba|z|k|da)?sh-\d[\w.]{0,10}) ?[#$%] ?|\$ |❯ )(\S.*)$`)

// guess gives the lines that look like commands at a prompt. Full-screen
// programs have none.
func guess(lines []access.TextLine, onAlt []bool) []access.TextLine {
	var commands []access.TextLine
	for i, line := range lines {
		if onAlt[i] {
			continue
		}
		if m := prompt.FindStringSubmatch(line.Text); m != nil {
			commands = append(commands, access.TextLine{At: line.At, Text: m[1]})
		}
	}
	return commands
}
