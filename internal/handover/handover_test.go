package handover_test

import (
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport/sallyport/internal/handover"
)

// Whoever takes what, all of it is taken, once and in order, though the takers
// change at any moment.
func TestNothingIsLost(t *testing.T) {
	r, w := io.Pipe()
	in := handover.New(r)
	defer in.Close()
	random := rand.New(rand.NewPCG(1, 2))
	var typed strings.Builder
	go func() {
		defer w.Close()
		for i := range 2000 {
			p := strings.Repeat(string(rune('a'+i%26)), 1+i*7%300)
			typed.WriteString(p)
			if _, err := io.WriteString(w, p); err != nil {
				t.Error(err)
			}
		}
	}()
	var mu sync.Mutex
	var got strings.Builder
	p := make([]byte, 64)
	for over := false; !over; {
		loan := in.Lend()
		done := make(chan struct{})
		go func() { // a borrower that is interrupted
			defer close(done)
			p := make([]byte, 64)
			for {
				n, err := loan.Read(p)
				mu.Lock()
				got.Write(p[:n])
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
		for range random.IntN(3) {
			runtime.Gosched() // any moment will do
		}
		if err := loan.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
		n, err := in.Read(p)
		got.Write(p[:n])
		over = err != nil
	}
	if got.String() != typed.String() || !in.Ended() {
		t.Errorf("%d bytes of %d, or in another order", got.Len(), typed.Len())
	}
}

// Whose loan is over gets no more, and a read of theirs takes nothing; what they
// had not taken is the next one's, and the owner's in the end.
func TestLend(t *testing.T) {
	r, w := io.Pipe()
	in := handover.New(r)
	defer in.Close()
	read := func(from io.Reader) string {
		p := make([]byte, 100)
		n, err := from.Read(p)
		if err != nil {
			return err.Error()
		}
		return string(p[:n])
	}
	write := func(s string) {
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
	}
	screen, waits := in.Lend(), make(chan string)
	go func() { waits <- read(screen) }()
	loan := in.Lend()
	if got := <-waits; got != "EOF" {
		t.Errorf("the one who waited got %q", got)
	}
	write("to the host")
	if got := read(screen); got != "EOF" {
		t.Errorf("%q on a loan that is over", got)
	}
	if got := read(loan); got != "to the host" {
		t.Errorf("the borrower got %q", got)
	}
	owner := make(chan string)
	go func() { owner <- read(in) }()
	go func() { waits <- read(loan) }()
	if err := loan.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-waits; got != "EOF" {
		t.Errorf("a loan that is over gives %q", got)
	}
	write("to the owner")
	if got := <-owner; got != "to the owner" {
		t.Errorf("the owner got %q", got)
	}
	screen = in.Lend()
	write("one\rtwo")
	p := make([]byte, 100)
	n, err := screen.ReadLine(p)
	if string(p[:n]) != "one\r" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(in); got != "two" {
		t.Errorf("behind the line %q", got)
	}
}

// The end of what is typed is whose turn it is to see it.
func TestEnd(t *testing.T) {
	in := handover.New(strings.NewReader("last"))
	loan := in.Lend()
	if got, err := io.ReadAll(loan); string(got) != "last" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := loan.Close(); err != nil || !in.Ended() {
		t.Error(err, in.Ended())
	}
	if _, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	closed := handover.New(strings.NewReader("last"))
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}
