package bastion_test

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

func impatient(c *bastion.Config) { c.Limits.Host = 2 * time.Second }

// fails runs a session and checks that it ends with one line, 255, and the
// cause on its record.
func (l *lab) fails(t *testing.T, what string, reason access.Reason) {
	t.Helper()
	got := l.run("ssh", "-n", l.target("db1"), "true")
	if got.code != 255 || !strings.HasPrefix(got.err, "sallyport: failed: ") || strings.Count(strings.TrimSpace(got.err), "\n") != 0 {
		t.Errorf("%s: %+v", what, got)
	}
	if s := l.lastSession(); s.EndCause != string(reason) || s.EndDetail == "" || !strings.Contains(got.err, s.EndDetail) {
		t.Errorf("%s: ended with %q, %q", what, s.EndCause, s.EndDetail)
	}
}

// A host that closes its connection at any byte of the handshake.
func TestHostClosesAtAnyByte(t *testing.T) {
	l := newLab(t, impatient)
	var limit atomic.Int64
	l.playHost(func(c net.Conn, h *rawHost) {
		speakSSH(func(ch ssh.Channel, _ <-chan *ssh.Request) { _ = ch.Close() })(&shortConn{Conn: c, left: int(limit.Load())}, h)
	})
	for n := range 1200 {
		if n > 30 && n%97 != 0 {
			continue // a sample; the version line in full
		}
		limit.Store(int64(n))
		l.fails(t, "closed at a byte", access.ReasonUnreachable)
		if t.Failed() {
			t.Fatalf("at byte %d", n)
		}
	}
}

// shortConn closes after so many bytes written.
type shortConn struct {
	net.Conn
	left int
}

func (c *shortConn) Write(p []byte) (int, error) {
	if len(p) > c.left {
		n, _ := c.Conn.Write(p[:c.left])
		c.left = 0
		_ = c.Conn.Close()
		return n, io.ErrClosedPipe
	}
	c.left -= len(p)
	return c.Conn.Write(p)
}

// A host that answers garbage, or too much of it, or nothing at all.
func TestHostTalksNonsense(t *testing.T) {
	for what, serve := range map[string]func(net.Conn, *rawHost){
		"garbage": func(c net.Conn, _ *rawHost) { _, _ = io.CopyN(c, rand.Reader, 4096) },
		"http":    func(c net.Conn, _ *rawHost) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"lines without end": func(c net.Conn, _ *rawHost) {
			for {
				if _, err := io.WriteString(c, strings.Repeat("x", 100)+"\r\n"); err != nil {
					return
				}
			}
		},
		"garbage behind a version": func(c net.Conn, _ *rawHost) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			_, _ = io.CopyN(c, rand.Reader, 4096)
		},
		"silence":                  func(c net.Conn, _ *rawHost) { _, _ = io.Copy(io.Discard, c) },
		"silence behind a version": func(c net.Conn, _ *rawHost) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); _, _ = io.Copy(io.Discard, c) },
	} {
		t.Run(what, func(t *testing.T) {
			l := newLab(t, impatient)
			l.playHost(serve)
			l.fails(t, what, access.ReasonUnreachable)
		})
	}
}

// A host that lets us in and then does not answer: to the channel, or to the
// start of the program.
func TestHostNeverStarts(t *testing.T) {
	l := newLab(t, impatient)
	l.playHost(speakSSH(func(_ ssh.Channel, reqs <-chan *ssh.Request) {
		for range reqs { // no answer
		}
	}))
	l.fails(t, "no answer to exec", access.ReasonUnreachable)
	l.playHost(func(c net.Conn, h *rawHost) {
		config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
		config.AddHostKey(h.signer())
		conn, _, _, err := ssh.NewServerConn(c, config)
		if err == nil {
			_ = conn.Wait()
		}
	})
	l.fails(t, "no answer to the channel", access.ReasonUnreachable)
}

// A connection to the host that breaks while the program runs is a failure,
// and no exit.
func TestHostBreaksOff(t *testing.T) {
	l := newLab(t)
	l.playHost(func(c net.Conn, h *rawHost) {
		speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
			if starts(reqs) {
				_, _ = io.WriteString(ch, "so far\n")
				_ = c.Close()
			}
		})(c, h)
	})
	for range 20 { // it is a race
		got := l.run("ssh", "-n", l.target("db1"), "true")
		if got.code != 255 || !strings.Contains(got.err, "the connection to the host broke") {
			t.Fatalf("%+v", got)
		}
		if s := l.lastSession(); s.EndCause != string(access.ReasonHostLost) {
			t.Fatalf("ended with %q, %q", s.EndCause, s.EndDetail)
		}
	}
}

