// Package vt is a terminal emulator: bytes in, screen out.
//
// It owns the screen that a recorded stream of output leaves on a terminal,
// and nothing else: no input, no process, no answers to queries, no clipboard,
// no scrollback. What it shows is safe to show again: cells and the title
// never hold control characters, whatever the stream held.
//
// It behaves as xterm and tmux do where those agree. Where they differ it
// follows xterm, except for the right margin (a pending wrap is a cursor
// behind the last column, as in tmux, VTE and xterm.js, so that an erase to the
// end of the line does not take the last character with it), for emoji joined
// with U+200D (one cell, as in tmux), and for "ESC k" titles (swallowed).
//
// Memory is bounded by the size of the screen, whatever comes in, and how the
// input is cut into writes makes no difference. Time is not in proportion to
// the input alone: a few bytes can erase or repeat over a whole screen.
//
// Start reading at Screen, then Write in parser.go.
package vt

import "strings"

// MaxCols and MaxRows bound a Screen; larger sizes are cut to them.
const (
	MaxCols = 1000
	MaxRows = 1000
)

// A Screen is the state of one terminal. Columns and rows count from 0 at the
// top left. It is not safe for concurrent use.
type Screen struct {
	// Departing, if set, is called with the number of a row that was written
	// to since TakeDirty and is about to go: it is scrolled off, erased whole,
	// cut by a resize, or hidden by a switch to or from the alternate screen.
	// The row can be read with Row during the call, which must not change the
	// screen. With TakeDirty it sees all text that ever stood on the screen,
	// except for what was overwritten in place. It is not part of a snapshot.
	Departing func(y int)

	cols, rows  int
	main, alt   []*row
	lines       []*row // main or alt
	onAlt       bool
	cursor      cursor
	saved       [2]cursor // by DECSC, for main and alt; xterm keeps one for each
	top, bottom int       // scroll region, rows [top, bottom)
	tabs        [MaxCols]bool
	modes       modes
	clusters    clusters
	printed     printed
	title       string
	titles      []string // saved by XTWINOPS 22, at most maxTitles
	parser      parser
}

// cursor is what DECSC saves.
type cursor struct {
	x, y     int // x == cols: the last column was written, the next character wraps
	style    Style
	charsets charsets
	origin   bool // DECOM
}

// printed is what the last byte left behind, if it was a character: REP
// repeats it and combining characters attach to it. Any control forgets it.
type printed struct {
	ok   bool
	r    rune
	x, y int
}

// New returns an empty screen. Sizes are cut to 1..MaxCols and 1..MaxRows.
func New(cols, rows int) *Screen {
	s := &Screen{}
	s.cols, s.rows = min(max(cols, 1), MaxCols), min(max(rows, 1), MaxRows)
	s.main = newRows(s.cols, s.rows)
	s.lines = s.main
	s.reset()
	return s
}

func newRows(cols, rows int) []*row {
	cells := make([]cell, cols*rows)
	lines := make([]*row, rows)
	for y := range lines {
		lines[y] = &row{cells: cells[y*cols : (y+1)*cols : (y+1)*cols]}
	}
	return lines
}

// reset is RIS: everything but the size as in a new screen.
func (s *Screen) reset() {
	s.leaveAlt()
	s.alt = nil
	s.eraseRows(0, s.rows, cell{})
	s.cursor, s.saved = cursor{}, [2]cursor{}
	s.top, s.bottom = 0, s.rows
	s.modes = modes{autowrap: true, visible: true}
	s.printed = printed{}
	s.title, s.titles = "", nil
	for x := range s.tabs {
		s.tabs[x] = x%8 == 0
	}
}

// Size returns the number of columns and rows.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// Cursor returns the cursor's position and whether it is shown.
func (s *Screen) Cursor() (x, y int, visible bool) {
	return min(s.cursor.x, s.cols-1), s.cursor.y, s.modes.visible
}

// Title returns the window title, at most 256 characters and none of them a
// control or format character.
func (s *Screen) Title() string { return s.title }

// OnAlternate reports whether the alternate screen is shown, as full-screen
// programs do.
func (s *Screen) OnAlternate() bool { return s.onAlt }

// Cell returns the cell at column x of row y; outside the screen, a blank.
func (s *Screen) Cell(x, y int) Cell {
	if x < 0 || y < 0 || x >= s.cols || y >= s.rows {
		return Cell{Content: " ", Width: 1}
	}
	c := s.lines[y].cells[x]
	out := Cell{Content: s.clusters.text(c.glyph), Width: 1, Style: c.style}
	switch {
	case c.glyph&glyphTail != 0:
		out.Width = 0
	case c.glyph&glyphWide != 0:
		out.Width = 2
	}
	return out
}

// Wrapped reports whether row y ends in an automatic wrap: its text goes on in
// row y+1.
func (s *Screen) Wrapped(y int) bool {
	return y >= 0 && y < s.rows && s.lines[y].wrapped
}

// Row returns the text of row y without trailing blanks.
func (s *Screen) Row(y int) string {
	if y < 0 || y >= s.rows {
		return ""
	}
	return strings.TrimRight(string(s.appendRow(nil, y)), " ")
}

func (s *Screen) appendRow(dst []byte, y int) []byte {
	r := s.lines[y]
	for _, c := range r.cells[:r.used()] {
		dst = s.clusters.appendText(dst, c.glyph)
	}
	return dst
}

// String returns the text of the screen: its rows, right-trimmed, each ended
// by a newline.
func (s *Screen) String() string {
	var b []byte
	for y := range s.rows {
		b = s.appendRow(b, y)
		for len(b) > 0 && b[len(b)-1] == ' ' {
			b = b[:len(b)-1]
		}
		b = append(b, '\n')
	}
	return string(b)
}

// Runs returns row y, over its full width, as runs of equal style.
func (s *Screen) Runs(y int) []Run {
	if y < 0 || y >= s.rows {
		return nil
	}
	var (
		runs  []Run
		text  []byte
		cells = s.lines[y].cells
		start = 0
	)
	for x := range cells {
		text = s.clusters.appendText(text, cells[x].glyph)
		if x+1 == len(cells) || cells[x+1].style != cells[start].style {
			runs = append(runs, Run{string(text), x + 1 - start, cells[start].style})
			text, start = text[:0], x+1
		}
	}
	return runs
}

// TakeDirty appends to dst the rows that were written to since the last call
// (erasing and scrolling alone do not count), and marks them clean. A row keeps
// its mark while it scrolls.
func (s *Screen) TakeDirty(dst []int) []int {
	for y, r := range s.lines {
		if r.dirty {
			dst = append(dst, y)
			r.dirty = false
		}
	}
	return dst
}

// TakeDirtyAbove is TakeDirty for the rows above row y only; the others keep
// their marks.
func (s *Screen) TakeDirtyAbove(dst []int, y int) []int {
	for i, r := range s.lines[:min(max(y, 0), len(s.lines))] {
		if r.dirty {
			dst = append(dst, i)
			r.dirty = false
		}
	}
	return dst
}

// depart tells Departing about rows [from, to) if they hold unseen text.
func (s *Screen) depart(from, to int) {
	for y := from; y < to; y++ {
		if r := s.lines[y]; r.dirty {
			if s.Departing != nil {
				s.Departing(y)
			}
			r.dirty = false
		}
	}
}
