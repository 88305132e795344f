package vt

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// ErrSnapshot is returned by Restore for bytes that are no snapshot of this
// version.
var ErrSnapshot = errors.New("vt: not a snapshot")

const snapshotVersion = 1

// Snapshot encodes the whole state: a Screen restored from it shows the same
// and goes on the same, even in the middle of a character or a sequence. The
// encoding is for caches: it says its version and may change with it. Equal
// states have equal snapshots.
func (s *Screen) Snapshot() []byte {
	c := &codec{writing: true}
	s.code(c)
	return c.b
}

// Restore makes a Screen from a Snapshot. It takes nothing on trust: bytes
// that were damaged give an error or, at worst, another valid screen.
func Restore(snapshot []byte) (*Screen, error) {
	s, c := &Screen{}, &codec{b: snapshot}
	s.code(c)
	if c.bad || len(c.b) > 0 {
		return nil, ErrSnapshot
	}
	return s, nil
}

// code lists the state, once for both directions, with the range of each
// number. It must hold every field that later bytes or readers can tell apart.
func (s *Screen) code(c *codec) {
	version := snapshotVersion
	c.int(&version, snapshotVersion, snapshotVersion)
	c.int(&s.cols, 1, MaxCols)
	c.int(&s.rows, 1, MaxRows)
	c.bool(&s.onAlt)
	hasAlt := s.alt != nil
	c.bool(&hasAlt)
	if c.bad || s.onAlt && !hasAlt {
		c.bad = true
		return
	}
	c.int(&s.top, 0, s.rows-1)
	c.int(&s.bottom, s.top+1, s.rows)
	s.cursor.code(c, s.cols, s.rows)
	for i := range s.saved {
		s.saved[i].code(c, s.cols, s.rows)
	}
	for _, b := range []*bool{&s.modes.autowrap, &s.modes.visible, &s.modes.insert, &s.modes.newline} {
		c.bool(b)
	}
	c.tabs(&s.tabs)
	s.printed.code(c, s)
	c.title(&s.title)
	titles := len(s.titles)
	c.int(&titles, 0, maxTitles)
	if !c.writing {
		s.titles = make([]string, titles)
	}
	for i := range s.titles {
		c.title(&s.titles[i])
	}
	s.parser.code(c)
	s.main = s.codeRows(c, s.main)
	if hasAlt {
		s.alt = s.codeRows(c, s.alt)
	}
	s.lines = s.main
	if s.onAlt {
		s.lines = s.alt
	}
}

func (cu *cursor) code(c *codec, cols, rows int) {
	c.int(&cu.x, 0, cols)
	c.int(&cu.y, 0, rows-1)
	cu.style.code(c)
	for i := range cu.charsets.g {
		number(c, &cu.charsets.g[i], charsetASCII, charsetUK)
	}
	number(c, &cu.charsets.active, 0, 3)
	number(c, &cu.charsets.single, 0, 3)
	c.bool(&cu.origin)
}

func (st *Style) code(c *codec) {
	number(c, &st.Fg, 0, colorRGB|0xffffff)
	number(c, &st.Bg, 0, colorRGB|0xffffff)
	number(c, &st.Attr, 0, attrAll)
	number(c, &st.Underline, 0, DashedUnderline)
}

func (p *printed) code(c *codec, s *Screen) {
	c.bool(&p.ok)
	if p.ok {
		number(c, &p.r, ' ', utf8.MaxRune)
		c.int(&p.x, 0, s.cols-1)
		c.int(&p.y, 0, s.rows-1)
	}
}

func (ps *parser) code(c *codec) {
	number(c, &ps.state, 0, stateCount-1)
	c.int(&ps.held, 0, utf8.UTFMax-1)
	for i := range ps.carry[:ps.held] {
		number(c, &ps.carry[i], 0, 0xff)
	}
	switch ps.state { // what an earlier sequence left is no state
	case stateEscape:
		number(c, &ps.intermediate, 0, 0xff)
	case stateCSI:
		number(c, &ps.prefix, 0, 0xff)
		number(c, &ps.intermediate, 0, 0xff)
		c.int(&ps.count, 0, maxParams+1)
		for i := range ps.list() {
			number(c, &ps.params[i].value, -1, maxParam)
			c.bool(&ps.params[i].sub)
		}
	case stateOSC:
		osc := string(ps.osc)
		c.string(&osc, maxOSC)
		ps.osc = append(ps.osc[:0], osc...)
	}
}

// codec reads or writes the fields of a snapshot, as varints and strings.
type codec struct {
	b       []byte // written so far, or left to read
	writing bool
	bad     bool
}

func (c *codec) int(v *int, low, high int) { number(c, v, low, high) }

func (c *codec) bool(v *bool) {
	var n uint8
	if *v {
		n = 1
	}
	number(c, &n, 0, 1)
	*v = n == 1
}

func number[T ~int | ~int32 | ~uint8 | ~uint16 | ~uint32](c *codec, v *T, low, high T) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, uint64(int64(*v)-int64(low)))
		return
	}
	n, size := binary.Uvarint(c.b)
	if size <= 0 || c.bad || n > math.MaxUint32 || int64(n)+int64(low) > int64(high) {
		*v, c.bad = low, true
		return
	}
	*v, c.b = T(int64(n)+int64(low)), c.b[size:]
}

func (c *codec) string(v *string, limit int) {
	n := len(*v)
	c.int(&n, 0, limit)
	switch {
	case c.writing:
		c.b = append(c.b, *v...)
	case c.bad || n > len(c.b):
		c.bad = true
	default:
		*v, c.b = string(c.b[:n]), c.b[n:]
	}
}

// title codes a title, which stays clean even if the snapshot was not.
func (c *codec) title(v *string) {
	c.string(v, maxTitle*utf8.UTFMax)
	if !c.writing {
		*v = cleanTitle([]byte(*v))
	}
}

// tabs codes the tab stops as the distances between changes.
func (c *codec) tabs(tabs *[MaxCols]bool) {
	on := false
	for x := 0; x < MaxCols && !c.bad; {
		n := 0
		for x+n < MaxCols && tabs[x+n] == on {
			n++
		}
		c.int(&n, 0, MaxCols-x)
		for i := range tabs[x : x+n] {
			tabs[x+i] = on
		}
		x, on = x+n, !on
	}
}
