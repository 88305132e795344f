package vt

import "unicode/utf8"

// codeRows codes one buffer. Reading, it returns a new one of the screen's size.
func (s *Screen) codeRows(c *codec, lines []*row) []*row {
	if !c.writing {
		lines = newRows(s.cols, s.rows)
	}
	for _, r := range lines {
		if c.bad {
			break
		}
		c.bool(&r.wrapped)
		c.bool(&r.dirty)
		used := r.used()
		c.int(&used, 0, s.cols)
		s.codeCells(c, r.cells[:used])
		if !c.writing && !r.whole() {
			c.bad = true
		}
	}
	return lines
}

// codeCells codes stretches of one style, each with its glyphs.
func (s *Screen) codeCells(c *codec, cells []cell) {
	for len(cells) > 0 && !c.bad {
		n := 0
		for n < len(cells) && cells[n].style == cells[0].style {
			n++
		}
		c.int(&n, 1, len(cells))
		style := cells[0].style
		style.code(c)
		for i := range cells[:n] {
			cells[i].style = style
			s.codeGlyph(c, &cells[i].glyph)
		}
		cells = cells[n:]
	}
}

// codeGlyph codes a rune with its flags; a cluster as its length in place of
// the rune, and its text.
func (s *Screen) codeGlyph(c *codec, g *glyph) {
	text := ""
	if c.writing && *g&glyphCluster != 0 {
		text = s.clusters.text(*g)
		v := *g&^glyphValue | glyph(len(text))
		g = &v
	}
	number(c, g, 0, glyphCluster<<1-1)
	if *g&glyphCluster == 0 {
		return
	}
	if c.writing {
		c.b = append(c.b, text...)
		return
	}
	n := int(*g & glyphValue)
	if n > maxCluster || n > len(c.b) {
		c.bad = true
		return
	}
	joined, ok := s.clusters.intern(string(c.b[:n]))
	c.bad = c.bad || !ok || !printableCluster(string(c.b[:n]))
	*g, c.b = joined|*g&glyphWide, c.b[n:]
}

// printableCluster reports whether a cluster read from a snapshot is one that
// the screen itself could have made.
func printableCluster(text string) bool {
	for _, r := range text {
		if !drawable(r) {
			return false
		}
	}
	return len(text) > 1
}

// drawable reports whether print would have let r into a cell.
func drawable(r rune) bool {
	return utf8.ValidRune(r) && (r >= 0x20 && r < 0x7f || r >= 0xa0)
}

// whole reports whether a row read from a snapshot holds what a row must: see
// row, and no control characters.
func (r *row) whole() bool {
	head := false
	for _, c := range r.cells {
		tail := c.glyph&glyphTail != 0
		if tail != head || tail && c.glyph != glyphTail {
			return false
		}
		head = c.glyph&glyphWide != 0
		if v := c.glyph & glyphValue; c.glyph&glyphCluster == 0 && v != 0 && !drawable(rune(v)) {
			return false
		}
	}
	return !head
}
