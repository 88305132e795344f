package bastion

import (
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// A write to a peer blocks while its connection takes no bytes, and so do the
// messages that close a channel. Who has to come to an end goes through here.

// within runs write, and cut when it does not come back within closeTime: cut
// ends the connection, and with it the write.
func within(write, cut func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		write()
	}()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		cut()
	}
}

// cutClient ends the client's connection. An error says that it was over.
func (c *connection) cutClient() { _ = c.ssh.Close() }

// leave closes a channel on the leg, or the leg, if it takes no bytes.
func (l *leg) leave(ch gossh.Channel) {
	within(func() { _ = ch.Close() }, l.close) // fails when it is closed
}

// stands reports whether the leg is there. x/crypto closes the channels of a
// lost connection before it says so, so only a round trip can tell.
func (l *leg) stands() bool {
	answered := make(chan error, 1)
	go func() {
		_, _, err := l.conn.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	}()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case err := <-answered:
		return err == nil
	case <-l.gone:
	case <-timer.C:
		l.close()
	}
	return false
}
