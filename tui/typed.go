package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/internal/handover"
)

// keys is what is typed for one program. A read of a program that has ended
// takes nothing from the next one: its loan is over.
//
// bubbletea reads ahead, so the Enter that lends the terminal may have the
// borrower's first bytes behind it. Hence what is behind a carriage return is
// kept from bubbletea until the update loop has dealt with the key: see Read.
type keys struct {
	*lender
	program *tea.Program
	hand    *handover.Loan
	lent    chan struct{} // closed when the terminal is lent
	read    reading
}

// reading is how far the update loop has followed what was read.
type reading int

const (
	anything reading = iota
	entered          // a carriage return was read last: bubbletea makes a key of it
	keyed            // it has, and has given it to the update loop
)

// turn goes once through the update loop and does nothing there.
type turn struct{}

// Read gives bubbletea what is typed, and nothing behind a carriage return
// before that is dealt with. bubbletea reads again when it has made keys of what
// it got, and takes what it reads when it has given those keys to the update
// loop: so after one empty read, and one message through the loop, the key has
// been dealt with. It is called by one goroutine.
func (k *keys) Read(p []byte) (int, error) {
	switch k.read {
	case entered:
		k.read = keyed
		return 0, nil
	case keyed:
		k.read = anything
		k.await()
	}
	n, err := k.hand.ReadLine(p)
	if n > 0 && p[n-1] == '\r' {
		k.read = entered
	}
	if err != nil {
		select {
		case <-k.lent:
		default:
			k.left() // nobody types there any more
		}
	}
	return n, err
}

// await waits until the update loop has dealt with what it has, or has lent the
// terminal.
func (k *keys) await() {
	turned := make(chan struct{})
	go func() { // it ends with the program at the latest
		defer close(turned)
		k.program.Send(turn{})
	}()
	select {
	case <-turned:
	case <-k.lent:
	case <-k.ctx.Done():
	}
}
