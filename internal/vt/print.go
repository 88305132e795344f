package vt

import "unicode/utf8"

const zeroWidthJoiner = '\u200d'

// printASCII prints text of 0x20..0x7e. It is the path nearly all bytes take.
func (s *Screen) printASCII(text []byte) {
	if !s.modes.autowrap || s.modes.insert || !s.cursor.charsets.plain() {
		for _, b := range text {
			s.print(rune(b))
		}
		return
	}
	for len(text) > 0 {
		if s.cursor.x >= s.cols {
			s.wrap()
		}
		x, r := s.cursor.x, s.lines[s.cursor.y]
		n := min(len(text), s.cols-x)
		r.split(x, x+n)
		cells, style := r.cells[x:x+n], s.cursor.style
		for i := range cells {
			cells[i] = cell{glyph(text[i]), style}
		}
		r.dirty = true
		s.printed = printed{true, rune(text[n-1]), x + n - 1, s.cursor.y}
		s.cursor.x += n
		text = text[n:]
	}
}

// print puts one character at the cursor.
func (s *Screen) print(r rune) {
	r = s.cursor.charsets.translate(r)
	width := runeWidth(r)
	if width == 0 || s.joins(r) {
		s.combine(r)
		return
	}
	if s.cursor.x+width > s.cols {
		if !s.modes.autowrap || width > s.cols {
			return // a wide character that finds no room is not drawn
		}
		s.wrap()
	}
	x, line, style := s.cursor.x, s.lines[s.cursor.y], s.cursor.style
	if s.modes.insert {
		line.insert(x, min(width, s.cols-x), s.blank())
	}
	line.split(x, x+width)
	line.cells[x] = cell{glyph(r), style}
	if width == 2 {
		line.cells[x].glyph |= glyphWide
		line.cells[x+1] = cell{glyphTail, style}
	}
	line.dirty = true
	s.printed = printed{true, r, x, s.cursor.y}
	s.cursor.x += width
	if !s.modes.autowrap {
		s.unwrap()
	}
}

// wrap goes to the start of the next row because the text does.
func (s *Screen) wrap() {
	s.lines[s.cursor.y].wrapped = true
	s.index()
	s.cursor.x = 0
}

// unwrap takes back a pending wrap: the cursor stands on the last column.
func (s *Screen) unwrap() { s.cursor.x = min(s.cursor.x, s.cols-1) }

// joins reports whether r belongs to the character before it: that is an emoji
// and ends in a zero-width joiner (UAX #29, rule GB11, without its table).
func (s *Screen) joins(r rune) bool {
	if !s.printed.ok || r < 0x2190 { // arrows are the first of what can be an emoji
		return false
	}
	g := s.lines[s.printed.y].cells[s.printed.x].glyph
	if g&glyphCluster == 0 || g&glyphWide == 0 {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(s.clusters.texts[g&glyphValue])
	return last == zeroWidthJoiner
}

// combine adds r to the character just printed, or else to the one left of the
// cursor. With none there, or no room in it, r is dropped.
func (s *Screen) combine(r rune) {
	x, y := s.cursor.x-1, s.cursor.y
	if s.printed.ok {
		x, y = s.printed.x, s.printed.y
	}
	if x < 0 {
		return
	}
	line := s.lines[y]
	if line.cells[x].glyph&glyphTail != 0 {
		x--
	}
	g := line.cells[x].glyph
	var buf [maxCluster + utf8.UTFMax]byte
	text := utf8.AppendRune(s.clusters.appendText(buf[:0], g), r)
	if len(text) > maxCluster {
		return
	}
	if s.clusters.full() {
		s.dropUnusedClusters()
	}
	if joined, ok := s.clusters.intern(string(text)); ok {
		line.cells[x].glyph = joined | g&glyphWide
		line.dirty = true
	}
}

// dropUnusedClusters keeps the table in proportion to the screen: it interns
// again what is still shown, and lets the rest go.
func (s *Screen) dropUnusedClusters() {
	old := s.clusters
	s.clusters = clusters{}
	for _, lines := range [][]*row{s.main, s.alt} {
		for _, r := range lines {
			for x, c := range r.cells {
				if c.glyph&glyphCluster != 0 {
					g, _ := s.clusters.intern(old.text(c.glyph)) // fits: it is a part of what fitted
					r.cells[x].glyph = g | c.glyph&glyphWide
				}
			}
		}
	}
	s.clusters.limit = 2 * len(s.clusters.texts)
}

// repeat is REP: the character just printed, n times more, at most a screen of it.
func (s *Screen) repeat(n int) {
	if !s.printed.ok {
		return
	}
	r := s.printed.r // already translated, and no set maps what a set yields
	for range min(n, s.cols*s.rows) {
		s.print(r)
	}
}
