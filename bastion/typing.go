package bastion

import (
	"bytes"
	"sync"

	"github.com/sallyport/sallyport/access"
)

const (
	// maxHeld is how much typing waits for a host that takes none.
	maxHeld = 64 << 10
	// piece is how much of it is written at once: what is under way when the
	// last watcher leaves may still arrive.
	piece = 1 << 10
)

// typing carries what is typed to the host while somebody watches. The client
// is read all the time: what comes in while nobody watches is dropped as it
// comes, and never waits in a window until somebody does.
type typing struct {
	kept func() bool
	send func([]byte) error // records, then delivers
	end  func(error)
	shut func() // at the end of input

	mu   sync.Mutex
	more sync.Cond // held, ended or over changed, or nobody watches any more
	held []byte
	eof  bool
	over bool
}

func newTyping(kept func() bool, send func([]byte) error, shut func(), end func(error)) *typing {
	t := &typing{kept: kept, send: send, shut: shut, end: end}
	t.more.L = &t.mu
	return t
}

// take is called with what was typed.
func (t *typing) take(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.kept() && !t.over && len(t.held) > 0 && len(t.held)+len(p) > maxHeld {
		t.more.Wait()
	}
	if t.kept() && !t.over {
		t.held = append(t.held, p...)
		t.more.Broadcast()
		return
	}
	if bytes.IndexByte(p, ctrlC) >= 0 {
		t.end(access.Refuse(access.ReasonCancelled, "you ended the session while it was paused", ""))
	}
}

// forget drops what the host has not taken yet.
func (t *typing) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = nil
	t.more.Broadcast()
}

// finish is called at the end of input.
func (t *typing) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.eof = true
	t.more.Broadcast()
}

// stop lets whoever waits go.
func (t *typing) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over, t.held = true, nil
	t.more.Broadcast()
}

// run delivers until the session ends.
func (t *typing) run() {
	for p, ok := t.next(); ok; p, ok = t.next() {
		if !t.kept() {
			continue // it was typed before, and is forgotten with the rest
		}
		if err := t.send(p); err != nil {
			t.stop()
			return
		}
	}
	t.shut()
}

// next waits for a piece; there is none after the end of input.
func (t *typing) next() ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.held) == 0 && !t.eof && !t.over {
		t.more.Wait()
	}
	if len(t.held) == 0 || t.over {
		return nil, false
	}
	p := t.held[:min(piece, len(t.held))]
	t.held = t.held[len(p):]
	t.more.Broadcast()
	return p, true
}
