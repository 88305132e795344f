package e2e

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// cmdRaw is a client that does what OpenSSH never would:
//
//	raw none USER                  no credentials at all
//	raw unproven USER KEY          offers KEY and signs with mallory's
//	raw channel KEY USER TYPE      opens a channel of TYPE
//	raw subsystem KEY USER NAME    asks for a subsystem
//	raw request KEY USER TYPE      sends a channel request before any start
//	raw exec KEY USER              runs true; USER with Go's escapes
//	raw tcp ADDRESS                what a listener says, without any SSH
//	raw socks ADDRESS TO           the same through a SOCKS listener, to 127.0.0.1:TO
//	raw get URL                    an HTTP answer: status, then body
//
// What came of it is on stdout.
func cmdRaw(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: raw WHAT …")
	}
	w := townOf(ts)
	err := w.raw(ts.Stdout(), args)
	if err != nil {
		fmt.Fprintln(ts.Stdout(), err)
	}
	if (err != nil) != neg {
		ts.Fatalf("raw %v: %v", args, err)
	}
}

func (w *town) raw(out io.Writer, args []string) error {
	switch args[0] {
	case "none":
		c, err := w.dial(args[1])
		if err != nil {
			return err
		}
		return c.Close()
	case "unproven":
		c, err := w.dial(args[1], ssh.PublicKeys(liar{keyOf[args[2]].signer.PublicKey()}))
		if err != nil {
			return err
		}
		return c.Close()
	}
	switch args[0] {
	case "tcp":
		return listen(out, args[1], nil)
	case "socks":
		port, err := strconv.ParseUint(args[2], 10, 16)
		if err != nil {
			return err
		}
		// SOCKS4 CONNECT to 127.0.0.1, without a user.
		return listen(out, args[1], append(binary16([]byte{4, 1}, port), 127, 0, 0, 1, 0))
	case "get":
		return visit(out, args[1])
	}
	user, err := strconv.Unquote(`"` + args[2] + `"`)
	if err != nil {
		return err
	}
	c, err := w.dial(user, ssh.PublicKeys(keyOf[args[1]].signer))
	if err != nil {
		return err
	}
	defer c.Close()
	if args[0] == "channel" {
		// A payload that would do for direct-tcpip and for nothing else.
		to := ssh.Marshal(struct {
			Host       string
			Port       uint32
			Originator string
			From       uint32
		}{"127.0.0.1", 22, "127.0.0.1", 65535})
		ch, _, err := c.OpenChannel(args[3], to)
		if err != nil {
			return err
		}
		return ch.Close()
	}
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	stderr, err := s.StderrPipe()
	if err != nil {
		return err
	}
	if args[0] == "request" {
		ok, err := s.SendRequest(args[3], true, nil)
		if err == nil && !ok {
			err = fmt.Errorf("%s refused", args[3])
		}
		return err
	}
	if args[0] == "exec" {
		err = s.Start("true")
	} else {
		err = s.RequestSubsystem(args[3])
	}
	if err != nil {
		fmt.Fprintln(out, err)
	}
	said, err := io.ReadAll(stderr)
	fmt.Fprintf(out, "%s", said)
	if err != nil {
		return err
	}
	return s.Wait()
}

func binary16(b []byte, n uint64) []byte { return append(b, byte(n>>8), byte(n)) }

// visit prints an HTTP answer.
func visit(out io.Writer, url string) error {
	client := http.Client{Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Fprintln(out, resp.StatusCode)
	_, err = io.Copy(out, io.LimitReader(resp.Body, 1<<20))
	return err
}

// listen prints what a listener says to hello.
func listen(out io.Writer, addr string, hello []byte) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	said, err := io.ReadAll(io.LimitReader(conn, 1<<10))
	fmt.Fprintf(out, "%s", said)
	return err
}

func (w *town) dial(user string, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	conn, err := net.DialTimeout("tcp", w.bastion.ssh, patience)
	if err != nil {
		return nil, err
	}
	sc, chans, reqs, err := ssh.NewClientConn(conn, w.bastion.ssh, &ssh.ClientConfig{
		User: user, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(sc, chans, reqs), nil
}

// liar has a public key and signs with another.
type liar struct{ public ssh.PublicKey }

func (l liar) PublicKey() ssh.PublicKey { return l.public }
func (l liar) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	return keyOf["mallory"].signer.Sign(rand.Reader, data)
}
