package e2e

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
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
	if args[0] == "tcp" {
		return listen(out, args[1])
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

// listen prints what a listener says before it hears anything.
func listen(out io.Writer, addr string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
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
