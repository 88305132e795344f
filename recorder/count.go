package recorder

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// count reads the files once to know what a live recording would know: what
// passed, when, and what is held back.
func (m *mending) count() error {
	rec := m.rec
	m.scan.void(rec.cast.size)
	cast, err := Open(rec.dir)
	if err != nil {
		return err
	}
	defer cast.Close()
	unreadable := 0
	for ev, err := range cast.Events() {
		var bad *LineError
		if errors.As(err, &bad) {
			unreadable++
			continue
		}
		if err != nil {
			return err
		}
		m.countEvent(ev)
	}
	if unreadable > 0 {
		m.note("%d lines of the cast cannot be read", unreadable)
	}
	for _, s := range []*stream{rec.out, rec.err} {
		c := m.scan.carries[s.name].last
		if len(c.bytes) == unfinished(c.bytes) {
			s.carry.n = copy(s.carry.buf[:], c.bytes)
			s.bytes += int64(s.carry.n)
			s.stored += int64(s.carry.n)
		}
	}
	return errors.Join(m.countBeside(rec.in), m.countBeside(rec.out))
}

func (m *mending) countEvent(ev TimedEvent) {
	rec := m.rec
	rec.counts.Events++
	rec.last = max(rec.last, ev.At.Microseconds())
	switch ev.Code {
	case CodeResize:
		rec.counts.Resizes++
	case CodeMarker:
		rec.counts.Markers++
	case CodeOutput:
		note := m.scan.note(ev.Offset)
		s := rec.out
		if note.ours || s.beside && !note.stderr {
			return
		}
		if note.stderr {
			s = rec.err
		}
		n := int64(len(ev.Data)) - int64(note.invalid)*int64(len(replacement)-1)
		s.bytes += n
		s.stored += n
		if m.scan.carries[s.name].last.offset <= ev.Offset {
			delete(m.scan.carries, s.name) // it went into this event
		}
	}
}

// countBeside reads the file of a stream that is not in the cast.
func (m *mending) countBeside(s *stream) error {
	rec := m.rec
	if s.file == nil {
		return nil
	}
	f, err := os.Open(filepath.Join(rec.dir, s.fileName()))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := newLineReader(f, 0)
	var text []byte
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		var at time.Duration
		var code byte
		if err == nil {
			at, code, text, err = parseLine(line, text[:0])
		}
		if errors.Is(err, errLine) {
			continue
		}
		if err != nil {
			return err
		}
		n := len(text)
		if code == CodeBase64 {
			n = base64.StdEncoding.DecodedLen(n)
			for i := len(text) - 1; i >= 0 && text[i] == '='; i-- {
				n--
			}
		}
		s.bytes += int64(n)
		s.stored += int64(n)
		rec.last = max(rec.last, at.Microseconds())
	}
}

// tails learns from the tails how long the streams were.
func (m *mending) tails() error {
	for _, s := range m.rec.streams() {
		_, end, found, err := joinTail(m.rec.dir, s.name, &m.rec.r.reserve)
		if err != nil {
			return err
		}
		if found {
			s.bytes = max(s.bytes, end)
		}
	}
	return nil
}
