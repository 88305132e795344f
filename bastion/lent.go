package bastion

import (
	"errors"
	"io"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// Lent is what a console lends to a session to a host, until that is over.
type Lent struct {
	// In is what is typed. Its Close ends a Read that is under way, which then
	// takes nothing: what is typed later is the console's again.
	In       io.ReadCloser
	Out, Err io.Writer
	PTY      *PTY // nil without a terminal
}

// lentChannel is a console's terminal in the place of a client's session
// channel: what a session says to its client ends here, and what a client would
// ask for is put into requests. So a session of the console is any other's.
type lentChannel struct {
	on       Lent
	requests chan *gossh.Request // closed when the terminal is no longer the session's
	once     sync.Once
	over     chan struct{} // closed when the session closes it

	mu     sync.Mutex
	status *exitStatus
	signal *exitSignal
}

var _ gossh.Channel = (*lentChannel)(nil)

func newLentChannel(on Lent) *lentChannel {
	return &lentChannel{on: on, requests: make(chan *gossh.Request), over: make(chan struct{})}
}

// ask puts the requests of a client that opens a shell, and then the changes of
// its window, until the session is over or gone is closed: the terminal is no
// longer there.
func (l *lentChannel) ask(env []envRequest, pty *ptyRequest, gone <-chan struct{}) {
	defer close(l.requests)
	first := make([]*gossh.Request, 0, len(env)+2)
	for _, e := range env {
		first = append(first, request("env", e))
	}
	var resizes <-chan Size
	if pty != nil && l.on.PTY != nil {
		resizes = l.on.PTY.Resizes
		first = append(first, request("pty-req", pty.resized(window(l.on.PTY.Size))))
	}
	first = append(first, &gossh.Request{Type: "shell"})
	for {
		var next *gossh.Request
		var put chan<- *gossh.Request // nil while there is nothing to put
		if len(first) > 0 {
			next, put = first[0], l.requests
		}
		select {
		case put <- next:
			first = first[1:]
		case size := <-resizes:
			first = append(first, request("window-change", window(size)))
		case <-l.over:
			return
		case <-gone:
			return
		}
	}
}

// request is one that wants no answer.
func request(name string, payload any) *gossh.Request {
	return &gossh.Request{Type: name, Payload: gossh.Marshal(payload)}
}

func window(z Size) windowChange { return windowChange{Cols: uint32(z.Cols), Rows: uint32(z.Rows)} }

func (l *lentChannel) Read(p []byte) (int, error)  { return l.on.In.Read(p) }
func (l *lentChannel) Write(p []byte) (int, error) { return l.on.Out.Write(p) }
func (l *lentChannel) Stderr() io.ReadWriter       { return lentStderr{l.on.Err} }

// CloseWrite does nothing: the terminal stays open.
func (l *lentChannel) CloseWrite() error { return nil }

// Close gives the terminal back.
func (l *lentChannel) Close() error {
	err := error(io.EOF) // as of a channel that is closed
	l.once.Do(func() {
		close(l.over)
		err = l.on.In.Close()
	})
	return err
}

// SendRequest takes what a client is told: how the program ended.
func (l *lentChannel) SendRequest(name string, _ bool, payload []byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch name {
	case "exit-status":
		var e exitStatus
		if err := gossh.Unmarshal(payload, &e); err != nil {
			return false, err
		}
		l.status = &e
	case "exit-signal":
		var e exitSignal
		if err := gossh.Unmarshal(payload, &e); err != nil {
			return false, err
		}
		l.signal = &e
	}
	return false, nil
}

// ended is what the session said of its end: an exit status as ssh would give
// it, and the signal, if it was one.
func (l *lentChannel) ended() (status int, signal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.signal != nil:
		return 255, l.signal.Signal
	case l.status != nil:
		return int(l.status.Status), ""
	default:
		return 255, ""
	}
}

// lentStderr is written only.
type lentStderr struct{ io.Writer }

func (lentStderr) Read([]byte) (int, error) { return 0, io.EOF }

// lentConn is the console's connection as one of its sessions to a host has it:
// it ends with that session, and nothing can be opened on it.
type lentConn struct{ gossh.Conn }

var errLent = errors.New("bastion: the terminal of a console takes no channels")

func (lentConn) OpenChannel(string, []byte) (gossh.Channel, <-chan *gossh.Request, error) {
	return nil, nil, errLent
}

// Wait is asked when the session is over.
func (lentConn) Wait() error { return io.EOF }
