package screens

import (
	"hash/maphash"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
)

const (
	segmentSpan  = 30 * time.Second // of a recording, in one segment at most
	segmentBytes = 32 << 10         // of text, in one segment at about
	segmentLines = 4096
	maxLineBytes = 4 << 10 // of a line; longer ones are cut into several

	stillFor   = 200 * time.Millisecond // a screen that stood so long was seen
	lookLeast  = time.Second            // how often the screen is read at least, while it changes
	minLetters = 2                      // letters and digits that make a line worth keeping
)

// text collects the lines that stood on a screen: each row that was written to
// when it leaves the screen or when the screen stood still, rows that autowrap
// cut joined again. Within a segment no line comes twice, and one that grew,
// as a command line does while it is typed, is there once.
//
// What was overwritten in place before it stood still for a moment is not
// seen, as no person could have read it either.
type text struct {
	screen *vt.Screen
	emit   func(access.TextSegment) error
	shell  shell

	now, looked time.Duration
	begun       string // rows of a line that goes on in the next
	next        int    // row in which it goes on
	lines       []access.TextLine
	onAlt       []bool // for each line: it stood on the alternate screen
	bytes       int
	seen        map[uint64]struct{}
	seed        maphash.Seed
	dirty       []int
	err         error // the first of emit
}

func newText(screen *vt.Screen, emit func(access.TextSegment) error) *text {
	t := &text{screen: screen, emit: emit, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	t.shell.text = t
	screen.Departing = func(y int) { t.row(y) }
	return t
}

// advance goes to the time of the next event, before it is applied: if the
// screen stood still until then, it was seen.
func (t *text) advance(at time.Duration) error {
	if at-t.now >= stillFor || t.now-t.looked >= lookLeast {
		t.look()
	}
	if len(t.lines) > 0 && at-t.lines[0].At >= segmentSpan || t.bytes >= segmentBytes || len(t.lines) >= segmentLines {
		t.flush()
	}
	t.now = max(t.now, at)
	return t.err
}

// look reads all rows that changed since the last look.
func (t *text) look() {
	t.looked = t.now
	t.dirty = t.screen.TakeDirty(t.dirty[:0])
	done := -1
	for _, y := range t.dirty {
		if y <= done {
			continue
		}
		for y-1 > done && t.screen.Wrapped(y-1) { // the line began above
			y--
		}
		for t.row(y); t.begun != ""; t.row(y) {
			y++
		}
		done = y
	}
	t.endLine()
}

// row takes row y. Rows of one line come one after the other, both when they
// scroll away and when the screen is read.
func (t *text) row(y int) {
	if t.begun != "" && y != t.next && y != t.next-1 { // it scrolled meanwhile, or it is another line
		t.endLine()
	}
	t.begun += t.screen.Row(y)
	if _, rows := t.screen.Size(); t.screen.Wrapped(y) && y+1 < rows && len(t.begun) < maxLineBytes {
		t.next = y + 1
		return
	}
	t.endLine()
}

func (t *text) endLine() {
	if t.begun == "" {
		return
	}
	line := clean(t.begun)
	t.begun = ""
	if !worthKeeping(line) {
		return
	}
	sum := maphash.String(t.seed, line)
	if _, again := t.seen[sum]; again {
		return
	}
	t.seen[sum] = struct{}{}
	t.bytes += len(line)
	if n := len(t.lines) - 1; n >= 0 && strings.HasPrefix(line, t.lines[n].Text) {
		t.bytes -= len(t.lines[n].Text)
		t.lines[n], t.onAlt[n] = access.TextLine{At: t.now, Text: line}, t.screen.OnAlternate()
		return
	}
	t.lines = append(t.lines, access.TextLine{At: t.now, Text: line})
	t.onAlt = append(t.onAlt, t.screen.OnAlternate())
}

// end takes what is left on the screen.
func (t *text) end() error {
	t.look()
	t.flush()
	return t.err
}

// flush gives what was collected as segments, one for each source.
func (t *text) flush() {
	if len(t.lines) > 0 {
		t.give(access.TextSegment{Source: access.TextScreen, Lines: t.lines})
		if !t.shell.speaks {
			t.give(access.TextSegment{Source: access.TextPrompt, Lines: guess(t.lines, t.onAlt)})
		}
	}
	t.give(access.TextSegment{Source: access.TextCommand, Lines: t.shell.commands})
	t.shell.commands = nil
	t.lines, t.onAlt, t.bytes = nil, t.onAlt[:0], 0
	clear(t.seen)
}

func (t *text) give(s access.TextSegment) {
	if t.err == nil && len(s.Lines) > 0 {
		t.err = t.emit(s)
	}
}

// clean drops what a terminal might act on or reorder: cells hold no control
// characters, but may hold format characters. A joiner of emoji stays.
func clean(line string) string {
	plain := true
	for i := 0; i < len(line) && plain; i++ {
		plain = line[i] < 0x7f
	}
	line = strings.TrimSpace(line)
	if plain {
		return line
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r), r == '\u200d':
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, line))
}

// worthKeeping reports whether anybody could look for a line.
func worthKeeping(line string) bool {
	n := 0
	for _, r := range line {
		if r < 0x80 && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9') || r >= 0x80 && unicode.In(r, unicode.L, unicode.N, unicode.So) {
			if n++; n >= minLetters {
				return true
			}
		}
	}
	return false
}
