package recorder

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// segmentEnd is how the name of a segment ends: zstd inside age, so that
//
//	age -d -i session.key 0001.cast.zst.age | zstd -d
//
// opens it.
const segmentEnd = ".zst.age"

func segmentName(number uint32, part string) string {
	return fmt.Sprintf("%04d.%s%s", number, part, segmentEnd)
}

// sealedFile is a file being written: compressed, encrypted, and hashed as it
// is stored. It gets its name when it is safely on disk.
type sealedFile struct {
	path string
	f    *os.File
	sum  hash.Hash
	size int64
	age  io.WriteCloser
	zst  *zstd.Encoder
}

func newSealedFile(dir, name string, to age.Recipient, r *reserve) (*sealedFile, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	s := &sealedFile{path: path, f: f, sum: sha256.New()}
	s.age, err = age.Encrypt(writerFunc(func(p []byte) (int, error) {
		if err := writeAll(f, p, r); err != nil {
			return 0, err
		}
		s.sum.Write(p)
		s.size += int64(len(p))
		return len(p), nil
	}), to)
	if err == nil {
		// The least effort: it is most of what encrypting costs, and the next
		// level takes a third more for a few percent of the size.
		s.zst, err = zstd.NewWriter(s.age, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func (s *sealedFile) Write(p []byte) (int, error) { return s.zst.Write(p) }

// finish puts the file in its place, durable but for its entry.
func (s *sealedFile) finish() (FileDigest, error) {
	err := errors.Join(s.zst.Close(), s.age.Close())
	if err == nil {
		err = s.f.Sync()
	}
	if err := errors.Join(err, s.f.Close()); err != nil {
		return FileDigest{}, errors.Join(err, os.Remove(s.path+".tmp"))
	}
	return FileDigest{filepath.Base(s.path), s.size, fmt.Sprintf("%x", s.sum.Sum(nil))}, os.Rename(s.path+".tmp", s.path)
}

// abandon gives the file up.
func (s *sealedFile) abandon() {
	_ = s.zst.Close() // of nothing that is kept
	_ = s.f.Close()
	_ = os.Remove(s.path + ".tmp")
}

// makeSegments reads an ended tail back and makes its segments. The order of
// their names is that of parts.
func (c *crypt) makeSegments(number uint32) (made []FileDigest, err error) {
	f, err := os.Open(filepath.Join(c.dir, tailNumberName(number)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	open := map[byte]*sealedFile{}
	defer func() {
		for _, s := range open {
			s.abandon()
		}
	}()
	frames, err := readFrames(f, c.key)
	if err != nil {
		return nil, err
	}
	for {
		code, data, err := frames.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		s := open[code]
		if s == nil {
			name, ok := partOf(code)
			if !ok {
				return nil, fmt.Errorf("%w: a frame of no file", errFrame)
			}
			if s, err = newSealedFile(c.dir, segmentName(number, name), c.key.to, c.reserve); err != nil {
				return nil, err
			}
			open[code] = s
		}
		if _, err := s.Write(data); err != nil {
			return nil, err
		}
	}
	for _, p := range parts {
		s := open[p.code]
		if s == nil {
			continue
		}
		delete(open, p.code)
		d, err := s.finish()
		if err != nil {
			return nil, err
		}
		made = append(made, d)
	}
	return made, syncDir(c.dir)
}

func partOf(code byte) (string, bool) {
	for _, p := range parts {
		if p.code == code {
			return p.name, true
		}
	}
	return "", false
}

// segment makes the segments of the oldest tail that has ended, and reports
// whether there was one: the segments on disk, then the block that tells of
// them, then the tail away. A crash between any two leaves what the next start
// can put in order. Syncing must be held: it is what keeps the tail open.
func (rec *Recording) segment() (more bool, err error) {
	if err := rec.crypt.drop(); err != nil {
		return false, err
	}
	rec.mu.Lock()
	ended := rec.crypt.ended
	rec.mu.Unlock()
	if len(ended) == 0 {
		return false, nil
	}
	t := ended[0]
	made, err := rec.crypt.makeSegments(t.number)
	if err != nil {
		return false, err
	}
	if err := rec.replaceTail(made); err != nil {
		return false, err
	}
	_ = t.file.f.Close() // of what is in the segments
	rec.crypt.spent = append(rec.crypt.spent, t.number)
	return true, rec.crypt.drop()
}

// drop removes the tails that became segments. Syncing must be held.
func (c *crypt) drop() error {
	for len(c.spent) > 0 {
		err := os.Remove(filepath.Join(c.dir, tailNumberName(c.spent[0])))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		c.spent = c.spent[1:]
	}
	return nil
}

// replaceTail has session.idx tell of the segments of the first ended tail,
// which does not count from then on.
func (rec *Recording) replaceTail(made []FileDigest) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	b := getBuffer()
	defer putBuffer(b)
	if err := rec.idx.blockOf(b.notes, rec.last, made); err != nil {
		return err
	}
	if err := rec.idx.settle(rec.pathOf(&rec.idx.file)); err != nil {
		return err
	}
	rec.crypt.made = append(rec.crypt.made, made...)
	rec.crypt.ended = rec.crypt.ended[1:]
	return nil
}

// lastSegment puts what is left of an encrypted recording that has ended into
// segments. Syncing must be held.
func (rec *Recording) lastSegment() error {
	if rec.crypt == nil || rec.crypt.key == nil || rec.seal != nil {
		return nil
	}
	if err := rec.endTail(true); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = rec.segment(); err != nil {
			return err
		}
	}
	return nil
}

// endTail ends the tail when it is due, or at the end of the recording.
func (rec *Recording) endTail(last bool) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if !last && (rec.closed || rec.ready() != nil || !rec.crypt.due(rec.r.config.Now())) {
		return nil
	}
	if last {
		if err := rec.flush(); err != nil {
			return err
		}
	}
	if err := rec.block(); err != nil {
		return err
	}
	return rec.crypt.end()
}

// segmentAll makes the segments that are due, one recording after the other:
// compressing is what costs, and sessions come first.
func (r *Recorder) segmentAll(ctx context.Context) {
	for _, rec := range r.recordings() {
		if rec.crypt == nil || ctx.Err() != nil {
			continue
		}
		err := rec.endTail(false)
		for more := err == nil; more && err == nil; {
			rec.syncing.Lock() // for one at a time: what is written meanwhile must be synced
			more, err = rec.segment()
			rec.syncing.Unlock()
		}
		if err != nil {
			rec.log().Error("recorder: a segment cannot be made yet; its tail stays", "err", err)
		}
	}
}
