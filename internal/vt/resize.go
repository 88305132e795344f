package vt

// Resize changes the size, as xterm does: rows keep their place unless the
// cursor would be lost below, then the top ones go; what no longer fits on the
// right is cut, and text is not wrapped anew. The scroll region becomes the
// whole screen. Sizes are cut to 1..MaxCols and 1..MaxRows.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = min(max(cols, 1), MaxCols), min(max(rows, 1), MaxRows)
	if cols == s.cols && rows == s.rows {
		return
	}
	excess := max(s.cursor.y+1-rows, 0)
	s.depart(0, excess)
	s.depart(min(rows+excess, s.rows), s.rows)
	s.main = resizeRows(s.main, cols, rows, excess)
	if s.alt != nil {
		s.alt = resizeRows(s.alt, cols, rows, excess)
	}
	s.lines = s.main
	if s.onAlt {
		s.lines = s.alt
	}
	for _, c := range []*cursor{&s.cursor, &s.saved[0], &s.saved[1]} {
		if cols < s.cols { // no narrower screen has a wrap pending
			c.x = min(c.x, cols-1)
		}
		c.y = min(max(c.y-excess, 0), rows-1)
	}
	s.cols, s.rows = cols, rows
	s.top, s.bottom = 0, rows
	s.printed = printed{}
}

func resizeRows(lines []*row, cols, rows, excess int) []*row {
	lines = lines[excess:min(excess+rows, len(lines))]
	for _, r := range lines {
		r.resize(cols)
	}
	return append(lines[:len(lines):len(lines)], newRows(cols, rows-len(lines))...)
}
