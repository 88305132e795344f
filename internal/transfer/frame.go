package transfer

import (
	"encoding/binary"
	"errors"
)

const (
	// maxPacket is the longest packet with content that passes for one.
	// OpenSSH stops at 256 KiB, asyncssh at 4 MiB.
	maxPacket = 64 << 20
	// maxControl is the longest packet without content, which is read as a
	// whole: SFTP_MAX_MSG_LENGTH of OpenSSH.
	maxControl = 256 << 10
	// maxHandle is the longest handle
	// (draft-ietf-secsh-filexfer-02, section 6.3).
	maxHandle = 256
	// keepHead is the buffer that stays between packets.
	keepHead = 4 << 10
)

var (
	errLength = errors.New("a packet of impossible length")
	errShape  = errors.New("a malformed packet")
)

// frames cuts one direction of SFTP into packets: a length (uint32), then as
// many bytes, of which the first is the type
// (draft-ietf-secsh-filexfer-02, section 3). Packets are collected whole but
// for those of one type, which carry the content of files: of these only the
// head is kept, and the content is handed on as it comes.
type frames struct {
	carrier byte   // the type that carries content
	head    []byte // of the current packet, its length included
	need    int    // how long head must become for the next step; 0 at first
	size    int    // of the current packet
	rest    int    // of the content still to come
	pad     int    // of the packet after its content
}

// receiver takes packets. Its error ends the reading.
type receiver interface {
	// packet gets a packet without its length, or the head of one with
	// content, up to the content's first byte. It is valid during the call.
	packet(p []byte) error
	content(p []byte)
}

// feed reads p, which may begin and end anywhere.
func (f *frames) feed(p []byte, to receiver) error {
	for len(p) > 0 {
		if f.rest > 0 {
			n := min(len(p), f.rest)
			to.content(p[:n])
			f.rest -= n
			p = p[n:]
			continue
		}
		if f.pad > 0 {
			n := min(len(p), f.pad)
			f.pad -= n
			p = p[n:]
			continue
		}
		n := min(len(p), max(f.need, 4)-len(f.head))
		f.head = append(f.head, p[:n]...)
		p = p[n:]
		if len(f.head) < max(f.need, 4) {
			return nil
		}
		if err := f.step(to); err != nil {
			return err
		}
	}
	return nil
}

// step goes on when head is as long as was needed: length, type, and for
// content the string before it.
func (f *frames) step(to receiver) error {
	switch n := len(f.head); {
	case n == 4:
		size := binary.BigEndian.Uint32(f.head)
		if size < 5 || size > maxPacket {
			return errLength
		}
		f.size, f.need = int(size), 5
		return nil
	case n == 5 && f.head[4] != f.carrier:
		if f.size > maxControl {
			return errLength
		}
		f.need = 4 + f.size
		return nil
	case n == 5:
		f.need = 13
		return nil
	case f.head[4] != f.carrier:
		return f.done(to)
	case n == 13 && f.carrier == fxpWrite:
		handle := binary.BigEndian.Uint32(f.head[9:])
		if handle > maxHandle {
			return errShape
		}
		f.need = 13 + int(handle) + 12
		return nil
	}
	rest := binary.BigEndian.Uint32(f.head[len(f.head)-4:])
	// What comes after the content belongs to nothing; both sides skip it.
	pad := int64(4+f.size) - int64(len(f.head)) - int64(rest)
	if pad < 0 {
		return errShape
	}
	f.rest, f.pad = int(rest), int(pad)
	return f.done(to)
}

// done hands on what was collected.
func (f *frames) done(to receiver) error {
	err := to.packet(f.head[4:])
	f.need = 0
	if f.head = f.head[:0]; cap(f.head) > keepHead {
		f.head = nil
	}
	return err
}

// fields reads the fields of a packet. After the first that is not there, all
// are zero and bad is set.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.p) {
		f.bad, f.p = true, nil
		return nil
	}
	b := f.p[:n]
	f.p = f.p[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) uint64() uint64 {
	if b := f.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// bytes is a string of the protocol.
func (f *fields) bytes() []byte {
	n := f.uint32()
	if uint64(n) > uint64(len(f.p)) {
		f.bad, f.p = true, nil
		return nil
	}
	return f.take(int(n))
}

func (f *fields) text() string { return text(f.bytes()) }
