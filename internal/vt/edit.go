package vt

// blank is what erasing and scrolling leave behind: nothing, in the
// background of the pen ("background colour erase", as TERM=xterm promises).
func (s *Screen) blank() cell { return cell{style: Style{Bg: s.cursor.style.Bg}} }

// moveTo is CUP: it counts from the scroll region in origin mode.
func (s *Screen) moveTo(x, y int) {
	low, high := 0, s.rows-1
	if s.cursor.origin {
		low, high = s.top, s.bottom-1
	}
	s.cursor.x = min(max(x, 0), s.cols-1)
	s.cursor.y = min(max(y+low, low), high)
}

// moveUp and moveDown stop at the region's edge, unless they start beyond it.
func (s *Screen) moveUp(n int) {
	low := 0
	if s.cursor.y >= s.top {
		low = s.top
	}
	s.unwrap()
	s.cursor.y = max(s.cursor.y-n, low)
}

func (s *Screen) moveDown(n int) {
	high := s.rows - 1
	if s.cursor.y < s.bottom {
		high = s.bottom - 1
	}
	s.unwrap()
	s.cursor.y = min(s.cursor.y+n, high)
}

func (s *Screen) moveRight(n int) { s.cursor.x = min(s.cursor.x+n, s.cols-1) }

func (s *Screen) moveLeft(n int) {
	s.unwrap()
	s.cursor.x = max(s.cursor.x-n, 0)
}

// tab goes n tab stops on; a pending wrap stays pending.
func (s *Screen) tab(n int) {
	for x := s.cursor.x; n > 0 && x < s.cols-1; {
		x++
		if s.tabs[x] || x == s.cols-1 {
			s.cursor.x = x
			n--
		}
	}
}

func (s *Screen) backTab(n int) {
	s.unwrap()
	for x := s.cursor.x; n > 0 && x > 0; {
		x--
		if s.tabs[x] || x == 0 {
			s.cursor.x = x
			n--
		}
	}
}

// index is IND: one row down, scrolling at the region's bottom.
func (s *Screen) index() {
	switch s.cursor.y {
	case s.bottom - 1:
		s.scrollUp(s.top, 1)
	case s.rows - 1: // below the region nothing scrolls
	default:
		s.cursor.y++
	}
}

// reverseIndex is RI: one row up, scrolling at the region's top.
func (s *Screen) reverseIndex() {
	switch s.cursor.y {
	case s.top:
		s.scrollDown(s.top, 1)
	case 0:
	default:
		s.cursor.y--
	}
}

// scrollUp moves rows [from, bottom) up by n; blanks come in at the bottom.
func (s *Screen) scrollUp(from, n int) {
	region := s.lines[from:s.bottom]
	n = min(n, len(region))
	s.depart(from, from+n)
	rotate(region, n)
	s.eraseRows(s.bottom-n, s.bottom, s.blank())
}

// scrollDown moves rows [from, bottom) down by n; blanks come in at from.
func (s *Screen) scrollDown(from, n int) {
	region := s.lines[from:s.bottom]
	n = min(n, len(region))
	s.depart(s.bottom-n, s.bottom)
	rotate(region, len(region)-n)
	s.eraseRows(from, from+n, s.blank())
}

// rotate moves the first n rows behind the others.
func rotate(region []*row, n int) {
	if n == 1 { // a line feed at the bottom: the common case
		first := region[0]
		copy(region, region[1:])
		region[len(region)-1] = first
		return
	}
	rotated := append(append(make([]*row, 0, len(region)), region[n:]...), region[:n]...)
	copy(region, rotated)
}

func (s *Screen) inRegion() bool { return s.cursor.y >= s.top && s.cursor.y < s.bottom }

// insertLines is IL; outside the region it does nothing.
func (s *Screen) insertLines(n int) {
	if s.inRegion() {
		s.scrollDown(s.cursor.y, n)
		s.cursor.x = 0
	}
}

// deleteLines is DL; outside the region it does nothing.
func (s *Screen) deleteLines(n int) {
	if s.inRegion() {
		s.scrollUp(s.cursor.y, n)
		s.cursor.x = 0
	}
}

// insertChars is ICH, deleteChars DCH, eraseChars ECH. A pending wrap leaves
// nothing to the right to work on.
func (s *Screen) insertChars(n int) {
	if x := s.cursor.x; x < s.cols {
		s.line().insert(x, min(n, s.cols-x), s.blank())
	}
}

func (s *Screen) deleteChars(n int) {
	if x := s.cursor.x; x < s.cols {
		s.line().remove(x, min(n, s.cols-x), s.blank())
	}
}

func (s *Screen) eraseChars(n int) {
	if x := s.cursor.x; x < s.cols {
		s.line().fill(x, min(x+n, s.cols), s.blank())
	}
}

func (s *Screen) line() *row { return s.lines[s.cursor.y] }

// eraseLine is EL.
func (s *Screen) eraseLine(how int) {
	x := s.cursor.x
	switch how {
	case 0:
		if x < s.cols {
			s.line().fill(x, s.cols, s.blank())
		}
		s.line().wrapped = false
	case 1:
		s.line().fill(0, min(x+1, s.cols), s.blank())
	case 2:
		s.eraseRows(s.cursor.y, s.cursor.y+1, s.blank())
	}
}

// eraseDisplay is ED. 3 erases the scrollback, of which there is none here.
func (s *Screen) eraseDisplay(how int) {
	switch how {
	case 0:
		s.eraseLine(0)
		s.eraseRows(s.cursor.y+1, s.rows, s.blank())
	case 1:
		s.eraseRows(0, s.cursor.y, s.blank())
		s.eraseLine(1)
	case 2:
		s.eraseRows(0, s.rows, s.blank())
	}
}

// eraseRows fills rows [from, to) with c.
func (s *Screen) eraseRows(from, to int, c cell) {
	s.depart(from, to)
	for _, r := range s.lines[from:to] {
		r.fill(0, s.cols, c)
		r.wrapped = false
	}
}

// align is DECALN: a screen of E in default style.
func (s *Screen) align() {
	s.top, s.bottom = 0, s.rows
	s.cursor.origin = false
	s.moveTo(0, 0)
	s.eraseRows(0, s.rows, cell{glyph: 'E'})
}

// setRegion is DECSTBM, from the first row to the last, both counted from 1.
func (s *Screen) setRegion(first, last int) {
	if last == 0 || last > s.rows {
		last = s.rows
	}
	first = max(first, 1)
	if first >= last {
		return
	}
	s.top, s.bottom = first-1, last
	s.moveTo(0, 0)
}
