package recorder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TypedReader reads what was typed at the terminal of a session, as far as a
// rule had it kept and the heuristic let it stand; see typed.go. It is safe
// for concurrent use. What it gives is recorded content.
type TypedReader struct{ r *Reader }

// typedWindow is how much of the file is looked at for what was typed last.
const typedWindow = 16 << 10

// OpenTyped opens what a session's folder has of it, live or sealed. The error
// wraps [fs.ErrNotExist] where nothing was kept, or where it is encrypted.
func OpenTyped(folder string) (*TypedReader, error) {
	f, err := os.Open(filepath.Join(folder, streamStdin+besideEnd))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &TypedReader{&Reader{f: f}}, nil
}

// Close ends the reading.
func (t *TypedReader) Close() error { return t.r.Close() }

// Before gives the last that was typed up to a moment: some thousand keys at
// most, the oldest first, as they were sent.
func (t *TypedReader) Before(at time.Duration) (string, error) {
	end, err := t.r.Seek(at + time.Microsecond)
	if err != nil || end == 0 {
		return "", err
	}
	from, err := t.r.lineAfter(max(end-typedWindow, 0))
	if err != nil {
		return "", err
	}
	var keys strings.Builder
	lines := newLineReader(io.NewSectionReader(t.r.f, 0, end), from)
	for lines.offset < end {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errLine) {
			return "", err
		}
		if err != nil {
			continue // of no length that a key has
		}
		when, code, text, err := parseLine(line, nil)
		if err == nil && code == CodeInput && when <= at {
			keys.Write(text)
		}
	}
	return keys.String(), nil
}
