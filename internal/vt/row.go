package vt

// A row is one line of a buffer. Its invariant: a cell with glyphWide is
// followed by one with glyphTail, and a glyphTail follows a glyphWide.
type row struct {
	cells   []cell
	wrapped bool // the text goes on in the next row: autowrap broke it, not a newline
	dirty   bool // written to since TakeDirty, or since it was last handed to Departing
}

// split blanks the wide characters that a change of cells [from, to) would
// cut in half.
func (r *row) split(from, to int) {
	if from > 0 && from < len(r.cells) && r.cells[from].glyph&glyphTail != 0 {
		r.cells[from-1].glyph = 0
		r.cells[from].glyph = 0
	}
	if to > 0 && to < len(r.cells) && r.cells[to].glyph&glyphTail != 0 {
		r.cells[to-1].glyph = 0
		r.cells[to].glyph = 0
	}
}

// fill sets cells [from, to) to c.
func (r *row) fill(from, to int, c cell) {
	r.split(from, to)
	span := r.cells[from:to]
	if c == (cell{}) {
		clear(span)
		return
	}
	for i := range span {
		span[i] = c
	}
}

// insert moves the cells from x on n to the right and fills the gap with c.
func (r *row) insert(x, n int, c cell) {
	r.split(x, len(r.cells)-n)
	copy(r.cells[x+n:], r.cells[x:])
	for i := x; i < x+n; i++ {
		r.cells[i] = c
	}
}

// remove takes out n cells at x and fills the end of the row with c.
func (r *row) remove(x, n int, c cell) {
	r.split(x, x+n)
	copy(r.cells[x:], r.cells[x+n:])
	for i := len(r.cells) - n; i < len(r.cells); i++ {
		r.cells[i] = c
	}
}

// resize makes the row cols wide, blanking a wide character cut in half.
func (r *row) resize(cols int) {
	if cols <= len(r.cells) {
		r.split(cols, cols)
		r.cells = r.cells[:cols:cols]
		return
	}
	cells := make([]cell, cols)
	copy(cells, r.cells)
	r.cells = cells
}

// used is the number of cells up to the last one that was written to or
// coloured.
func (r *row) used() int {
	n := len(r.cells)
	for n > 0 && r.cells[n-1] == (cell{}) {
		n--
	}
	return n
}
