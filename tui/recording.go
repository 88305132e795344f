package tui

import (
	"context"
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
	Close() error
}

// Header is the beginning of a recording.
type Header struct {
	Cols, Rows int
	Terminal   bool // else the output is text, not a screen
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
