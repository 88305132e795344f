package screens

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
)

// session.kf, version 1; integers are big-endian.
//
//	magic, 22 bytes
//	SHA-256 of the cast it was made from
//	frames: each a snapshot of the screen, compressed with DEFLATE
//	the table: an entry of entrySize for each frame, in order
//	number of entries, uint32; CRC-32 of the table and of that number, uint32
//
// An entry: time of the last event before it in µs, offset of the event after
// it in the cast, place of the frame in this file, its length, its CRC-32, and
// time and text of the last marker before it.
const (
	kfName      = "session.kf"
	kfMagic     = "sallyport keyframes 1\n"
	kfHead      = len(kfMagic) + sha256.Size
	kfTail      = 8
	markerBytes = 128
	entrySize   = 8 + 8 + 8 + 4 + 4 + 8 + 2 + markerBytes

	frameEvery   = 1 << 20 // bytes of the cast, so that idle time is free
	resizeEvery  = 64 << 10
	mostFrames   = 2048
	maxFrame     = 4 << 20  // stored bytes of one
	maxSnapshot  = 64 << 20 // of one, unpacked
	maxKeyframes = 256 << 20
)

// A Frame is where playing can begin: the state after all events before Offset.
type Frame struct {
	At       time.Duration // of the last event before it
	Offset   int64         // of the event after it, in the cast
	MarkerAt time.Duration // of the last marker before it, and its text, cut; empty for none
	Marker   string

	place  int64
	length uint32
	sum    uint32
}

// frameWriter makes session.kf.
type frameWriter struct {
	path     string
	f        *os.File // nil when it is finished or discarded
	out      *bufio.Writer
	size     int64
	every    int64
	from     int64 // offset of the last frame
	frames   []Frame
	marker   string
	markerAt time.Duration
	packed   bytes.Buffer
	packer   *flate.Writer
}

// castDigest is the SHA-256 of the cast that the manifest states. Whether the
// cast still has it is for [recorder.Verify].
func castDigest(dir string) (digest []byte, size int64, err error) {
	m, err := recorder.ReadManifest(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range m.Files {
		if f.Name == "session.cast" {
			digest, err = hexDigest(f.SHA256)
			return digest, f.Bytes, err
		}
	}
	return nil, 0, errors.New("the manifest names no cast")
}

func newFrameWriter(dir string) (*frameWriter, error) {
	digest, size, err := castDigest(dir)
	if err != nil {
		return nil, err
	}
	w := &frameWriter{path: filepath.Join(dir, kfName), every: max(frameEvery, size/mostFrames+1), size: int64(kfHead)}
	if w.packer, err = flate.NewWriter(&w.packed, flate.BestSpeed); err != nil {
		return nil, err
	}
	if w.f, err = os.CreateTemp(dir, "."+kfName+"-*"); err != nil { // 0600
		return nil, err
	}
	w.out = bufio.NewWriter(w.f)
	w.write([]byte(kfMagic))
	w.write(digest)
	return w, nil
}

// write keeps its error until finish, as a bufio.Writer does.
func (w *frameWriter) write(p []byte) { _, _ = w.out.Write(p) }

// after makes a frame of the screen after an event, if it is time for one. now
// is the time that playing has come to.
func (w *frameWriter) after(screen *vt.Screen, e recorder.TimedEvent, now time.Duration) error {
	if e.Code == recorder.CodeMarker {
		w.marker, w.markerAt = access.Plain(e.Data, markerBytes/4), now
	}
	since := e.Next - w.from
	if since < w.every && !(e.Code == recorder.CodeResize && since >= resizeEvery) || len(w.frames) >= mostFrames {
		return nil
	}
	w.packed.Reset()
	w.packer.Reset(&w.packed)
	if _, err := w.packer.Write(screen.Snapshot()); err != nil {
		return err
	}
	if err := w.packer.Close(); err != nil {
		return err
	}
	n := w.packed.Len()
	if n > maxFrame || w.size+int64(n) > maxKeyframes {
		return nil // the one before it will have to do
	}
	w.frames = append(w.frames, Frame{
		At: now, Offset: e.Next, MarkerAt: w.markerAt, Marker: w.marker,
		place: w.size, length: uint32(n), sum: crc32.ChecksumIEEE(w.packed.Bytes()),
	})
	w.write(w.packed.Bytes())
	w.size, w.from = w.size+int64(n), e.Next
	return nil
}

// finish puts the file in its place. It is a cache, so nothing waits for the
// disk: half a file is found out when it is read.
func (w *frameWriter) finish() error {
	if len(w.frames) == 0 { // a short recording needs none
		w.discard()
		return nil
	}
	table := make([]byte, 0, len(w.frames)*entrySize+kfTail)
	for _, f := range w.frames {
		table = f.append(table)
	}
	table = binary.BigEndian.AppendUint32(table, uint32(len(w.frames)))
	table = binary.BigEndian.AppendUint32(table, crc32.ChecksumIEEE(table))
	w.write(table)
	err := w.out.Flush()
	if err == nil {
		err = os.Rename(w.f.Name(), w.path)
	}
	if err == nil {
		err = w.f.Close()
		w.f = nil
	}
	return err
}

// discard takes away what was not finished.
func (w *frameWriter) discard() {
	if w.f == nil {
		return
	}
	_ = os.Remove(w.f.Name()) // a cache, and half of it
	_ = w.f.Close()
	w.f = nil
}

func (f Frame) append(b []byte) []byte {
	var marker [markerBytes]byte
	n := copy(marker[:], f.Marker)
	for _, v := range []uint64{uint64(f.At.Microseconds()), uint64(f.Offset), uint64(f.place)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, f.length)
	b = binary.BigEndian.AppendUint32(b, f.sum)
	b = binary.BigEndian.AppendUint64(b, uint64(f.MarkerAt.Microseconds()))
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	return append(b, marker[:]...)
}

// readFrame reads an entry of the table, which may hold anything.
func readFrame(b []byte) (f Frame, ok bool) {
	const most = 1 << 50 // µs and bytes: no sum of two overflows
	at, offset, place := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	markerAt, n := binary.BigEndian.Uint64(b[32:]), int(binary.BigEndian.Uint16(b[40:]))
	if at > most || offset > most || place > most || markerAt > at || n > markerBytes {
		return f, false
	}
	return Frame{
		At: time.Duration(at) * time.Microsecond, Offset: int64(offset), place: int64(place),
		length: binary.BigEndian.Uint32(b[24:]), sum: binary.BigEndian.Uint32(b[28:]),
		MarkerAt: time.Duration(markerAt) * time.Microsecond,
		Marker:   access.Plain(string(b[42:42+n]), markerBytes),
	}, true
}

// unpack reads a frame that is length bytes of r.
func unpack(r io.Reader) ([]byte, error) {
	in := flate.NewReader(r)
	snapshot, err := io.ReadAll(io.LimitReader(in, maxSnapshot+1))
	if err == nil && len(snapshot) > maxSnapshot {
		err = errKeyframes
	}
	return snapshot, errors.Join(err, in.Close())
}
