package tui

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/handover"
)

// lender has a terminal that is not of this machine: it reads what is typed
// there, ends those reads with ctx although the reader below may not end, and
// knows the terminal's size. It can lend the terminal for a while: from then on
// not a byte that is typed is the interface's, and none that was typed for it
// is the borrower's.
type lender struct {
	ctx   context.Context
	left  func() // the person is gone
	typed *handover.Input
	out   io.Writer
	fresh chan struct{} // there is a new size; holds one

	mu    sync.Mutex
	keys  *keys // of the program that is shown, or was
	size  Size
	sizes chan Size // the borrower's, the latest only; nil while it is not lent
}

func newLender(ctx context.Context, t Terminal, left func()) *lender {
	l := &lender{ctx: ctx, left: left, out: t.Out, size: t.Size, fresh: make(chan struct{}, 1)}
	if isTerminal(t.In) {
		return l // read by bubbletea itself
	}
	in := t.In
	if in == nil {
		in = strings.NewReader("")
	}
	l.typed = handover.New(in)
	context.AfterFunc(ctx, func() { _ = l.typed.Close() }) // never fails
	go l.follow(t.Resizes)
	go l.tell()
	return l
}

// program makes a program that reads what is typed, and is told of sizes.
func (l *lender) program(model tea.Model, options []tea.ProgramOption) *tea.Program {
	l.mu.Lock()
	defer l.mu.Unlock()
	options = slices.Clone(options)
	if l.size.Cols > 0 && l.size.Rows > 0 {
		options = append(options, tea.WithWindowSize(l.size.Cols, l.size.Rows))
	}
	l.keys = &keys{lender: l, lent: make(chan struct{})}
	if l.typed != nil {
		l.keys.hand = l.typed.Lend()
		options = append(options, tea.WithInput(l.keys))
	}
	l.keys.program = tea.NewProgram(model, options...)
	return l.keys.program
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
			l.mu.Lock()
			size, program := l.size, l.keys.program
			l.mu.Unlock()
			program.Send(tea.WindowSizeMsg{Width: size.Cols, Height: size.Rows})
		}
	}
}

// resized keeps a new size for whoever has the terminal.
func (l *lender) resized(size Size) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size = size
	if l.sizes != nil {
		select {
		case <-l.sizes:
		default:
		}
		l.sizes <- size // only this function sends, and under the lock
	}
	if l.keys == nil {
		return // the first program begins with it
	}
	select {
	case l.fresh <- struct{}{}:
	default:
	}
}

// lend gives the terminal away, for a trip. It is called in the update loop,
// whose reads end with it.
func (l *lender) lend(to access.Trip) *trip {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.typed.Lend()
	close(l.keys.lent) // only now: who awaited it reads on
	l.sizes = make(chan Size, 1)
	out := &lentOut{w: l.out}
	return &trip{to: to, on: Lent{In: in, Out: out, Size: l.size, Resizes: l.sizes}, out: out}
}

// takeBack ends a loan.
func (l *lender) takeBack(t Lent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = t.In.Close() // never fails
	l.sizes = nil
}

// lentOut is the terminal's output in a borrower's hands. A session that was cut
// off may still have a write under way, to a client that takes nothing just
// now: what it left unwritten must not come between what is drawn later.
type lentOut struct {
	mu   sync.Mutex // held while writing
	w    io.Writer
	over bool
}

func (o *lentOut) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return 0, io.ErrClosedPipe
	}
	return o.w.Write(p)
}

// end writes the last that is written, behind what is under way.
func (o *lentOut) end(last string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	_, _ = io.WriteString(o.w, last) // an error means that the client is gone, which ends all
}
