package recorder

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

// cover encrypts the ring of an encrypted recording, byte by byte, so that it
// can be written in place as a plain one is: AES-256 in counter mode, from a
// random start that stands in the ring's head. After a write that failed it
// starts anew, and the ring with it: no part of the key stream is used twice.
// What the ring comes to is authenticated like all else, by what the manifest
// says of the file that it becomes.
type cover struct {
	key    cipher.Block
	start  [16]byte
	stream cipher.Stream
	buf    []byte
}

// coverHead is how long the head of a covered ring is: that of a plain one
// with " %032x" in it.
const coverHead = ringHead + 33

func newCover(key cipher.Block) *cover {
	c := &cover{key: key}
	_, _ = rand.Read(c.start[:]) // never fails; see crypto/rand
	c.stream = cipher.NewCTR(key, c.start[:])
	return c
}

// hide gives p encrypted, valid until the next call.
func (c *cover) hide(p []byte) []byte {
	c.buf = append(c.buf[:0], p...)
	c.stream.XORKeyStream(c.buf, c.buf)
	return c.buf
}

// head is the length of the ring's head.
func (t *tail) head() int64 {
	if t.cover != nil {
		return coverHead
	}
	return ringHead
}

// appendHead appends the ring's head.
func (t *tail) appendHead(b []byte) []byte {
	b = fmt.Appendf(b, "%020d %020d", t.began, t.end)
	if t.cover != nil {
		b = fmt.Appendf(b, " %032x", t.cover.start)
	}
	return append(b, '\n')
}

// coverStep is how much of a covered ring is written at once.
const coverStep = 64 << 10

// uncover gives the bytes of a covered ring as parseRing reads them from a
// plain one.
func uncover(data []byte, key cipher.Block) ([]byte, error) {
	var began, end int64
	var start []byte
	if len(data) < coverHead {
		return nil, errRing
	}
	if _, err := fmt.Sscanf(string(data[:coverHead]), "%d %d %x\n", &began, &end, &start); err != nil || len(start) != 16 || !ringSpan(began, end) {
		return nil, errRing
	}
	plain := fmt.Appendf(make([]byte, 0, len(data)), "%020d %020d\n", began, end)
	ring := data[coverHead:]
	// Only the last turn is still there: skip the key stream of the others.
	from := max(0, (end-began)-int64(len(ring)))
	from -= from % 16
	stream := cipher.NewCTR(key, counterAt(start, uint64(from/16)))
	out := make([]byte, len(ring))
	for o := from; o < end-began; {
		at := o % ringSize
		n := min(end-began-o, ringSize-at)
		if at+n > int64(len(ring)) {
			return nil, errRing
		}
		stream.XORKeyStream(out[at:at+n], ring[at:at+n])
		o += n
	}
	return append(plain, out...), nil
}

// counterAt is a counter block n blocks on.
func counterAt(start []byte, n uint64) []byte {
	b := append([]byte(nil), start...)
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		n += uint64(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	return b
}
