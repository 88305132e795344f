package recorder

import (
	"io"
	"sort"
	"time"
)

// Seek is the offset of the first event at or after a time, or the end of the
// cast. Absolute times make every line a place to start from, so it is a
// binary search over the file: some twenty short reads, however long the
// recording.
func (r *Reader) Seek(at time.Duration) (int64, error) {
	fi, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	return r.seekWithin(at, r.first, fi.Size())
}

// seekWithin is Seek where the answer is known to lie in [from, end]; from is
// the beginning of a line, end that of one or of what is still being written.
func (r *Reader) seekWithin(at time.Duration, from, end int64) (int64, error) {
	var failed error
	// The first byte from which on the next line is at or after the time.
	n := sort.Search(int(end-from), func(i int) bool {
		begin, err := r.lineAfter(from + int64(i))
		if err != nil {
			failed = err
			return true
		}
		for {
			t, ok := r.timeAt(begin)
			if ok {
				return t >= at
			}
			// A damaged line tells no time: ask the one after it.
			next, err := r.lineAfter(begin + 1)
			if err != nil || next >= end {
				failed = err
				return true
			}
			begin = next
		}
	})
	if failed != nil {
		return 0, failed
	}
	return r.lineAfter(from + int64(n))
}

// lineAfter is the offset of the first line that begins at or after offset,
// or the end of the file.
func (r *Reader) lineAfter(offset int64) (int64, error) {
	if offset <= r.first {
		return r.first, nil
	}
	buf := make([]byte, 4<<10)
	for offset--; ; {
		n, err := r.f.ReadAt(buf, offset)
		for i, c := range buf[:n] {
			if c == '\n' {
				return offset + int64(i) + 1, nil
			}
		}
		offset += int64(n)
		if err == io.EOF {
			return offset, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// timeAt reads the time of the line at offset.
func (r *Reader) timeAt(offset int64) (time.Duration, bool) {
	var buf [32]byte
	n, err := r.f.ReadAt(buf[:], offset)
	if err != nil && err != io.EOF {
		return 0, false
	}
	at, rest, ok := parseTime(buf[:n])
	return at, ok && len(rest) > 0
}
