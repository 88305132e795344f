package bastion

import (
	"errors"
	"io"
	"sync"
)

const (
	// idleBuffer is what a quiet stream holds: a thousand idle sessions
	// have three streams each.
	idleBuffer = 1 << 10
	// busyBuffer is what a stream gets while it fills what it has.
	busyBuffer = 128 << 10
)

var busyBuffers = sync.Pool{New: func() any { b := make([]byte, busyBuffer); return &b }}

// pump gives each chunk of src to take until src ends, which is no error. A
// chunk is valid during the call only. It holds a small buffer while the stream
// is quiet and borrows a large one while it is not.
func pump(src io.Reader, take func([]byte) error) error {
	small := make([]byte, idleBuffer)
	for {
		n, err := src.Read(small)
		if n > 0 {
			if e := take(small[:n]); e != nil {
				return e
			}
		}
		if err == nil && n == len(small) {
			err = pumpBusy(src, take)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pumpBusy reads with a large buffer until a read comes back short.
func pumpBusy(src io.Reader, take func([]byte) error) error {
	b := busyBuffers.Get().(*[]byte)
	defer busyBuffers.Put(b)
	for {
		n, err := src.Read(*b)
		if n > 0 {
			if e := take((*b)[:n]); e != nil {
				return e
			}
		}
		if err != nil || n < idleBuffer {
			return err
		}
	}
}
