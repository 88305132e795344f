package conformance

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// feed is a listener that is given its connections.
type feed struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error   { f.once.Do(func() { close(f.closed) }); return nil }
func (f *feed) Addr() net.Addr { return loopback }

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 65535}

// stdio is a connection over a program's standard input and output.
type stdio struct {
	in, out *os.File
	once    sync.Once
	closed  chan struct{}
	mu      sync.Mutex
	first   []byte // of the client: enough to know SSH-2.0 by; guarded by mu
}

func newStdio() *stdio { return &stdio{in: os.Stdin, out: os.Stdout, closed: make(chan struct{})} }

func (s *stdio) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	s.mu.Lock()
	s.first = append(s.first, p[:min(n, len(ssh2)-len(s.first))]...)
	s.mu.Unlock()
	if err != nil && err != io.EOF {
		err = io.EOF
	}
	return n, err
}

// foreign reports whether the client spoke another protocol, on which sshd -i
// exits with an error.
func (s *stdio) foreign() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.first) > 0 && !bytes.HasPrefix(s.first, []byte(ssh2))
}

const ssh2 = "SSH-2.0-"

func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *stdio) Close() error {
	s.once.Do(func() {
		close(s.closed)
		_ = s.in.Close()
		_ = s.out.Close()
	})
	return nil
}
func (s *stdio) LocalAddr() net.Addr              { return loopback }
func (s *stdio) RemoteAddr() net.Addr             { return loopback }
func (s *stdio) SetDeadline(time.Time) error      { return nil }
func (s *stdio) SetReadDeadline(time.Time) error  { return nil }
func (s *stdio) SetWriteDeadline(time.Time) error { return nil }
