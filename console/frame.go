package console

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// The protocol of the socket: each side first sends one byte, protocolVersion,
// and then frames: one byte of type, four bytes of length (big endian), the
// payload. The client sends one frameCall, and perhaps a frameCancel. The
// server sends frameStdout and frameStderr as they come and one frameExit,
// after which it closes. A client that closes first cancels its call.
const protocolVersion = 1

type frameType byte

const (
	frameCall   frameType = 1 // JSON of wireCall
	frameCancel frameType = 2 // empty
	frameStdout frameType = 3 // bytes
	frameStderr frameType = 4 // bytes
	frameExit   frameType = 5 // one byte: the exit status
)

// maxFrame bounds a payload, in bytes. Longer output travels in several frames.
const maxFrame = 256 << 10

type frame struct {
	Type    frameType
	Payload []byte
}

// readFrame reads one frame. What is longer than maxFrame or of an unknown
// type is an error before anything is allocated for it; io.EOF is returned
// only between frames.
func readFrame(r io.Reader) (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{Type: frameType(head[0])}
	if f.Type < frameCall || f.Type > frameExit {
		return frame{}, fmt.Errorf("unknown frame type %d", f.Type)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return frame{}, fmt.Errorf("a frame of %d bytes is too long", n)
	}
	f.Payload = make([]byte, n)
	if _, err := io.ReadFull(r, f.Payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	return f, nil
}

// frameWriter writes frames, each whole, from several goroutines.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *frameWriter) write(t frameType, payload []byte) error {
	buf := make([]byte, 5, 5+len(payload))
	buf[0] = byte(t)
	binary.BigEndian.PutUint32(buf[1:], uint32(len(payload)))
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.w.Write(append(buf, payload...))
	return err
}

// stream makes an io.Writer whose bytes travel in frames of type t.
func (w *frameWriter) stream(t frameType) io.Writer { return frameStream{w, t} }

type frameStream struct {
	w *frameWriter
	t frameType
}

func (s frameStream) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		part := p[written:min(len(p), written+maxFrame)]
		if err := s.w.write(s.t, part); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}
