package vt

import (
	"bytes"
	"strings"
	"unicode"
)

const (
	maxTitle  = 256 // characters
	maxTitles = 10  // on the stack of XTWINOPS 22, as in xterm
)

// oscByte collects an operating system command up to its end, of which the
// first maxOSC bytes are kept.
func (s *Screen) oscByte(b byte) {
	ps := &s.parser
	switch {
	case b == '\a':
		s.endString()
		ps.state = stateGround
	case len(ps.osc) < maxOSC:
		ps.osc = append(ps.osc, b)
	}
}

// endString acts on an operating system command that is complete. Only 0 and 2
// mean something here; links (8), the clipboard (52), colours and the rest are
// dropped. In any other state it does nothing.
func (s *Screen) endString() {
	ps := &s.parser
	if ps.state != stateOSC {
		return
	}
	code, text, ok := bytes.Cut(ps.osc, []byte(";"))
	if ok && (string(code) == "0" || string(code) == "2") {
		s.title = cleanTitle(text)
	}
	ps.osc = ps.osc[:0]
}

// cleanTitle makes a title safe to show: no control or format characters
// (those reorder text), no invalid UTF-8, and not long.
func cleanTitle(b []byte) string {
	var out strings.Builder
	n := 0
	for _, r := range string(b) {
		if n == maxTitle {
			break
		}
		if unicode.IsPrint(r) {
			out.WriteRune(r)
			n++
		}
	}
	return out.String()
}

// windowOp is XTWINOPS: only saving (22) and restoring (23) the title count;
// the screen's size is the recording's to say.
func (s *Screen) windowOp(op, what int) {
	if what != 0 && what != 2 { // 1 is the icon's
		return
	}
	switch {
	case op == 22 && len(s.titles) < maxTitles:
		s.titles = append(s.titles, s.title)
	case op == 23 && len(s.titles) > 0:
		last := len(s.titles) - 1
		s.title, s.titles = s.titles[last], s.titles[:last]
	}
}