// A host whose connection takes no bytes any more does not hold the session's
// end, nor the reading of the client's connection.
func TestHostTakesNothing(t *testing.T) {
	l := newLab(t)
	ctx, revoke := context.WithCancelCause(context.Background())
	stuck := &stuckConn{over: make(chan struct{})}
	l.playHost(func(c net.Conn, h *rawHost) {
		stuck.Conn = c
		speakSSH(func(_ ssh.Channel, reqs <-chan *ssh.Request) {
			if starts(reqs) {
				ssh.DiscardRequests(reqs) // it takes the requests, and no data
			}
		})(stuck, h)
	})
	t.Cleanup(func() { _ = stuck.Close() })
	admit := l.admit
	l.admitBy(func(c context.Context, a access.Application) (*access.Pass, error) {
		pass, err := admit(c, a)
		if err == nil {
			pass.Context = ctx
		}
		return pass, err
	})
	client := l.dialDoor(l.onHost())
	var sent atomic.Int64
	var stdins []io.Writer
	for range 8 { // their windows together are more than sockets hold
		session := must(client.NewSession())(t)
		stdin := must(session.StdinPipe())(t)
		if err := session.Start("read nothing"); err != nil {
			t.Fatal(err)
		}
		stdins = append(stdins, stdin)
	}
	stuck.stuck.Store(true)
	for _, stdin := range stdins {
		go func() { _, _ = io.Copy(io.MultiWriter(stdin, counter{&sent}), zeros{}) }()
	}
	l.await("everything to be stuck", func() bool {
		before := sent.Load()
		time.Sleep(200 * time.Millisecond)
		return before == sent.Load() && before > 0
	})
	if !strings.Contains(goroutines(), "net.(*conn).Write(") {
		t.Error("the host's socket takes more")
	}
	alive := make(chan error, 1)
	go func() {
		_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
		alive <- err
	}()
	select {
	case err := <-alive:
		if err != nil {
			t.Errorf("the client's connection: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the client's connection is not read")
	}
	revoke(access.Refuse(access.ReasonRevoked, "revoked", ""))
	l.lastSession()
	for _, s := range l.sessions() {
		if s.EndCause != string(access.ReasonRevoked) || s.EndDetail != "revoked" {
			t.Errorf("ended with %q, %q", s.EndCause, s.EndDetail)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// stuckConn stops reading when it is told to, until it is closed.
type stuckConn struct {
	net.Conn
	stuck atomic.Bool
	once  sync.Once
	over  chan struct{}
}

func (c *stuckConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.stuck.Load() {
		<-c.over
		return 0, io.EOF
	}
	return n, err
}

func (c *stuckConn) Close() error {
	c.once.Do(func() { close(c.over) })
	return c.Conn.Close()
}

// A host that sends a gigabyte to a client that does not read is held by the
// client's window; memory does not follow.
func TestHostFloodsSlowClient(t *testing.T) {
	l := newLab(t)
	var sent atomic.Int64
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if starts(reqs) {
			go ssh.DiscardRequests(reqs)
			_, _ = io.CopyN(io.MultiWriter(ch, counter{&sent}), zeros{}, 1<<30)
		}
	}))
	session := must(l.dialDoor(l.onHost()).NewSession())(t)
	if _, err := session.StdoutPipe(); err != nil { // nobody reads it
		t.Fatal(err)
	}
	before := heap()
	if err := session.Start("flood"); err != nil {
		t.Fatal(err)
	}
	var last int64 = -1
	l.await("the host to be held", func() bool { // bytes stand still
		time.Sleep(100 * time.Millisecond)
		now := sent.Load()
		held := now == last && now > 0
		last = now
		return held
	})
	if grown := heap() - before; grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if last > 32<<20 {
		t.Errorf("%d MiB were taken from the host", last>>20)
	}
	_ = session.Close()
	if s := l.lastSession(); s.EndCause != access.EndDisconnect {
		t.Errorf("ended with %q", s.EndCause)
	}
}

// counter counts what is written.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
