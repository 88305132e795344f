package tui

import (
	"context"
	"io"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/internal/handover"
)

// lender has a terminal that is not of this machine: it reads what is typed
// there, ends those reads with ctx although the reader below may not end, and
// knows the terminal's size. It can lend the terminal for a while: from then on
// not a byte that is typed is the interface's, and none that was typed for it
// is the borrower's.
//
// bubbletea reads ahead, so the Enter that lends the terminal may have the
// borrower's first bytes behind it. Hence what is behind a carriage return is
// kept from bubbletea until the update loop has dealt with the key: see Read.
type lender struct {
	ctx   context.Context
	left  func() // the person is gone
	typed *handover.Input
	out   io.Writer
	fresh chan struct{} // there is a new size; holds one

	mu    sync.Mutex
	shown *tea.Program
	hand  *handover.Loan // the interface's; over while another has it
	lent  chan struct{}  // closed while it is lent
	read  reading
	size  Size
	sizes chan Size // the borrower's; the latest only
}

// reading is how far the update loop has followed what was read.
type reading int

const (
	anything reading = iota
	entered          // a carriage return was read last: bubbletea makes a key of it
	keyed            // it has, and has given it to the update loop
)

func newLender(ctx context.Context, t Terminal, left func()) *lender {
	l := &lender{
		ctx: ctx, left: left, out: t.Out, size: t.Size,
		fresh: make(chan struct{}, 1), lent: make(chan struct{}), sizes: make(chan Size, 1),
	}
	if isTerminal(t.In) {
		return l // read by bubbletea itself
	}
	in := t.In
	if in == nil {
		in = strings.NewReader("")
	}
	l.typed = handover.New(in)
	l.hand = l.typed.Lend()
	context.AfterFunc(ctx, func() { _ = l.typed.Close() }) // never fails
	go l.follow(t.Resizes)
	go l.tell()
	return l
}

// serve reads for a program, and tells it of the terminal's sizes.
func (l *lender) serve(program *tea.Program) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = program
}

func (l *lender) current() Size {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// send returns when the program's update loop has taken a message, or is over.
func (l *lender) send(msg tea.Msg) {
	l.mu.Lock()
	program := l.shown
	l.mu.Unlock()
	program.Send(msg)
}

func (l *lender) follow(resizes <-chan Size) {
	for {
		select {
		case <-l.ctx.Done():
			return
		case size, ok := <-resizes:
			if !ok {
				return
			}
			l.resized(size)
		}
	}
}

func (l *lender) tell() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.fresh:
			size := l.current()
			l.send(tea.WindowSizeMsg{Width: size.Cols, Height: size.Rows})
		}
	}
}

// resized keeps a new size for whoever has the terminal.
func (l *lender) resized(size Size) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size = size
	select {
	case <-l.lent:
		select {
		case <-l.sizes:
		default:
		}
		l.sizes <- size // only this function sends, and under the lock
	default:
	}
	select {
	case l.fresh <- struct{}{}:
	default:
	}
}

// turn goes once through the update loop and does nothing there.
type turn struct{}

// Read gives bubbletea what is typed, and nothing behind a carriage return
// before that is dealt with. bubbletea reads again when it has made keys of what
// it got, and takes what it reads when it has given those keys to the update
// loop: so after one empty read, and one message through the loop, the key has
// been dealt with.
func (l *lender) Read(p []byte) (int, error) {
	l.mu.Lock()
	hand, lent, read := l.hand, l.lent, l.read
	switch read {
	case entered:
		l.read = keyed
	case keyed:
		l.read = anything
	}
	l.mu.Unlock()
	switch read {
	case entered:
		return 0, nil
	case keyed:
		l.await(lent)
	}
	n, err := hand.ReadLine(p)
	if n > 0 && p[n-1] == '\r' {
		l.mu.Lock()
		l.read = entered
		l.mu.Unlock()
	}
	if err != nil {
		select {
		case <-lent:
		default:
			l.left() // nobody types there any more
		}
	}
	return n, err
}

// await waits until the update loop has dealt with what it has, or has lent the
// terminal, and then takes nothing until it is back.
func (l *lender) await(lent <-chan struct{}) {
	turned := make(chan struct{})
	go func() { // it ends with the program at the latest
		defer close(turned)
		l.send(turn{})
	}()
	select {
	case <-turned:
	case <-lent:
	case <-l.ctx.Done():
	}
}

// lend gives the terminal away. It is called in the update loop, whose reads
// end with it.
func (l *lender) lend() Lent {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.lent)
	l.sizes = make(chan Size, 1)
	return Lent{In: l.typed.Lend(), Out: l.out, Size: l.size, Resizes: l.sizes}
}

// takeBack ends a loan: what is typed is the interface's again.
func (l *lender) takeBack(t Lent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = t.In.Close() // never fails
	l.hand, l.lent, l.read = l.typed.Lend(), make(chan struct{}), anything
}
