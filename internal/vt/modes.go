package vt

// modes are the switches that change what later bytes do to the screen. All
// others (mouse, bracketed paste, cursor keys, focus, synchronised output…)
// change only input or timing, and are ignored.
type modes struct {
	autowrap bool // DECAWM, ?7
	visible  bool // DECTCEM, ?25
	insert   bool // IRM, 4
	newline  bool // LNM, 20: line feed also returns
}

func (s *Screen) setMode(n int, on bool) {
	switch n {
	case 4:
		s.modes.insert = on
	case 20:
		s.modes.newline = on
	}
}

// setPrivateMode is DECSET and DECRST (xterm's control sequences, "CSI ? Pm h").
func (s *Screen) setPrivateMode(n int, on bool) {
	switch n {
	case 6:
		s.cursor.origin = on
		s.moveTo(0, 0)
	case 7:
		s.modes.autowrap = on
		if !on {
			s.unwrap()
		}
	case 25:
		s.modes.visible = on
	case 47:
		s.switchAlt(on)
	case 1047:
		if !on && s.onAlt {
			s.eraseRows(0, s.rows, s.blank())
		}
		s.switchAlt(on)
	case 1048:
		s.saveOrRestore(on)
	case 1049:
		s.setMode1049(on)
	}
}

// setMode1049 is 1047 and 1048 together, but it clears on entering and not on
// leaving. The cursor is restored even if the main screen was shown already.
func (s *Screen) setMode1049(on bool) {
	switch {
	case !on:
		s.leaveAlt()
		s.restoreCursor()
	case !s.onAlt:
		s.saveCursor()
		s.switchAlt(true)
		s.eraseRows(0, s.rows, s.blank())
	}
}

func (s *Screen) switchAlt(on bool) {
	switch {
	case !on:
		s.leaveAlt()
	case !s.onAlt:
		s.depart(0, s.rows)
		if s.alt == nil {
			s.alt = newRows(s.cols, s.rows)
		}
		s.lines, s.onAlt = s.alt, true
	}
}

func (s *Screen) leaveAlt() {
	if s.onAlt {
		s.depart(0, s.rows)
		s.lines, s.onAlt = s.main, false
	}
}

func (s *Screen) saveOrRestore(save bool) {
	if save {
		s.saveCursor()
	} else {
		s.restoreCursor()
	}
}

// saveCursor is DECSC.
func (s *Screen) saveCursor() { s.saved[s.buffer()] = s.cursor }

// restoreCursor is DECRC.
func (s *Screen) restoreCursor() { s.cursor = s.saved[s.buffer()] }

func (s *Screen) buffer() int {
	if s.onAlt {
		return 1
	}
	return 0
}

// softReset is DECSTR: modes, pen and region, but neither text nor position.
func (s *Screen) softReset() {
	x, y := s.cursor.x, s.cursor.y
	s.modes = modes{autowrap: true, visible: true}
	s.cursor = cursor{x: x, y: y}
	s.saved[s.buffer()] = cursor{}
	s.top, s.bottom = 0, s.rows
}

// charsets are the four designated sets and the one in use.
type charsets struct {
	g      [4]charset
	active uint8 // index into g; SO and SI
	single uint8 // SS2 or SS3 for the next character only, else 0
}

type charset uint8

const (
	charsetASCII charset = iota
	charsetGraphics
	charsetUK
)

// designate is "ESC ( F" and its kin. Sets that are unknown are shown as ASCII.
func (c *charsets) designate(slot int, final byte) {
	switch final {
	case '0', '2':
		c.g[slot] = charsetGraphics
	case 'A':
		c.g[slot] = charsetUK
	default:
		c.g[slot] = charsetASCII
	}
}

// plain reports whether ASCII means itself.
func (c *charsets) plain() bool {
	return c.single == 0 && c.g[c.active] == charsetASCII
}

// translate maps r by the set in use.
func (c *charsets) translate(r rune) rune {
	set := c.g[c.active]
	if c.single != 0 {
		set, c.single = c.g[c.single], 0
	}
	switch {
	case set == charsetGraphics && r >= '_' && r <= '~':
		return graphics[r-'_']
	case set == charsetUK && r == '#':
		return '£'
	}
	return r
}

// graphics is DEC Special Graphics, from '_' on (VT220 reference, table 2-4).
var graphics = [...]rune{
	' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼',
	'⎺', '⎻', '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
}
