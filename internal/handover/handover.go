// Package handover reads what is typed at a terminal, once, and gives it to one
// taker at a time: a screen, and while that lends the terminal to a session,
// the session.
//
// It owns the order of the bytes: none is lost, doubled or given to the wrong
// one when takers change. It refuses to look at them, but for the end of a
// line, and to hold more than one chunk that nobody has taken: its back-pressure
// is its source's.
//
// Start reading at [Input].
package handover

import (
	"bytes"
	"io"
	"sync"
)

// chunk is how much is read ahead of the takers, in bytes.
const chunk = 1024

// Input is what is typed. It is safe for concurrent use.
type Input struct {
	mu     sync.Mutex
	moved  sync.Cond // anything below has changed
	rest   []byte    // read and not taken
	err    error     // of the source, behind rest
	closed bool
	lent   *Loan // takes instead of the Input's own reader; nil for none
}

// New reads r until it ends or the Input is closed; a read that is under way
// then ends with its source, and what comes of it is dropped.
func New(r io.Reader) *Input {
	in := &Input{}
	in.moved.L = &in.mu
	go in.run(r)
	return in
}

func (in *Input) run(r io.Reader) {
	buf := make([]byte, chunk)
	for {
		n, err := r.Read(buf)
		in.mu.Lock()
		for len(in.rest) > 0 && !in.closed {
			in.moved.Wait()
		}
		over := in.closed || err != nil
		in.rest, in.err = bytes.Clone(buf[:n]), err
		in.moved.Broadcast()
		in.mu.Unlock()
		if over {
			return
		}
	}
}

// Read takes what is typed. While that is lent it waits; when the Input is
// closed it ends with io.EOF.
func (in *Input) Read(p []byte) (int, error) { return in.take(p, nil, false) }

// take waits for something to take. by is the loan that asks, nil for the
// Input's own reader.
func (in *Input) take(p []byte, by *Loan, line bool) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.closed && (in.lent == by && len(in.rest) == 0 && in.err == nil || in.lent != by && by == nil) {
		in.moved.Wait()
	}
	if in.closed || in.lent != by {
		return 0, io.EOF
	}
	if len(in.rest) == 0 {
		return 0, in.err
	}
	if i := bytes.IndexByte(in.rest, '\r'); line && i >= 0 {
		p = p[:min(len(p), i+1)]
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	in.moved.Broadcast()
	return n, nil
}

// Ended reports whether the source has ended and all of it was taken.
func (in *Input) Ended() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err != nil && len(in.rest) == 0
}

// Close ends all takers. What was read and not taken is dropped.
func (in *Input) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed, in.rest = true, nil
	in.moved.Broadcast()
	return nil
}

// Lend gives what is typed from now on, first of all what nobody has taken yet,
// to the Loan, until that is closed. A loan that there was is over: a Read of it
// that is under way ends with io.EOF and takes nothing.
func (in *Input) Lend() *Loan {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lent = &Loan{in}
	in.moved.Broadcast()
	return in.lent
}

// Loan is an Input in another's hands.
type Loan struct{ in *Input }

// Read takes what is typed; io.EOF says that the source has ended, or that the
// loan is over.
func (l *Loan) Read(p []byte) (int, error) { return l.in.take(p, l, false) }

// ReadLine is Read, but takes nothing beyond the first carriage return: what
// follows it may be for another.
func (l *Loan) ReadLine(p []byte) (int, error) { return l.in.take(p, l, true) }

// Close gives the Input back. A Read that is under way ends with io.EOF and
// takes nothing. It never fails.
func (l *Loan) Close() error {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if l.in.lent == l {
		l.in.lent = nil
	}
	l.in.moved.Broadcast()
	return nil
}
