package recorder

import (
	"encoding/base64"
	"sync"
	"unicode/utf8"
)

// buffer is where one call encodes what it writes. Buffers are pooled, so
// that an idle recording holds none.
type buffer struct {
	cast     []byte // lines for the file that the call writes to
	notes    []byte // lines for the sidecar
	original []byte // of the event being encoded
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// keepBuffer bounds what the pool keeps: enough for a chunk of 128 KiB of
// which half must be escaped.
const keepBuffer = 512 << 10

func getBuffer() *buffer {
	b := buffers.Get().(*buffer)
	b.cast, b.notes, b.original = b.cast[:0], b.notes[:0], b.original[:0]
	return b
}

func putBuffer(b *buffer) {
	if cap(b.cast) <= keepBuffer && cap(b.notes) <= keepBuffer {
		buffers.Put(b)
	}
}

// begin appends an event up to its text.
func (b *buffer) begin(micros int64, code byte) {
	b.cast = append(b.cast, '[')
	b.cast = appendSeconds(b.cast, micros)
	b.cast = append(b.cast, `, "`...)
	b.cast = append(b.cast, code)
	b.cast = append(b.cast, `", "`...)
}

func (b *buffer) end() { b.cast = append(b.cast, "\"]\n"...) }

// event appends a whole event whose text is known to be UTF-8 or does not
// matter byte for byte.
func (b *buffer) event(micros int64, code byte, text string) {
	b.begin(micros, code)
	b.cast, b.original, _ = appendText(b.cast, []byte(text), b.original[:0])
	b.end()
}

// output appends the events of what s carries and of p, for a cast that is
// size bytes long, and the notes about them. With flush nothing is carried
// on: what is unfinished is invalid.
func (b *buffer) output(s *stream, micros, size int64, p []byte, flush bool) (events int) {
	var scratch [2 * utf8.UTFMax]byte
	head, p := s.carry.join(p, &scratch)
	if s.carry.n == 0 {
		p = s.carry.hold(p)
	}
	var last []byte
	if flush {
		last, s.carry.n = s.carry.bytes(), 0
	}
	for len(head)+len(p)+len(last) > 0 {
		n := len(p)
		if n > eventBytes {
			n = eventBytes - unfinished(p[:eventBytes])
		}
		var tail []byte
		if n == len(p) {
			tail, last = last, nil
		}
		b.piece(s, micros, size, head, p[:n], tail)
		head, p = nil, p[n:]
		events++
	}
	if s.carry.n > 0 {
		b.notes = appendCarryNote(b.notes, size+int64(len(b.cast)), s.name, s.carry.bytes())
	}
	return events
}

// piece appends one event of output.
func (b *buffer) piece(s *stream, micros, size int64, parts ...[]byte) {
	offset := size + int64(len(b.cast))
	b.original = b.original[:0]
	b.begin(micros, 'o')
	invalid := 0
	for _, p := range parts {
		var n int
		b.cast, b.original, n = appendText(b.cast, p, b.original)
		invalid += n
	}
	b.end()
	if invalid == 0 {
		b.original = b.original[:0]
	}
	if invalid > 0 || s.name != streamStdout {
		b.notes = appendEventNote(b.notes, offset, s.name, b.original)
	}
}

// beside appends lines of a stream that is not in the cast: [seconds, code,
// text], or base64 under code "b" where a piece is not UTF-8 as a whole.
func (b *buffer) beside(micros int64, code byte, p []byte) {
	for len(p) > 0 {
		n := len(p)
		if n > eventBytes {
			n = eventBytes - unfinished(p[:eventBytes])
		}
		if utf8.Valid(p[:n]) {
			b.begin(micros, code)
			b.cast, b.original, _ = appendText(b.cast, p[:n], b.original[:0])
		} else {
			b.begin(micros, CodeBase64)
			b.cast = base64.StdEncoding.AppendEncode(b.cast, p[:n])
		}
		b.end()
		p = p[n:]
	}
}
