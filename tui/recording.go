package tui

import (
	"context"
	"sync"
	"time"
)

// A Recording is what a session left, or is leaving. It is read from any
// place, forward, in pieces, so that a long one needs no memory. Its methods
// must be safe for concurrent use: the player reads it in two places at once.
type Recording interface {
	// Header is how the recording began.
	Header() Header
	// Read gives the events whose lines begin at offset (0: the first), in
	// order, of about limit stored bytes, but at least one if there is one. No events
	// and no error mean that nothing is there yet, or ever.
	Read(ctx context.Context, offset int64, limit int) ([]Event, error)
	// Typed gives the last that was typed up to a moment, as it was sent; empty
	// where nothing was, or where it was not kept.
	Typed(ctx context.Context, at time.Duration) (string, error)
	Close() error
}

// Header is the beginning of a recording.
type Header struct {
	Cols, Rows int
	Terminal   bool // else the output is text, not a screen
	Typed      bool // what was typed at the terminal was kept
}

// Codes of events: asciicast's, and one for stderr without a terminal.
const (
	CodeOutput = 'o'
	CodeStderr = 'e'
	CodeInput  = 'i'
	CodeResize = 'r' // Data is COLSxROWS
	CodeMarker = 'm'
)

// An Event is one line of a cast.
type Event struct {
	At   time.Duration // since the start, monotonic
	Code byte
	Data string // as recorded: never to be shown but through a screen or access.Plain
	Next int64  // offset after its line
}

// held is a player's recording: opened in a command, and closed with the page,
// whichever comes last.
type held struct {
	mu     sync.Mutex
	rec    Recording
	closed bool
}

// put keeps rec; false says that the page is gone, and rec closed.
func (h *held) put(rec Recording) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = rec.Close() // nothing was read, and nobody looks
		return false
	}
	h.rec = rec
	return true
}

func (h *held) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.rec == nil {
		return nil
	}
	return h.rec.Close()
}
