package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// tail keeps the last MiB of a stream on disk: it costs no memory, and a
// crash leaves it whole. Two files take turns, each appended to until it
// holds a MiB: NAME.tail.0 and NAME.tail.1. Each begins with the offset in
// the stream of its first byte, as 20 digits and a line feed. At the end the
// last MiB of both becomes NAME.tail.
type tail struct {
	dir     string
	stream  string
	reserve *reserve
	f       *os.File
	turn    int
	start   int64 // offset in the stream of the first byte of f
	n       int64 // bytes of the stream in f
}

const (
	tailHead = 21      // bytes before those of the stream
	tailEnd  = ".tail" // of the name of the file that stays
)

func (t *tail) path(turn int) string {
	return filepath.Join(t.dir, fmt.Sprintf("%s.tail.%d", t.stream, turn))
}

// newTail begins a tail at an offset of the stream.
func newTail(dir, stream string, offset int64, r *reserve) (*tail, error) {
	t := &tail{dir: dir, stream: stream, reserve: r}
	return t, t.open(offset)
}

func (t *tail) open(offset int64) error {
	f, err := os.OpenFile(t.path(t.turn), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := writeAll(f, fmt.Appendf(nil, "%020d\n", offset), t.reserve); err != nil {
		return errors.Join(err, f.Close())
	}
	t.f, t.start, t.n = f, offset, 0
	return nil
}

// append writes p. What a failing write leaves stays: it did arrive.
func (t *tail) append(p []byte) error {
	for len(p) > 0 {
		if t.n >= tailSize {
			if err := t.f.Close(); err != nil {
				return err
			}
			t.turn = 1 - t.turn
			if err := t.open(t.start + t.n); err != nil {
				return err
			}
		}
		n := min(int64(len(p)), tailSize-t.n)
		if err := writeAll(t.f, p[:n], t.reserve); err != nil {
			return err
		}
		t.n += n
		p = p[n:]
	}
	return nil
}

// joinTail makes NAME.tail of the two files, whoever wrote them. It returns
// how long the stream is by them and the offset at which the kept end begins;
// found is false when there is no tail. The two files stay until dropTail.
func joinTail(dir, stream string, r *reserve) (start, end int64, found bool, err error) {
	t := tail{dir: dir, stream: stream}
	var parts [2][]byte
	var from [2]int64
	for turn := range parts {
		data, err := os.ReadFile(t.path(turn))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, false, err
		}
		if len(data) < tailHead {
			continue // a crash came between opening and the first write
		}
		if _, err := fmt.Sscanf(string(data[:tailHead]), "%d\n", &from[turn]); err != nil {
			return 0, 0, false, fmt.Errorf("%s: %w", t.path(turn), err)
		}
		parts[turn] = data[tailHead:]
		found = true
	}
	if !found {
		return 0, 0, false, nil
	}
	if parts[0] != nil && parts[1] != nil && from[0] > from[1] || parts[0] == nil {
		parts[0], parts[1] = parts[1], parts[0]
		from[0], from[1] = from[1], from[0]
	}
	all := append(parts[0], parts[1]...)
	end = from[0] + int64(len(all))
	kept := all[max(0, len(all)-tailSize):]
	return end - int64(len(kept)), end, true, replaceFile(dir, stream+tailEnd, kept, r)
}

// dropTail removes the two files that joinTail has read.
func dropTail(dir, stream string) error {
	t := tail{dir: dir, stream: stream}
	var errs []error
	for turn := range 2 {
		if err := os.Remove(t.path(turn)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// replaceFile puts data in a file of dir as a whole: after a crash it is
// there or it is not. The entry is durable when it returns.
func replaceFile(dir, name string, data []byte, r *reserve) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = writeAll(f, data, r)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// hashFile appends the contents of a file to w and returns its length.
func hashFile(dir, name string, w io.Writer) (int64, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, f)
	return n, errors.Join(err, f.Close())
}
