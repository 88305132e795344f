package vt

// dispatch carries out a complete control sequence (ECMA-48, DEC STD 070 and
// xterm's control sequences). What is not listed asks the terminal something
// or changes only its input, and is ignored.
func (s *Screen) dispatch(final byte) {
	ps := &s.parser
	switch {
	case ps.prefix == 0 && ps.intermediate == 0:
		s.dispatchPlain(final)
	case ps.prefix == '?' && ps.intermediate == 0:
		s.dispatchPrivate(final)
	case ps.prefix == 0 && ps.intermediate == '!' && final == 'p':
		s.softReset()
	}
}

func (s *Screen) dispatchPlain(final byte) {
	ps := &s.parser
	n := ps.param(0, 1)
	switch final {
	case '@':
		s.insertChars(n)
	case 'A':
		s.moveUp(n)
	case 'B', 'e':
		s.moveDown(n)
	case 'C', 'a':
		s.moveRight(n)
	case 'D':
		s.moveLeft(n)
	case 'E':
		s.moveDown(n)
		s.cursor.x = 0
	case 'F':
		s.moveUp(n)
		s.cursor.x = 0
	case 'G', '`':
		s.cursor.x = min(n, s.cols) - 1
	case 'H', 'f':
		s.moveTo(ps.param(1, 1)-1, n-1)
	case 'I':
		s.tab(n)
	case 'J':
		s.eraseDisplay(ps.param(0, 0))
	case 'K':
		s.eraseLine(ps.param(0, 0))
	case 'L':
		s.insertLines(n)
	case 'M':
		s.deleteLines(n)
	case 'P':
		s.deleteChars(n)
	case 'S':
		s.scrollUp(s.top, n)
	case 'T':
		if ps.count <= 1 { // with five it is mouse tracking
			s.scrollDown(s.top, n)
		}
	case '^':
		s.scrollDown(s.top, n)
	case 'X':
		s.eraseChars(n)
	case 'Z':
		s.backTab(n)
	case 'b':
		s.repeat(n)
	case 'd':
		s.moveTo(s.cursor.x, n-1)
	case 'g':
		s.clearTabs(ps.param(0, 0))
	case 'h', 'l':
		for _, p := range ps.list() {
			s.setMode(int(p.value), final == 'h')
		}
	case 'm':
		s.cursor.style.sgr(ps.list())
	case 'r':
		s.setRegion(n, ps.param(1, 0))
	case 's':
		s.saveCursor()
	case 't':
		s.windowOp(ps.param(0, 0), ps.param(1, 0))
	case 'u':
		s.restoreCursor()
	}
}

func (s *Screen) dispatchPrivate(final byte) {
	ps := &s.parser
	switch final {
	case 'J': // DECSED and DECSEL: nothing here is ever protected
		s.eraseDisplay(ps.param(0, 0))
	case 'K':
		s.eraseLine(ps.param(0, 0))
	case 'h', 'l':
		for _, p := range ps.list() {
			s.setPrivateMode(int(p.value), final == 'h')
		}
	}
}

// clearTabs is TBC.
func (s *Screen) clearTabs(how int) {
	switch how {
	case 0:
		s.tabs[min(s.cursor.x, s.cols-1)] = false
	case 3:
		clear(s.tabs[:])
	}
}
