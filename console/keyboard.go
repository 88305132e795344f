package console

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// ctrlC is what the key sends where a terminal is raw (ASCII ETX).
const ctrlC = 3

// keyboard reads what a person types ahead of whoever wants it, so that Ctrl-C
// ends a command that reads nothing. It keeps at most [MaxLine] bytes; beyond
// that the reader below is let wait. Read may be called by one at a time.
type keyboard struct {
	raw bool // Ctrl-C is a byte; else bytes are only text

	mu    sync.Mutex
	moved *sync.Cond // something of the below changed
	typed []byte
	err   error
	stop  func() // what Ctrl-C ends; nil while nothing runs
}

// newKeyboard reads r until it or ctx ends. The goroutine may hang in a read of
// r after that.
func newKeyboard(ctx context.Context, r io.Reader, raw bool) *keyboard {
	k := &keyboard{raw: raw}
	k.moved = sync.NewCond(&k.mu)
	context.AfterFunc(ctx, func() { k.end(io.EOF) })
	go k.pump(r)
	return k
}

func (k *keyboard) end(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.err = err
	}
	k.moved.Broadcast()
}

func (k *keyboard) pump(r io.Reader) {
	buf := make([]byte, 1024)
	for {
		n, err := r.Read(buf)
		if !k.take(buf[:n]) {
			return
		}
		if err != nil {
			k.end(err)
			return
		}
	}
}

// take keeps p for who reads, once there is room, and reports whether anybody
// will.
func (k *keyboard) take(p []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.typed) >= MaxLine && k.err == nil {
		k.moved.Wait()
	}
	if i := bytes.LastIndexByte(p, ctrlC); k.raw && k.stop != nil && i >= 0 {
		k.stop()
		k.typed, p = k.typed[:0], p[i+1:] // what came before was for what is over
	}
	k.typed = append(k.typed, p...)
	k.moved.Broadcast()
	return k.err == nil
}

// during has Ctrl-C call stop until over is called.
func (k *keyboard) during(stop func()) (over func()) {
	set := func(f func()) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.stop = f
	}
	set(stop)
	return func() { set(nil) }
}

func (k *keyboard) Read(p []byte) (int, error) { return k.read(p, nil) }

// read is Read, and ends with io.EOF, having taken nothing, once over is set.
func (k *keyboard) read(p []byte, over *bool) (int, error) {
	if len(p) == 0 {
		return 0, io.ErrShortBuffer // or a reader without room would ask for ever
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	ended := func() bool { return over != nil && *over }
	for len(k.typed) == 0 && k.err == nil && !ended() {
		k.moved.Wait()
	}
	if ended() {
		return 0, io.EOF
	}
	if len(k.typed) == 0 {
		return 0, k.err
	}
	n := copy(p, k.typed)
	k.typed = append(k.typed[:0], k.typed[n:]...)
	k.moved.Broadcast()
	return n, nil
}

// lend gives all that is typed from now on, Ctrl-C as well, to a session, until
// that closes what it got.
func (k *keyboard) lend() io.ReadCloser {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop = nil
	return &loan{k: k}
}

// loan is the keyboard in a session's hands.
type loan struct {
	k    *keyboard
	over bool // under k.mu
}

func (l *loan) Read(p []byte) (int, error) { return l.k.read(p, &l.over) }

// Close gives the keyboard back. It never fails.
func (l *loan) Close() error {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	l.over = true
	l.k.moved.Broadcast()
	return nil
}
