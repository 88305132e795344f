package conformance

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// The suite's scripts forward to sshd itself, to see whether bytes pass: such
// a forward begins with SSH-, and the bastion closes it. The veil turns over
// every bit of what passes, on both ends of the forward, so that what goes
// through it is the same conversation and no longer looks like SSH. The
// bastion leaves that open by design: re-encoding on purpose is no way to stop.

// asVeil is the environment of the test binary when it is a veil's near end.
const asVeil = "SALLYPORT_AS_VEIL"

// veilOffset is how far behind an sshd's port its veiled entrance is.
const veilOffset = 20

// veilStdio connects standard input and output to HOST PORT, or to those of
// "exec PROGRAM …", veiled: an ssh client's ProxyCommand.
func veilStdio(args []string) int {
	if len(args) > 1 && args[0] == "exec" {
		cmd := exec.Command(args[1], args[2:]...)
		in, err := cmd.StdinPipe()
		if err != nil {
			return complain(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return complain(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return complain(err)
		}
		veilBetween(out, in)
		return complain(cmd.Wait())
	}
	if len(args) != 2 {
		return complain(fmt.Errorf("a veil needs HOST PORT or exec PROGRAM, not %q", args))
	}
	c, err := dialPatiently(net.JoinHostPort(args[0], args[1]))
	if err != nil {
		return complain(err)
	}
	veilBetween(c, closeWriter{c.(*net.TCPConn)})
	return 0
}

// veilBetween copies until in has no more.
func veilBetween(in io.Reader, out io.WriteCloser) {
	go func() {
		_, _ = io.Copy(out, flipped{os.Stdin}) // ends with either side
		_ = out.Close()
	}()
	_, _ = io.Copy(os.Stdout, flipped{in})
}

type closeWriter struct{ *net.TCPConn }

func (c closeWriter) Close() error { return c.CloseWrite() }

// dialPatiently is what ssh's ConnectionAttempts does without a ProxyCommand:
// remote forwards listen a moment after ssh has gone to the background.
func dialPatiently(addr string) (net.Conn, error) {
	for deadline := time.Now().Add(5 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil || time.Now().After(deadline) {
			return c, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// flipped reads with every bit turned over.
type flipped struct{ r io.Reader }

func (f flipped) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for i := range p[:n] {
		p[i] = ^p[i]
	}
	return n, err
}

// unveil accepts veiled connections on l and hands each to a plain one to
// addr, until l is closed.
func unveil(l net.Listener, addr string) {
	for {
		veiled, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = veiled.Close() }()
			plain, err := net.Dial("tcp", addr)
			if err != nil {
				return // the client sees its connection closed
			}
			defer func() { _ = plain.Close() }()
			var both sync.WaitGroup
			both.Go(func() { _, _ = io.Copy(plain, flipped{veiled}); _ = plain.(*net.TCPConn).CloseWrite() })
			both.Go(func() { _, _ = io.Copy(veiled, flipped{plain}); _ = veiled.(*net.TCPConn).CloseWrite() })
			both.Wait()
		}()
	}
}
