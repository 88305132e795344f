package bastion_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

// 200 sessions of mixed kinds at once, on both ways in: what arrives is what
// was sent, on both ends, and nothing is left behind.
func TestStress(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	long := 20 * time.Second
	if os.Getenv("SALLYPORT_SOAK") != "" {
		long = time.Minute
	}
	l := newLab(t, func(c *bastion.Config) {
		c.Limits.MaxUnauthenticated, c.Limits.SessionsPerPerson = 400, 400
		c.Limits.Handshake, c.Limits.Auth, c.Limits.Host = time.Minute, time.Minute, time.Minute
	})
	const connections, each = 25, 8 // sshd takes 10 sessions a connection
	end := time.Now().Add(long)
	var done [len(stressKinds)]atomic.Int64
	var wait sync.WaitGroup
	for i := range connections {
		wait.Go(func() {
			for time.Now().Before(end) {
				client, err := l.stressClient(i%5 == 0)
				if err != nil {
					t.Errorf("connection: %v", err)
					return
				}
				var sessions sync.WaitGroup
				for range each {
					sessions.Go(func() {
						for range 10 {
							if !time.Now().Before(end) {
								return
							}
							kind := rand.IntN(len(stressKinds))
							if err := inSession(client, stressKinds[kind].run); err != nil {
								t.Errorf("%s: %v", stressKinds[kind].name, err)
								return
							}
							done[kind].Add(1)
						}
					})
				}
				sessions.Wait()
				_ = client.Close()
			}
		})
	}
	wait.Wait()
	var total int64
	for i, k := range stressKinds {
		t.Logf("%s: %d", k.name, done[i].Load())
		total += done[i].Load()
	}
	if total < 2*connections*each {
		t.Errorf("only %d sessions in %s", total, long)
	}
	l.lastSession()
	for _, s := range l.sessions() {
		if s.State != access.SessionSealed || s.EndCause != access.EndExit && s.EndCause != access.EndDisconnect && !strings.HasPrefix(s.EndCause, "signal:") {
			t.Errorf("session %s: %s, %s %s", s.ID, s.State, s.EndCause, s.EndDetail)
		}
	}
}

// stressClient logs in, on one of the two ways.
func (l *lab) stressClient(jump bool) (*ssh.Client, error) {
	user := l.onHost()
	if jump {
		user = "jumper"
	}
	outer := l.dialDoor(user)
	if !jump {
		return outer, nil
	}
	ch, reqs, err := outer.OpenChannel("direct-tcpip", ssh.Marshal(struct {
		Host       string
		Port       uint32
		Originator string
		From       uint32
	}{"db1", 22, "127.0.0.1", 65535}))
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(reqs)
	conn, chans, greqs, err := ssh.NewClientConn(channelNet{ch, outer}, "db1:22", &ssh.ClientConfig{User: l.host.Login, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(conn, chans, greqs), nil
}

// channelNet makes a channel a connection.
type channelNet struct {
	ssh.Channel
	outer *ssh.Client
}

func (c channelNet) Close() error                     { return errors.Join(c.Channel.Close(), c.outer.Close()) }
func (c channelNet) LocalAddr() net.Addr              { return c.outer.LocalAddr() }
func (c channelNet) RemoteAddr() net.Addr             { return c.outer.RemoteAddr() }
func (c channelNet) SetDeadline(time.Time) error      { return nil }
func (c channelNet) SetReadDeadline(time.Time) error  { return nil }
func (c channelNet) SetWriteDeadline(time.Time) error { return nil }

var stressKinds = [...]struct {
	name string
	run  func(*ssh.Session) error
}{
	{"both ways", stressEcho},
	{"up, summed on the host", stressUp},
	{"status after output on both streams", stressStatus},
	{"terminal", stressTerminal},
	{"sftp", stressSFTP},
	{"a client that leaves", stressLeave},
}

// inSession runs one session to its end.
func inSession(c *ssh.Client, run func(*ssh.Session) error) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	return run(s)
}

func someBytes(most int) []byte {
	b := make([]byte, rand.IntN(most))
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func stressEcho(s *ssh.Session) error {
	data := someBytes(300_000)
	s.Stdin = bytes.NewReader(data)
	out, err := s.Output("cat")
	if err != nil || sha256.Sum256(out) != sha256.Sum256(data) {
		return fmt.Errorf("%d bytes sent, %d came back, %v", len(data), len(out), err)
	}
	return nil
}

func stressUp(s *ssh.Session) error {
	data := someBytes(300_000)
	s.Stdin = bytes.NewReader(data)
	out, err := s.Output("sha256sum")
	if err != nil || !strings.HasPrefix(string(out), fmt.Sprintf("%x", sha256.Sum256(data))) {
		return fmt.Errorf("the host got another sum: %q, %v", out, err)
	}
	return nil
}

func stressStatus(s *ssh.Session) error {
	var stdout, stderr bytes.Buffer
	s.Stdout, s.Stderr = &stdout, &stderr
	want := rand.IntN(100)
	err := s.Run(fmt.Sprintf("head -c 50000 /dev/zero; head -c 40000 /dev/zero >&2; exit %d", want))
	var exit *ssh.ExitError
	if want == 0 && err != nil || want != 0 && (!errors.As(err, &exit) || exit.ExitStatus() != want) || stdout.Len() != 50000 || stderr.Len() != 40000 {
		return fmt.Errorf("wanted %d: %v, %d and %d bytes", want, err, stdout.Len(), stderr.Len())
	}
	return nil
}

func stressTerminal(s *ssh.Session) error {
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		return err
	}
	out, err := s.Output("seq 2000")
	if err != nil || strings.Count(string(out), "\r\n") != 2000 || !strings.HasSuffix(string(out), "2000\r\n") {
		return fmt.Errorf("%d bytes, %v", len(out), err)
	}
	return nil
}

func stressSFTP(s *ssh.Session) error {
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		return err
	}
	if _, err := io.WriteString(in, "\x00\x00\x00\x05\x01\x00\x00\x00\x03"); err != nil { // SSH_FXP_INIT, version 3
		return err
	}
	var answer [9]byte
	if _, err := io.ReadFull(out, answer[:]); err != nil || answer[4] != 2 || answer[8] != 3 {
		return fmt.Errorf("answer % x, %v", answer, err)
	}
	_ = in.Close()
	_, err = io.Copy(io.Discard, out)
	return err
}

func stressLeave(s *ssh.Session) error {
	if _, err := s.StdoutPipe(); err != nil {
		return err
	}
	return s.Start("cat /dev/zero")
}
