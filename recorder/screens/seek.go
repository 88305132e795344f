package screens

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/sallyport/sallyport/internal/vt"
)

// errKeyframes says that a file is no session.kf, or not of this recording.
var errKeyframes = errors.New("not the keyframes of this recording")

// Keyframes is a session.kf. It is safe for concurrent use.
//
// The file is outside of the signed chain, so what it shows is not evidence:
// whoever shows a picture that began at a frame plays the recording itself as
// well, and compares ([Keyframes.Agrees]).
type Keyframes struct {
	f      *os.File
	frames []Frame
}

// OpenKeyframes opens the keyframes of a recording's folder. There are none,
// without an error, when there is no file; a file that is damaged, or of
// another cast than the manifest states, is an error.
func OpenKeyframes(dir string) (*Keyframes, error) {
	path := filepath.Join(dir, kfName)
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || fi.Size() > 2*maxKeyframes || fi.Size() < int64(kfHead+kfTail) {
		return nil, errKeyframes
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	k := &Keyframes{f: f}
	if err := k.read(dir, fi.Size()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return k, nil
}

// Close ends the reading.
func (k *Keyframes) Close() error { return k.f.Close() }

func (k *Keyframes) read(dir string, size int64) error {
	digest, castSize, err := castDigest(dir)
	if err != nil {
		return err
	}
	head, tail := make([]byte, kfHead), make([]byte, kfTail)
	if _, err := k.f.ReadAt(head, 0); err != nil {
		return err
	}
	if string(head[:len(kfMagic)]) != kfMagic || !bytes.Equal(head[len(kfMagic):], digest) {
		return errKeyframes
	}
	if _, err := k.f.ReadAt(tail, size-kfTail); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(tail))
	begin := size - kfTail - n*entrySize
	if n > mostFrames || begin < int64(kfHead) {
		return errKeyframes
	}
	table := make([]byte, n*entrySize+4)
	if _, err := k.f.ReadAt(table, begin); err != nil {
		return err
	}
	if crc32.ChecksumIEEE(table) != binary.BigEndian.Uint32(tail[4:]) {
		return errKeyframes
	}
	var last Frame
	for table = table[:n*entrySize]; len(table) > 0; table = table[entrySize:] {
		f, ok := readFrame(table)
		if !ok || f.At < last.At || f.Offset <= last.Offset || f.Offset > castSize ||
			f.place < int64(kfHead) || f.length > maxFrame || f.place+int64(f.length) > begin {
			return errKeyframes
		}
		k.frames, last = append(k.frames, f), f
	}
	return nil
}

// Frames lists them, in order. It must not be changed.
func (k *Keyframes) Frames() []Frame { return k.frames }

// Before is the last frame of which all events came before a time, so that
// playing from it shows the screen at that time; false without one.
func (k *Keyframes) Before(at time.Duration) (Frame, bool) {
	i := sort.Search(len(k.frames), func(i int) bool { return k.frames[i].At >= at })
	if i == 0 {
		return Frame{}, false
	}
	return k.frames[i-1], true
}

// BeforeOffset is the last frame before an offset in the cast; false without
// one.
func (k *Keyframes) BeforeOffset(offset int64) (Frame, bool) {
	i := sort.Search(len(k.frames), func(i int) bool { return k.frames[i].Offset >= offset })
	if i == 0 {
		return Frame{}, false
	}
	return k.frames[i-1], true
}

// Snapshot is the snapshot of the screen in a frame; see [vt.Restore], which
// takes nothing on trust.
func (k *Keyframes) Snapshot(f Frame) ([]byte, error) {
	packed := make([]byte, f.length)
	if _, err := k.f.ReadAt(packed, f.place); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(packed) != f.sum {
		return nil, errKeyframes
	}
	return unpack(bytes.NewReader(packed))
}

// Agrees reports whether the frame at an offset, if there is one, is what
// playing the recording up to there has led to.
func (k *Keyframes) Agrees(offset int64, screen *vt.Screen) bool {
	i := sort.Search(len(k.frames), func(i int) bool { return k.frames[i].Offset >= offset })
	if i == len(k.frames) || k.frames[i].Offset != offset {
		return true
	}
	snapshot, err := k.Snapshot(k.frames[i])
	if err != nil {
		return false
	}
	restored, err := vt.Restore(snapshot)
	return err == nil && same(restored, screen)
}

// same compares what two screens show.
func same(a, b *vt.Screen) bool {
	ac, ar := a.Size()
	bc, br := b.Size()
	if ac != bc || ar != br {
		return false
	}
	for y := range ar {
		for x := range ac {
			if a.Cell(x, y) != b.Cell(x, y) {
				return false
			}
		}
	}
	return true
}

func hexDigest(s string) ([]byte, error) {
	digest, err := hex.DecodeString(s)
	if err == nil && len(digest) != sha256.Size {
		err = errors.New("not a SHA-256")
	}
	return digest, err
}
