package bastion

import (
	"net"
	"syscall"
)

// promptConn acknowledges at once what it has read. sshd leaves Nagle's
// algorithm on for sessions without a terminal, so that its second small packet
// waits for our acknowledgement of the first, which the kernel delays by 40 ms:
// every new session would wait that long (RFC 1122, section 4.2.3.2; tcp(7),
// TCP_QUICKACK). The kernel leaves that mode by itself, so it is set anew.
type promptConn struct {
	net.Conn
	raw syscall.RawConn
	ack func(fd uintptr)
}

// prompt makes c acknowledge at once. What is not TCP is left as it is.
func prompt(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &promptConn{Conn: c, raw: raw, ack: func(fd uintptr) {
		// Without it everything works, only later.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}}
}

// Read sets it after each read that took all there was: a peer with more to
// send waits for nothing.
func (c *promptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && n < len(p) {
		err = c.raw.Control(c.ack)
	}
	return n, err
}
