package vt

import "unicode/utf8"

// A Color is a cell's foreground or background. The zero value is the
// terminal's own default, which is not the same as any palette entry.
type Color uint32

const (
	colorIndexed Color = 1 << 24
	colorRGB     Color = 2 << 24
	colorKind    Color = 3 << 24
)

// Indexed is entry n of the 256-colour palette; 0-7 are the ANSI colours and
// 8-15 their bright forms.
func Indexed(n uint8) Color { return colorIndexed | Color(n) }

// RGB is a direct ("true") colour.
func RGB(r, g, b uint8) Color {
	return colorRGB | Color(r)<<16 | Color(g)<<8 | Color(b)
}

// IsDefault reports whether c is the terminal's default colour.
func (c Color) IsDefault() bool { return c == 0 }

// Index returns the palette entry, if c is one.
func (c Color) Index() (n uint8, ok bool) {
	return uint8(c), c&colorKind == colorIndexed
}

// RGB returns the components, if c is a direct colour.
func (c Color) RGB() (r, g, b uint8, ok bool) {
	return uint8(c >> 16), uint8(c >> 8), uint8(c), c&colorKind == colorRGB
}

// Attr is the set of a cell's on-off attributes.
type Attr uint16

// The attributes, with the SGR parameter that sets each.
const (
	Bold     Attr = 1 << iota // 1
	Faint                     // 2
	Italic                    // 3
	Blink                     // 5, 6
	Reverse                   // 7
	Conceal                   // 8
	Strike                    // 9
	Overline                  // 53

	attrAll = Overline<<1 - 1
)

// Underline is the style of a cell's underline.
type Underline uint8

// The underlines, numbered as in SGR 4:n.
const (
	NoUnderline Underline = iota
	SingleUnderline
	DoubleUnderline
	CurlyUnderline
	DottedUnderline
	DashedUnderline
)

// A Style is how a cell is drawn. The zero value is plain text in the default
// colours. Styles are comparable.
type Style struct {
	Fg, Bg    Color
	Attr      Attr
	Underline Underline
}

// A Cell is one position of the screen as callers see it.
type Cell struct {
	// Content is what stands there: one character with its combining marks
	// (at most 32 bytes). It holds no control characters. It is "" in the
	// right half of a wide character and " " in a blank.
	Content string
	// Width is 1, 2 for a wide character, 0 for the right half of one.
	Width int
	Style Style
}

// A Run is a stretch of one row in one style.
type Run struct {
	Text  string // no control characters; blanks are spaces
	Width int    // in columns
	Style Style
}

// cell is the stored form, 16 bytes and free of pointers, so that rows are
// cleared and copied as plain memory. The zero cell is a blank.
type cell struct {
	glyph glyph
	style Style
}

// A glyph is a rune, or the number of an interned cluster, with flags. Zero is
// a blank that nothing was written to.
type glyph uint32

const (
	glyphValue   glyph = 1<<21 - 1
	glyphWide    glyph = 1 << 21 // left half of a wide character
	glyphTail    glyph = 1 << 22 // right half of a wide character
	glyphCluster glyph = 1 << 23 // the value is an index into clusters
)

// maxCluster bounds one cell's content, in bytes: room for the longest emoji
// sequences in use, not for a page of stacked accents.
const maxCluster = 32

// clusters interns what does not fit into a rune: a base with combining marks.
type clusters struct {
	texts []string
	index map[string]glyph
	limit int // length of texts at which unused ones are dropped
}

const minClusterLimit = 1024

// intern returns the glyph value for text, or false when there is no room.
func (c *clusters) intern(text string) (glyph, bool) {
	if g, ok := c.index[text]; ok {
		return g, true
	}
	if len(c.texts) >= int(glyphValue) {
		return 0, false
	}
	if c.index == nil {
		c.index = make(map[string]glyph)
	}
	g := glyphCluster | glyph(len(c.texts))
	c.texts = append(c.texts, text)
	c.index[text] = g
	return g, true
}

func (c *clusters) full() bool { return len(c.texts) >= max(c.limit, minClusterLimit) }

// text is the content of g; a blank is " ", the right half of a wide
// character is "".
func (c *clusters) text(g glyph) string {
	switch v := g & glyphValue; {
	case g&glyphTail != 0:
		return ""
	case g&glyphCluster != 0:
		return c.texts[v]
	case v == 0:
		return " "
	case v < utf8.RuneSelf:
		return asciiText[v : v+1]
	default:
		return string(rune(v))
	}
}

// appendText is text appended to dst, without allocating for a rune.
func (c *clusters) appendText(dst []byte, g glyph) []byte {
	switch v := g & glyphValue; {
	case g&glyphTail != 0:
		return dst
	case g&glyphCluster != 0:
		return append(dst, c.texts[v]...)
	case v == 0:
		return append(dst, ' ')
	default:
		return utf8.AppendRune(dst, rune(v))
	}
}

// asciiText holds every ASCII character at its own index, so that a one-byte
// content is a slice of it and not an allocation.
var asciiText = func() string {
	var b [utf8.RuneSelf]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()
