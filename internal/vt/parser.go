package vt

import "unicode/utf8"

// state is where the parser stands: the states of Paul Williams' parser of DEC
// terminals (vt100.net/emu/dec_ansi_parser), those that only discard folded
// together, and UTF-8 decoded in ground alone.
type state uint8

const (
	stateGround state = iota
	stateEscape       // after ESC, and its intermediates
	stateCSI          // after ESC [
	stateOSC          // after ESC ], until BEL or ESC
	stateString       // DCS, SOS, PM, APC and "ESC k": nothing in them reaches the screen
	stateCount
)

const (
	maxParams = 32   // of a CSI; more are dropped, as in xterm
	maxParam  = 9999 // of one parameter: larger than any screen
	maxOSC    = 1024 // bytes of an OSC that are kept; only titles are read
)

// parser is what must outlive one write.
type parser struct {
	state state
	carry [utf8.UTFMax]byte // the start of a character whose rest has not come yet
	held  int               // bytes in carry

	// of the escape or control sequence under way
	prefix       byte // one of <=>?, the private marker
	intermediate byte // 0x20..0x2f; the last one, 0xff if there were several
	params       [maxParams]param
	count        int // parameters begun; may be maxParams+1 when there were more
	osc          []byte
}

// param is one parameter: its value, -1 if left out, and whether a colon set
// it off from the one before (ISO 8613-6 sub-parameters).
type param struct {
	value int32
	sub   bool
}

// Write feeds output of the host to the screen. It takes all of p and never
// fails.
func (s *Screen) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if s.parser.state != stateGround {
			s.control(p[0])
			p = p[1:]
			continue
		}
		if s.parser.held > 0 {
			s.resume(p[0])
			p = p[1:]
			continue
		}
		if run := printable(p); run > 0 {
			s.printASCII(p[:run])
			p = p[run:]
			continue
		}
		if p[0] < utf8.RuneSelf {
			s.control(p[0])
			p = p[1:]
			continue
		}
		if !utf8.FullRune(p) {
			s.parser.held = copy(s.parser.carry[:], p)
			break
		}
		r, size := utf8.DecodeRune(p) // invalid bytes: U+FFFD for each
		s.printRune(r)
		p = p[size:]
	}
	return n, nil
}

// printable is the length of the run of 0x20..0x7e that p begins with.
func printable(p []byte) int {
	for i, b := range p {
		if b-0x20 > 0x7e-0x20 {
			return i
		}
	}
	return len(p)
}

// resume adds b to the unfinished character in carry and prints what is
// decided by it. The decisions are those of DecodeRune on the whole.
func (s *Screen) resume(b byte) {
	ps := &s.parser
	ps.carry[ps.held] = b
	ps.held++
	for ps.held > 0 {
		if first := ps.carry[0]; first < utf8.RuneSelf {
			ps.held = 0 // b itself, which ended an invalid sequence
			if printable(ps.carry[:1]) == 1 {
				s.printASCII(ps.carry[:1])
			} else {
				s.control(first)
			}
			return
		}
		if !utf8.FullRune(ps.carry[:ps.held]) {
			return
		}
		r, size := utf8.DecodeRune(ps.carry[:ps.held])
		s.printRune(r)
		ps.held = copy(ps.carry[:], ps.carry[size:ps.held])
	}
}

// printRune prints what is not ASCII. C1 controls are dropped: no program
// sends them in UTF-8, and terminals do not agree on them.
func (s *Screen) printRune(r rune) {
	if r >= 0xa0 {
		s.print(r)
	}
}

// control takes a byte that is, or is part of, a control function.
func (s *Screen) control(b byte) {
	ps := &s.parser
	switch {
	case b == 0x1b:
		s.endString()
		ps.state, ps.intermediate = stateEscape, 0
	case b == 0x18 || b == 0x1a: // CAN, SUB
		ps.osc = ps.osc[:0]
		ps.state = stateGround
	case ps.state == stateString:
	case ps.state == stateOSC:
		s.oscByte(b)
	case b < 0x20:
		s.execute(b)
	case b >= 0x7f: // DEL, and bytes that have no place in a sequence
	case ps.state == stateEscape:
		s.escapeByte(b)
	case ps.state == stateCSI:
		s.csiByte(b)
	}
}

