package bastion

import (
	"io"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// clientChannel is a session's channel towards the client. Several write to it:
// both streams of the program, and we ourselves. In x/crypto the end of output
// must not meet a write (it is a plain field there), and a write may be stuck
// for as long as the client takes nothing. So CloseWrite leaves EOF out while
// somebody writes: the close that follows says the same (RFC 4254, section 5.3).
type clientChannel struct {
	gossh.Channel
	writing sync.RWMutex // read-held by each write
}

func (c *clientChannel) Write(p []byte) (int, error) {
	c.writing.RLock()
	defer c.writing.RUnlock()
	return c.Channel.Write(p)
}

func (c *clientChannel) CloseWrite() error {
	if !c.writing.TryLock() {
		return nil
	}
	defer c.writing.Unlock()
	return c.Channel.CloseWrite()
}

// Stderr is the one extended stream there is.
func (c *clientChannel) Stderr() io.ReadWriter { return clientStderr{c.Channel.Stderr(), c} }

type clientStderr struct {
	io.ReadWriter
	c *clientChannel
}

func (e clientStderr) Write(p []byte) (int, error) {
	e.c.writing.RLock()
	defer e.c.writing.RUnlock()
	return e.ReadWriter.Write(p)
}
