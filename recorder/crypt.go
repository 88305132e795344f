package recorder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// crypt is the disk side of an encrypted recording. What a plain one appends
// to session.cast, stdin.ndjson and so on becomes frames of tail.enc, one file
// for all of them; a tail that is long or old enough ends, under the name
// NNNN.tail.enc, becomes one segment NNNN.NAME.zst.age for each of those
// files, and is removed when they are safely on disk. The cast, the sidecar's
// notes, input, output and events are content, so they go this way; blocks,
// with digests over the bytes as stored, stay readable in session.idx.
//
// Everything but the making of segments happens under the recording's lock.
type crypt struct {
	dir     string
	reserve *reserve
	now     func() time.Time
	key     *sessionKey // nil in recovery: the process that had it is gone
	wrapped []byte      // key.age
	command string      // of the session: shown in the header of the cast alone

	tail    *file // nil before the first frame and after the last
	number  uint32
	began   time.Time // first frame of the tail
	last    tag
	counter uint64
	frame   []byte

	ended []endedTail  // oldest first; to become segments
	spent []uint32     // numbers of tails that have, to be removed
	made  []FileDigest // segments that have
	moved bool         // the folder's entries changed since the last sync
}

// endedTail is a tail to which nothing comes any more.
type endedTail struct {
	number uint32
	file   *file
}

const (
	segmentBytes = 8 << 20
	segmentEvery = 15 * time.Minute
	keepFrame    = 256 << 10
)

// Files of a recording as frames know them.
const (
	codeCast   = 'c'
	codeStdin  = 'i'
	codeStdout = 'o'
	codeEvents = 'e'
	codeNotes  = 'n'
)

// part is one of the files that a tail becomes segments of.
type part struct {
	code byte
	name string // in NNNN.name.zst.age
	file string // what it is of
}

// parts names the files that segments are of, and what they become when they
// are put together again.
var parts = []part{
	{codeCast, "cast", castName},
	{codeStdin, streamStdin, streamStdin + besideEnd},
	{codeStdout, streamStdout, streamStdout + besideEnd},
	{codeEvents, "events", eventsName},
	{codeNotes, "notes", sidecarName},
}

// file makes one of the files that the recording appends to.
func (c *crypt) file(name string) *file {
	for _, p := range parts {
		if p.file == name {
			return &file{name: name, into: c, code: p.code}
		}
	}
	return nil // there are no others; see [Recording.makeFile]
}

// append writes a frame. The counter moves on even when that fails: what the
// disk got of it must not be encrypted again otherwise.
func (c *crypt) append(code byte, b []byte) error {
	for {
		n := min(len(b), maxFrame)
		if err := c.appendFrame(code, b[:n]); err != nil {
			return err
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
}

func (c *crypt) appendFrame(code byte, b []byte) error {
	if c.tail == nil {
		if err := c.begin(); err != nil {
			return err
		}
	}
	before := c.last[:]
	if c.tail.size == int64(tailHeadSize) {
		before = tailHead(c.number, c.last)
	}
	c.counter++
	frame, t := c.key.appendFrame(c.frame[:0], c.counter, before, code, b)
	if cap(frame) <= keepFrame {
		c.frame = frame
	} else {
		c.frame = nil
	}
	if err := c.tail.append(frame); err != nil {
		return err
	}
	c.last = t
	return nil
}

// begin makes the next tail.
func (c *crypt) begin() error {
	f, err := createFile(c.dir, tailName, c.reserve)
	if err != nil {
		return err
	}
	f.name = tailNumberName(c.number + 1)
	if err := f.append(tailHead(c.number+1, c.last)); err != nil {
		return errors.Join(err, f.f.Close(), os.Remove(filepath.Join(c.dir, tailName)))
	}
	c.tail, c.began, c.moved = f, c.now(), true
	c.number++
	return nil
}

// due reports whether the tail is long or old enough.
func (c *crypt) due(now time.Time) bool {
	return c.tail != nil && c.tail.size > int64(tailHeadSize) &&
		(c.tail.size >= segmentBytes || now.Sub(c.began) >= segmentEvery)
}

// end ends the tail. The next frame begins another.
func (c *crypt) end() error {
	if c.tail == nil {
		return nil
	}
	if err := os.Rename(filepath.Join(c.dir, tailName), filepath.Join(c.dir, c.tail.name)); err != nil {
		return err
	}
	c.ended = append(c.ended, endedTail{c.number, c.tail})
	c.tail, c.moved = nil, true
	return nil
}

// files are those that are on disk as such and grow, or just did.
func (c *crypt) files() []*file {
	var all []*file
	for _, t := range c.ended {
		all = append(all, t.file)
	}
	if c.tail != nil {
		all = append(all, c.tail)
	}
	return all
}

// nameOf is the name of a file on disk: that of the last tail is not the one
// that blocks know it by.
func (rec *Recording) nameOf(f *file) string {
	if rec.crypt != nil && f == rec.crypt.tail {
		return tailName
	}
	return f.name
}

// coveredEnd is of the name of a ring that a crash left, and whose key is gone
// with the process: it stays as it is, for the recipients.
const coveredEnd = ".ring.enc"

// leaveRing keeps a ring as it is, after a crash.
func (c *crypt) leaveRing(stream string) (kept FileDigest, found bool, err error) {
	covered := stream + coveredEnd
	err = os.Rename(filepath.Join(c.dir, stream+ringEnd), filepath.Join(c.dir, covered))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept, false, err
	}
	kept, err = digestFile(c.dir, covered)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, false, nil
	}
	return kept, err == nil, err
}

// keepRing makes NAME.tail.zst.age of a ring.
func (c *crypt) keepRing(stream string) (from int64, kept FileDigest, found bool, err error) {
	if c.key == nil {
		return 0, kept, false, nil // see leaveRing
	}
	data, err := os.ReadFile(filepath.Join(c.dir, stream+ringEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, kept, false, nil
	}
	if err != nil {
		return 0, kept, false, err
	}
	plain, err := uncover(data, c.key.ring)
	if err != nil {
		return 0, kept, false, err
	}
	last, from, _, err := parseRing(plain)
	if err != nil {
		return 0, kept, false, err
	}
	s, err := newSealedFile(c.dir, stream+tailEnd+segmentEnd, c.key.to, c.reserve)
	if err != nil {
		return 0, kept, false, err
	}
	if _, err := s.Write(last); err != nil {
		s.abandon()
		return 0, kept, false, err
	}
	kept, err = s.finish()
	return from, kept, err == nil, err
}
