package store

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// The lines of a segment are stored one after the other, compressed with
// DEFLATE: µs since the line before, length of the text, the text; numbers as
// varints.

// maxSegment bounds a segment, unpacked: what [screens] gives is far below.
const maxSegment = 4 << 20

var errSegment = errors.New("a segment is damaged")

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is one
	}
	return w
}}

// packLines gives lines as they are stored.
func packLines(lines []access.TextLine) ([]byte, error) {
	var raw []byte
	var last time.Duration
	for _, line := range lines {
		raw = binary.AppendVarint(raw, (line.At - last).Microseconds())
		last += (line.At - last).Truncate(time.Microsecond)
		raw = binary.AppendUvarint(raw, uint64(len(line.Text)))
		raw = append(raw, line.Text...)
	}
	if len(raw) > maxSegment {
		return nil, errors.New("store: a segment of too much text")
	}
	var packed bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// foldLines gives the text that is indexed.
func foldLines(lines []access.TextLine) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(screens.Fold(line.Text))
		b.WriteByte('\n') // no trigram of two lines matches
	}
	return b.String()
}

// unpacker reads stored lines, one segment after the other.
type unpacker struct {
	in  io.Reader
	raw bytes.Buffer
}

func newUnpacker() *unpacker { return &unpacker{in: flate.NewReader(bytes.NewReader(nil))} }

// each visits the lines of a segment until visit says no.
func (u *unpacker) each(packed []byte, visit func(at time.Duration, text []byte) bool) error {
	if err := u.in.(flate.Resetter).Reset(bytes.NewReader(packed), nil); err != nil {
		return err
	}
	u.raw.Reset()
	if _, err := u.raw.ReadFrom(io.LimitReader(u.in, maxSegment+1)); err != nil {
		return err
	}
	var at time.Duration
	for raw := u.raw.Bytes(); len(raw) > 0; {
		us, n := binary.Varint(raw)
		if n <= 0 {
			return errSegment
		}
		raw = raw[n:]
		size, n := binary.Uvarint(raw)
		if n <= 0 || size > uint64(len(raw)-n) {
			return errSegment
		}
		at += time.Duration(us) * time.Microsecond
		if !visit(at, raw[n:n+int(size)]) {
			return nil
		}
		raw = raw[n+int(size):]
	}
	return nil
}
