package recorder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// maxLine bounds a line that is read, in bytes. Ours are below 200 KiB; other
// recorders' reach ten million.
const maxLine = 16 << 20

// Reader reads a cast, be it live, sealed or of another recorder. It is safe
// for concurrent use; each iteration has its own place. Nothing is verified:
// see [Verify]. What it gives is recorded content: it must not reach a
// terminal but through an emulator.
type Reader struct {
	Header Header
	// Broken is why the recording could not be decrypted to its end; see
	// [OpenWith].
	Broken error

	f     *os.File
	first int64 // offset of the first event
}

// TimedEvent is one event of a cast.
type TimedEvent struct {
	At     time.Duration // since the start
	Code   byte
	Data   string
	Offset int64 // of its line in the cast
	Next   int64 // of the line after it
}

// LineError is a line that cannot be read. Iterations go on after it: one bad
// line does not hide the good ones.
type LineError struct {
	Offset int64
	Err    error
}

func (e *LineError) Error() string { return fmt.Sprintf("cast, offset %d: %v", e.Offset, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Open opens the cast of a recording's folder, or a cast file. The error is
// [ErrEncrypted] where only [OpenWith] can.
func Open(path string) (*Reader, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if fi.IsDir() && buried(path) {
		return nil, ErrDeleted
	}
	if fi.IsDir() && IsEncrypted(path) {
		return nil, ErrEncrypted
	}
	if fi.IsDir() {
		path = filepath.Join(path, castName)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{f: f}
	if err := r.readHeader(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return r, nil
}

// Close ends the reading.
func (r *Reader) Close() error { return r.f.Close() }

// Size is the length of the cast in bytes.
func (r *Reader) Size() (int64, error) {
	info, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// CopyTo writes the cast to w, byte for byte.
func (r *Reader) CopyTo(w io.Writer) error {
	size, err := r.Size()
	if err == nil {
		_, err = io.Copy(w, io.NewSectionReader(r.f, 0, size))
	}
	return err
}

func (r *Reader) readHeader() error {
	lines := newLineReader(r.f, 0)
	line, err := lines.next()
	if err != nil {
		return fmt.Errorf("no header: %w", err)
	}
	if err := json.Unmarshal(line, &r.Header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if r.Header.Version != 2 {
		return fmt.Errorf("asciicast version %d, only 2 is known", r.Header.Version)
	}
	r.first = lines.offset
	return nil
}

// Events iterates over all events. The error is a [*LineError], after which
// the next event follows, or one of reading, after which nothing does.
// A last line that is still being written is left out.
func (r *Reader) Events() iter.Seq2[TimedEvent, error] { return r.EventsAt(r.first) }

// From iterates over the events at or after a time.
func (r *Reader) From(at time.Duration) iter.Seq2[TimedEvent, error] {
	return func(yield func(TimedEvent, error) bool) {
		offset, err := r.Seek(at)
		if err != nil {
			yield(TimedEvent{}, err)
			return
		}
		r.EventsAt(offset)(yield)
	}
}

// EventsAt iterates over the events from an offset that an event had, or that
// was the Next of one: so a live recording is followed.
func (r *Reader) EventsAt(offset int64) iter.Seq2[TimedEvent, error] {
	return func(yield func(TimedEvent, error) bool) {
		lines := newLineReader(r.f, max(offset, r.first))
		var text []byte
		for {
			begin := lines.offset
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			ev := TimedEvent{Offset: begin, Next: lines.offset}
			if err == nil {
				ev.At, ev.Code, text, err = parseLine(line, text[:0])
			}
			if err != nil {
				if !errors.Is(err, errLine) {
					yield(ev, err)
					return
				}
				if !yield(ev, &LineError{begin, err}) {
					return
				}
				continue
			}
			ev.Data = string(text)
			if !yield(ev, nil) {
				return
			}
		}
	}
}

// lineReader reads lines of bounded length and knows where it is.
type lineReader struct {
	in     *bufio.Reader
	offset int64 // of the next line
	long   []byte
}

func newLineReader(f io.ReaderAt, offset int64) *lineReader {
	section := io.NewSectionReader(f, offset, 1<<62-offset)
	return &lineReader{in: bufio.NewReaderSize(section, 64<<10), offset: offset}
}

// next gives a line without its line feed; it is valid until the next call.
// The error is io.EOF at the end, also when the last line has no line feed,
// or wraps errLine when a line is too long, which is then skipped.
func (l *lineReader) next() ([]byte, error) {
	l.long = l.long[:0]
	n := int64(0)
	for {
		part, err := l.in.ReadSlice('\n')
		n += int64(len(part))
		switch {
		case err == nil && n == int64(len(part)):
			l.offset += n
			return part[:n-1], nil
		case err == nil && n <= maxLine:
			l.offset += n
			l.long = append(l.long, part...)
			return l.long[:n-1], nil
		case err == nil:
			l.offset += n
			return nil, fmt.Errorf("%w: a line of %d bytes", errLine, n)
		case err != bufio.ErrBufferFull:
			return nil, err
		case n <= maxLine:
			l.long = append(l.long, part...)
		}
	}
}

// Duration is the time of the last whole event; 0 without any.
func (r *Reader) Duration() (time.Duration, error) {
	fi, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	for end := fi.Size(); end > r.first; {
		begin, stop, err := lastLine(r.f, r.first, end)
		if err != nil {
			return 0, err
		}
		if at, ok := r.timeAt(begin); ok && stop > begin {
			return at, nil
		}
		end = begin
	}
	return 0, nil
}

// lastLine finds the last line that ends with a line feed between from and
// end: its beginning and the offset after its line feed. Both are from when
// there is none.
func lastLine(f io.ReaderAt, from, end int64) (begin, stop int64, err error) {
	stop, err = lastFeed(f, from, end)
	if err != nil || stop == from {
		return from, from, err
	}
	begin, err = lastFeed(f, from, stop-1)
	return begin, stop, err
}

// lastFeed is the offset after the last line feed in [from, end), or from.
func lastFeed(f io.ReaderAt, from, end int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for end > from {
		n := min(int64(len(buf)), end-from)
		if _, err := f.ReadAt(buf[:n], end-n); err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return from, nil
}
