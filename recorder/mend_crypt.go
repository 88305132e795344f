package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/sallyport/sallyport/access"
)

var (
	numberedTail = regexp.MustCompile(`^([0-9]{4,9})\.tail\.enc$`)
	numbered     = regexp.MustCompile(`^([0-9]{4,9})\.[a-z]+\.zst\.age$`)
)

// mendCrypt is mend for an encrypted recording. The key is gone with the
// process that had it, so nothing can be read, and nothing needs to be: tails
// are cut after their last whole frame and stay, as they are, for the
// recipients.
func (m *mending) mendCrypt() error {
	rec := m.rec
	rec.crypt = &crypt{dir: rec.dir, reserve: &rec.r.reserve, now: rec.r.config.Now}
	if err := m.cutTails(); err != nil {
		return err
	}
	if err := m.sidecar(); err != nil {
		return err
	}
	if err := m.settleSegments(); err != nil {
		return err
	}
	rec.last = m.scan.last.at
	for _, s := range rec.streams() {
		s.bytes = s.known.Bytes
		if s.stored = s.bytes; s.limit >= 0 {
			s.stored = min(s.bytes, s.limit)
		}
		d, found, err := rec.crypt.leaveRing(s.name)
		if err != nil {
			return err
		}
		if found {
			rec.crypt.made = append(rec.crypt.made, d)
		}
	}
	d, err := digestFile(rec.dir, keyFile)
	rec.crypt.made = append(rec.crypt.made, d)
	return err
}

// tmpFiles removes what was being written under another name.
func (m *mending) tmpFiles() error {
	names, err := filepath.Glob(filepath.Join(globQuote(m.rec.dir), "*.tmp"))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// tailsOf lists the tails in a folder by number: their names on disk.
func tailsOf(dir string) (map[uint32]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	tails := map[uint32]string{}
	for _, e := range entries {
		if found := numberedTail.FindStringSubmatch(e.Name()); found != nil {
			n, err := strconv.ParseUint(found[1], 10, 32)
			if err == nil {
				tails[uint32(n)] = e.Name()
			}
		}
		if e.Name() == tailName {
			if n, err := tailNumber(filepath.Join(dir, tailName)); err == nil {
				tails[n] = tailName
			}
		}
	}
	return tails, nil
}

// tailNumber reads the number in a tail's head.
func tailNumber(path string) (uint32, error) {
	f, err := openRegular(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, tailHeadSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return 0, err
	}
	return parseTailHead(head)
}

// cutTails cuts each tail after its last whole frame. One without a whole head
// is cut to nothing.
func (m *mending) cutTails() error {
	entries, err := os.ReadDir(m.rec.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != tailName && !numberedTail.MatchString(e.Name()) {
			continue
		}
		f, err := os.Open(filepath.Join(m.rec.dir, e.Name()))
		if err != nil {
			return err
		}
		var good int64
		end, err := beforeZeros(f)
		if err == nil {
			good, err = wholeFrames(io.NewSectionReader(f, 0, end))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := m.cut(e.Name(), good); err != nil {
			return err
		}
		if good == 0 {
			if err := os.Remove(filepath.Join(m.rec.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// beforeZeros is the offset at which a tail ends that power loss may have left
// with zeros in place of its last bytes. Without the key a frame that holds some
// looks as whole as any; but none ends with a tag of zeros, except for one in
// 2^128.
func beforeZeros(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	chunk := make([]byte, 64<<10)
	for end := size; end > 0; {
		p := chunk[:min(end, int64(len(chunk)))]
		if _, err := f.ReadAt(p, end-int64(len(p))); err != nil {
			return 0, err
		}
		if n := len(bytes.TrimRight(p, "\x00")); n > 0 {
			if end += int64(n - len(p)); size-end < int64(len(tag{})) {
				return size, nil
			}
			return end, nil
		}
		end -= int64(len(p))
	}
	return 0, nil
}

// wholeFrames is the offset after the last whole frame of a tail.
func wholeFrames(f io.Reader) (int64, error) {
	frames, err := readFrames(f, nil)
	if errors.Is(err, errFrame) {
		return 0, nil
	}
	for err == nil {
		_, _, err = frames.next()
	}
	if err == io.EOF || errors.Is(err, errFrame) {
		err = nil
	}
	return frames.good, err
}

// settleSegments makes sure that each part of the recording is there once: a
// tail goes where session.idx tells of its segments, else segments go that it
// does not tell of.
func (m *mending) settleSegments() error {
	rec := m.rec
	tails, err := tailsOf(rec.dir)
	if err != nil {
		return err
	}
	known := map[string]FileDigest{}
	for _, f := range m.segments {
		known[f.Name] = f
		number, _ := strconv.ParseUint(numbered.FindStringSubmatch(f.Name)[1], 10, 32)
		if name, ok := tails[uint32(number)]; ok {
			if err := os.Remove(filepath.Join(rec.dir, name)); err != nil {
				return err
			}
			delete(tails, uint32(number))
		}
	}
	entries, err := os.ReadDir(rec.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := known[e.Name()]; !ok && numbered.MatchString(e.Name()) {
			if err := os.Remove(filepath.Join(rec.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	rec.crypt.made = append(rec.crypt.made, m.segments...)
	numbers := make([]uint32, 0, len(tails))
	for n := range tails {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		f, err := reopenFile(rec.dir, tails[n], &rec.r.reserve)
		if err != nil {
			return err
		}
		if tails[n] == tailName {
			f.name = tailNumberName(n)
			rec.crypt.tail, rec.crypt.number = f, n
			continue
		}
		rec.crypt.ended = append(rec.crypt.ended, endedTail{n, f})
	}
	return nil
}

// factsIn reads whose session an encrypted recording is from its sidecar.
func factsIn(dir string) (access.Session, bool) {
	f, err := openRegular(filepath.Join(dir, sidecarName))
	if err != nil {
		return access.Session{}, false
	}
	defer f.Close()
	lines := newLineReader(f, 0)
	for range 2 {
		line, err := lines.next()
		if err != nil {
			return access.Session{}, false
		}
		var l struct {
			Facts *Facts `json:"facts"`
		}
		if json.Unmarshal(line, &l) == nil && l.Facts != nil {
			return l.Facts.Session(), true
		}
	}
	return access.Session{}, false
}