// execute is a C0 control; inside an escape sequence it acts at once.
func (s *Screen) execute(b byte) {
	s.printed.ok = false
	switch b {
	case '\b':
		s.moveLeft(1)
	case '\t':
		s.tab(1)
	case '\n', '\v', '\f':
		s.unwrap()
		s.index()
		if s.modes.newline {
			s.cursor.x = 0
		}
	case '\r':
		s.cursor.x = 0
	case 0x0e: // SO
		s.cursor.charsets.active = 1
	case 0x0f: // SI
		s.cursor.charsets.active = 0
	}
}

func (s *Screen) escapeByte(b byte) {
	ps := &s.parser
	if b < 0x30 {
		if ps.intermediate != 0 {
			b = 0xff
		}
		ps.intermediate = b
		return
	}
	ps.state = stateGround
	s.printed.ok = s.printed.ok && b == '[' // REP itself needs it
	if ps.intermediate != 0 {
		s.designateOrAlign(ps.intermediate, b)
		return
	}
	switch b {
	case '[':
		ps.state, ps.prefix, ps.count = stateCSI, 0, 0
	case ']':
		ps.state = stateOSC
	case 'P', 'X', '^', '_', 'k':
		ps.state = stateString
	case '7':
		s.saveCursor()
	case '8':
		s.restoreCursor()
	case 'D':
		s.unwrap()
		s.index()
	case 'E':
		s.cursor.x = 0
		s.index()
	case 'H':
		s.tabs[min(s.cursor.x, s.cols-1)] = true
	case 'M':
		s.unwrap()
		s.reverseIndex()
	case 'N', 'O': // SS2, SS3
		s.cursor.charsets.single = 2 + b - 'N'
	case 'n', 'o': // LS2, LS3
		s.cursor.charsets.active = 2 + b - 'n'
	case 'c':
		s.reset()
	}
}

func (s *Screen) designateOrAlign(intermediate, final byte) {
	switch {
	case intermediate >= '(' && intermediate <= '+':
		s.cursor.charsets.designate(int(intermediate-'('), final)
	case intermediate == '#' && final == '8':
		s.align()
	}
}

// csiByte collects a control sequence up to its final byte.
func (s *Screen) csiByte(b byte) {
	ps := &s.parser
	switch {
	case b >= '0' && b <= '9':
		if ps.count == 0 {
			ps.begin(false)
		}
		if ps.count <= maxParams {
			p := &ps.params[ps.count-1]
			p.value = min(max(p.value, 0)*10+int32(b-'0'), maxParam)
		}
	case b == ';' || b == ':':
		if ps.count == 0 {
			ps.begin(false)
		}
		ps.begin(b == ':')
	case b >= '<' && b <= '?':
		if ps.count > 0 || ps.prefix != 0 || ps.intermediate != 0 {
			b = 0xff // out of place: no sequence that we know
		}
		ps.prefix = b
	case b < 0x30:
		if ps.intermediate != 0 {
			b = 0xff
		}
		ps.intermediate = b
	default:
		ps.state = stateGround
		s.dispatch(b)
		s.printed.ok = false
	}
}

func (ps *parser) begin(sub bool) {
	if ps.count < maxParams {
		ps.params[ps.count] = param{-1, sub}
	}
	ps.count = min(ps.count+1, maxParams+1)
}

// list is the parameters that were kept.
func (ps *parser) list() []param { return ps.params[:min(ps.count, maxParams)] }

// param returns parameter i, or def if it was left out or, as xterm has it for
// counts and positions, zero.
func (ps *parser) param(i, def int) int {
	if l := ps.list(); i < len(l) && l[i].value > 0 {
		return int(l[i].value)
	}
	return def
}
