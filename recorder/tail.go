package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// tail keeps the last MiB of a stream on disk: it costs no memory, and a crash
// of the process leaves it whole. It is a ring that is written in place, since
// every byte of a large transfer goes through it: new pages for each of them
// cost three times as much. NAME.ring begins with two offsets in the stream,
// where the ring began and where it ends; a byte at offset o of the stream
// stands at (o - began) mod ringSize after them. At the end the last MiB of it
// becomes NAME.tail.
//
// The ring has room for two MiB, and the offsets are written after the bytes,
// never more than one MiB at a time: so whatever was under way when the process
// died lies outside the last MiB that the offsets tell of.
type tail struct {
	f       *os.File
	reserve *reserve
	began   int64 // offset in the stream of the first byte that went here
	end     int64 // offset in the stream after the last one

	cover *cover // of an encrypted recording; else nil
}

const (
	ringSize = 2 * tailSize
	ringHead = 42      // "%020d %020d\n"
	ringEnd  = ".ring" // of the name of the ring
	tailEnd  = ".tail" // of the name of the file that stays
)

// newTail begins a tail at an offset of the stream, plain if c is nil.
func newTail(dir, stream string, offset int64, r *reserve, c *cover) (*tail, error) {
	f, err := os.OpenFile(filepath.Join(dir, stream+ringEnd), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	t := &tail{f: f, reserve: r, began: offset, end: offset, cover: c}
	if err := t.writeHead(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *tail) writeHead() error {
	return t.write(t.appendHead(make([]byte, 0, coverHead)), 0)
}

func (t *tail) write(p []byte, at int64) error {
	return writeAll(io.NewOffsetWriter(t.f, at), p, t.reserve)
}

// append writes p. What a failing write leaves is not counted.
func (t *tail) append(p []byte) error {
	if t.cover == nil {
		return t.put(p)
	}
	for len(p) > 0 {
		n := min(len(p), coverStep)
		if err := t.put(t.cover.hide(p[:n])); err != nil {
			t.cover, t.began = newCover(t.cover.key), t.end
			return err
		}
		p = p[n:]
	}
	return nil
}

func (t *tail) put(p []byte) error {
	for len(p) > 0 {
		at := (t.end - t.began) % ringSize
		n := min(int64(len(p)), tailSize, ringSize-at)
		if err := t.write(p[:n], t.head()+at); err != nil {
			return err
		}
		t.end += n
		if err := t.writeHead(); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// joinTail makes NAME.tail of the ring, whoever wrote it. It returns how long
// the stream is by it and the offset at which the kept end begins; found is
// false when there is no ring, or none that can be read: nothing is synced while
// the stream flows, so power loss may take any part of it, and must not keep the
// rest of the recording from being recovered. The ring stays until dropTail.
func joinTail(dir, stream string, r *reserve) (start, end int64, found bool, err error) {
	path := filepath.Join(dir, stream+ringEnd)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	kept, start, end, err := parseRing(data)
	if err != nil {
		return 0, 0, false, nil //nolint:nilerr // as if there were none
	}
	return start, end, true, replaceFile(dir, stream+tailEnd, kept, r)
}

// errRing says that a ring tells nothing.
var errRing = errors.New("not a ring that can be read")

// parseRing gives the last MiB of a ring, and which part of the stream it is.
func parseRing(data []byte) (kept []byte, start, end int64, err error) {
	var began int64
	if len(data) < ringHead {
		return nil, 0, 0, errRing
	}
	if _, err := fmt.Sscanf(string(data[:ringHead]), "%d %d\n", &began, &end); err != nil || !ringSpan(began, end) {
		return nil, 0, 0, errRing
	}
	ring := data[ringHead:]
	start = max(began, end-tailSize)
	kept = make([]byte, 0, end-start)
	for o := start; o < end; {
		at := (o - began) % ringSize
		n := min(end-o, ringSize-at)
		if at+n > int64(len(ring)) {
			return nil, 0, 0, errRing
		}
		kept = append(kept, ring[at:at+n]...)
		o += n
	}
	return kept, start, end, nil
}

// ringSpan reports whether a ring's head tells of a part of a stream. The bound
// keeps sums of two within an int64.
func ringSpan(began, end int64) bool { return 0 <= began && began <= end && end <= maxRingStream }

// maxRingStream bounds what a ring's head may claim: an exbibyte.
const maxRingStream = 1 << 60

// dropTail removes the ring that joinTail has read.
func dropTail(dir, stream string) error {
	err := os.Remove(filepath.Join(dir, stream+ringEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// replaceFile puts data in a file of dir as a whole: after a crash it is
// there or it is not. It is durable when it returns.
func replaceFile(dir, name string, data []byte, r *reserve) error {
	if err := putFile(dir, name, data, r, (*os.File).Sync); err != nil {
		return err
	}
	return syncDir(dir)
}

// putFile puts data in a file of dir as a whole, after sync.
func putFile(dir, name string, data []byte, r *reserve, sync func(*os.File) error) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = writeAll(f, data, r)
	if err == nil {
		err = sync(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
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
