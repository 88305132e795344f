package main

import (
	"context"
	"io"
	"sync"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

// latest is a terminal's size while its shell lends it to sessions on hosts and
// takes it back: whoever has it reads of changes, and no other is told.
type latest struct {
	terminal bastion.Terminal

	mu   sync.Mutex
	size bastion.Size
}

func newLatest(t bastion.Terminal) *latest { return &latest{terminal: t, size: t.PTY.Size} }

// now is the size at present, of a terminal that is not lent.
func (l *latest) now() bastion.Size {
	select {
	case z := <-l.terminal.PTY.Resizes:
		return l.note(z)
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

func (l *latest) note(z bastion.Size) bastion.Size {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size = z
	return z
}

// connect runs a session to a host on the terminal; in is what is typed there.
func (l *latest) connect(ctx context.Context, in io.ReadCloser, to access.Trip) access.Return {
	heard, over := context.WithCancel(ctx)
	defer over()
	pty := *l.terminal.PTY
	pty.Size = l.now()
	pty.Resizes = each(heard, l.terminal.PTY.Resizes, l.note)
	return l.terminal.Connect(ctx, to, bastion.Lent{In: in, Out: l.terminal.Stdout, Err: l.terminal.Stderr, PTY: &pty})
}
