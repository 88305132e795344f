package bastion

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"
)

const (
	// maxEarly is how much a session without a terminal may send before the
	// host is there: rsync and Ansible do. Then the window stops.
	maxEarly = 64 << 10
	// ctrlC withdraws a waiting request, where there is a pty and only
	// there: an sftp packet may hold a 3.
	ctrlC = 3
	// maxReason bounds what is typed at the prompt, in bytes.
	maxReason = 400
)

// inputMode is what becomes of what the client sends.
type inputMode int

const (
	holdInput    inputMode = iota // keep it for the host
	aheadInput                    // the same on a pty, where ctrlC withdraws
	watchInput                    // a pty while a person is asked: drop it, but for ctrlC
	promptInput                   // a pty that is asked for the reason
	deliverInput                  // to the host or the console
	dropInput                     // the session is over
)

// input reads what the client types, from the moment the channel is open until
// it closes, and gives it to whoever the mode names. One goroutine reads; the
// back-pressure of whoever takes the bytes is the client's window.
type input struct {
	src      io.Reader
	withdraw func()

	mu    sync.Mutex
	moved sync.Cond // mode changed
	mode  inputMode
	early []byte
	ended bool      // EOF came before anyone took the input
	lost  bool      // some of it was dropped while a person was asked
	to    inputSink // while deliverInput
	line  *lineEditor
}

// inputSink takes input in deliverInput. End is called once, at EOF.
type inputSink interface {
	io.Writer
	End()
}

func newInput(src io.Reader, withdraw func()) *input {
	in := &input{src: src, withdraw: withdraw}
	in.moved.L = &in.mu
	return in
}

// run reads until EOF or the channel closes.
func (in *input) run() {
	err := pump(in.src, in.take)
	in.mu.Lock()
	in.ended = true
	if in.mode == promptInput {
		in.noAnswer()
	}
	to := in.to
	in.moved.Broadcast()
	in.mu.Unlock()
	if to != nil && err == nil {
		to.End()
	}
}

// take hands over one chunk and blocks while nobody may have it.
func (in *input) take(p []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		if in.mode == aheadInput && bytes.IndexByte(p, ctrlC) >= 0 {
			in.withdraw()
			return nil
		}
		if in.mode > aheadInput || len(in.early)+len(p) <= maxEarly {
			break
		}
		in.moved.Wait()
	}
	switch in.mode {
	case holdInput, aheadInput:
		in.early = append(in.early, p...)
	case watchInput:
		in.lost = true
		if bytes.IndexByte(p, ctrlC) >= 0 {
			in.withdraw()
		}
	case promptInput:
		echo := in.line.feed(p, in.withdraw)
		// Unlocked: a client that does not read must not hold the mode.
		in.mu.Unlock()
		_, err := in.line.echo.Write(echo)
		in.mu.Lock()
		return err
	case deliverInput:
		// Unlocked, so that a mode can change while the host is slow. Only
		// this goroutine writes from here on.
		to := in.to
		in.mu.Unlock()
		_, err := to.Write(p)
		in.mu.Lock()
		return err
	case dropInput:
	}
	return nil
}

// ahead is the mode of a pty while its session opens, and nobody is asked.
func (in *input) ahead() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.mode = aheadInput
	in.moved.Broadcast()
}

// watch is the mode of a pty from when a person is asked: what is typed then,
// and what was typed before, would run long after, on a host that the person
// has not seen yet. It does nothing once the input is delivered.
func (in *input) watch() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.mode < deliverInput {
		in.lose()
		in.mode = watchInput
		in.moved.Broadcast()
	}
}

// lose drops what was typed ahead.
func (in *input) lose() {
	in.lost = in.lost || len(in.early) > 0
	in.early = nil
}

// stranded reports that input was dropped and that no more will come: it was a
// script's, and nobody is there to type it again.
func (in *input) stranded() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.ended && in.lost
}

// drop is the mode of the end.
func (in *input) drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.mode, in.early = dropInput, nil
	in.moved.Broadcast()
}

// deliver gives everything to sink from now on, what was held first.
func (in *input) deliver(sink inputSink) error {
	in.mu.Lock()
	early, ended := in.early, in.ended
	in.early, in.to = nil, sink
	// The lock is held while the early input is written, so that nothing
	// overtakes it. The sink's end, if it is stuck, is the session's: it
	// closes the host's channel, and the write returns.
	var err error
	if len(early) > 0 {
		_, err = sink.Write(early)
	}
	in.mode = deliverInput
	in.moved.Broadcast()
	in.mu.Unlock()
	if ended && err == nil {
		sink.End()
	}
	return err
}

// prompt asks for one line. The answer arrives on the returned channel, once.
func (in *input) prompt(echo io.Writer) <-chan string {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.line = &lineEditor{echo: echo, done: make(chan string, 1)}
	in.lose()
	in.mode = promptInput
	if in.ended {
		in.noAnswer()
	}
	in.moved.Broadcast()
	return in.line.done
}

// noAnswer ends a prompt to which nobody can say more. A line that was not
// finished is no answer.
func (in *input) noAnswer() {
	in.lost = in.lost || len(in.line.buf) > 0
	if !in.line.over {
		in.line.over = true
		in.line.done <- ""
	}
}

// lineEditor is as much of a line discipline as one question needs: the
// client's terminal is raw already, and echoes nothing.
type lineEditor struct {
	echo io.Writer
	done chan string
	buf  []byte
	over bool
}

// feed takes what was typed and returns what to show of it. Escape sequences are not understood: their
// control characters are dropped.
func (l *lineEditor) feed(p []byte, withdraw func()) (echo []byte) {
	for _, c := range p {
		if l.over {
			break
		}
		switch {
		case c == ctrlC:
			l.over = true
			withdraw()
		case c == '\r' || c == '\n' || c == 4: // 4: Ctrl-D
			l.over = true
			echo = append(echo, "\r\n"...)
			l.done <- string(l.buf)
		case c == 0x7f || c == '\b':
			echo = append(echo, l.rubOut()...)
		case c == 0x15: // Ctrl-U
			for len(l.buf) > 0 {
				echo = append(echo, l.rubOut()...)
			}
		case c >= ' ' && len(l.buf) < maxReason:
			l.buf = append(l.buf, c)
			echo = append(echo, c) // the terminal joins the bytes of a character
		}
	}
	return echo
}

// rubOut takes back the last character.
func (l *lineEditor) rubOut() string {
	if len(l.buf) == 0 {
		return ""
	}
	_, n := utf8.DecodeLastRune(l.buf)
	l.buf = l.buf[:len(l.buf)-n]
	return "\b \b"
}
