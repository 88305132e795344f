package recorder

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/sallyport/sallyport/access"
)

// A tail holds what a live encrypted recording has written and no segment
// holds yet. It begins with a head,
//
//	8 bytes   "SPTAIL1\n"
//	4 bytes   number of the segment that it will become, big-endian
//	16 bytes  tag of the frame before it; for the first one, of the genesis
//
// and goes on with frames:
//
//	4 bytes   length of what follows the counter
//	8 bytes   counter, greater than that of the frame before
//	n bytes   AES-256-GCM of one byte that says which file, and the bytes that
//	          are appended to it; the nonce is the counter, the additional data
//	          is the tag of the frame before, and the head for the first one
//
// Counters are never used again, not even for a frame whose write failed. So
// the order of frames, and each of them, is proved to who has the key; to who
// has not, the blocks of session.idx prove the bytes of the tail as stored.
const (
	tailName      = "tail.enc"
	tailMagic     = "SPTAIL1\n"
	tagSize       = 16
	tailHeadSize  = len(tailMagic) + 4 + tagSize
	frameHeadSize = 4 + 8
	frameExtra    = 1 + tagSize // of the length of a frame, beside the bytes
	maxFrame      = 16 << 20
)

// tailNumberName is the name of the tail of a segment in blocks, and on disk
// once it has ended.
func tailNumberName(n uint32) string { return fmt.Sprintf("%04d.%s", n, tailName) }

type tag [tagSize]byte

// firstTag stands for the frame before the first one of a recording.
func firstTag(bastionID string, id access.SessionID) (t tag) {
	g := genesis(bastionID, id)
	sum := sha256.Sum256(append([]byte("sallyport tail 1\x00"), g[:]...))
	copy(t[:], sum[:])
	return t
}

func tailHead(number uint32, before tag) []byte {
	b := make([]byte, 0, tailHeadSize)
	b = append(b, tailMagic...)
	b = binary.BigEndian.AppendUint32(b, number)
	return append(b, before[:]...)
}

// parseTailHead gives the number of a tail.
func parseTailHead(b []byte) (uint32, error) {
	if len(b) < tailHeadSize || string(b[:len(tailMagic)]) != tailMagic {
		return 0, errors.New("not a tail")
	}
	return binary.BigEndian.Uint32(b[len(tailMagic):]), nil
}

// appendFrame appends a frame to b and gives its tag.
func (k *sessionKey) appendFrame(b []byte, counter uint64, before []byte, code byte, data []byte) ([]byte, tag) {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)+frameExtra))
	b = binary.BigEndian.AppendUint64(b, counter)
	start := len(b)
	b = append(append(b, code), data...)
	b = k.frames.Seal(b[:start], nonce(counter), b[start:], before)
	return b, tag(b[len(b)-tagSize:])
}

func nonce(counter uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), counter)
}

// frameReader goes through a tail. Without a key it only finds where frames
// end.
type frameReader struct {
	in      *bufio.Reader
	key     *sessionKey
	number  uint32
	before  []byte // additional data of the next frame
	counter uint64 // of the last frame
	good    int64  // offset after the last whole frame
	buf     []byte
}

// errFrame says that a tail does not go on as it should.
var errFrame = errors.New("the tail breaks off")

func readFrames(in io.Reader, key *sessionKey) (*frameReader, error) {
	r := &frameReader{in: bufio.NewReaderSize(in, 64<<10), key: key}
	head := make([]byte, tailHeadSize)
	if _, err := io.ReadFull(r.in, head); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	var err error
	if r.number, err = parseTailHead(head); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	r.before, r.good = head, int64(tailHeadSize)
	return r, nil
}

// next gives the next frame's code and bytes, which are valid until the next
// call; without a key nothing of them. io.EOF ends a whole tail, an error that
// is errFrame one that breaks off.
func (r *frameReader) next() (code byte, data []byte, err error) {
	var head [frameHeadSize]byte
	if _, err := io.ReadFull(r.in, head[:]); err == io.EOF {
		return 0, nil, io.EOF
	} else if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	n, counter := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint64(head[4:])
	if n < frameExtra || n > maxFrame+frameExtra || counter <= r.counter {
		return 0, nil, fmt.Errorf("%w: no frame at %d", errFrame, r.good)
	}
	if cap(r.buf) < int(n) {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if _, err := io.ReadFull(r.in, r.buf); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	if r.key != nil {
		t := tag(r.buf[n-tagSize:])
		plain, err := r.key.frames.Open(r.buf[:0], nonce(counter), r.buf, r.before)
		if err != nil {
			return 0, nil, fmt.Errorf("%w: the frame at %d is not genuine", errFrame, r.good)
		}
		r.before = append(r.before[:0], t[:]...)
		code, data = plain[0], plain[1:]
	}
	r.counter = counter
	r.good += int64(frameHeadSize) + int64(n)
	return code, data, nil
}
