package bastion_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

// gatedProxy is the way to the bastion through a network that can go silent,
// or lose just what comes back: both connections stay, and nothing passes any
// more.
func (l *lab) gatedProxy(addr string) (client net.Conn, silence, deafen func()) {
	l.t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(l.t)
	defer listener.Close()
	client = must(net.Dial("tcp", listener.Addr().String()))(l.t)
	near := must(listener.Accept())(l.t)
	far := must(net.Dial("tcp", addr))(l.t)
	if err := far.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { // full soon, once nobody reads
		l.t.Fatal(err)
	}
	var silent, deaf atomic.Bool
	gone := make(chan struct{})
	carry := func(dst, src net.Conn, silent *atomic.Bool) {
		b := make([]byte, 32<<10)
		for {
			n, err := src.Read(b)
			if silent.Load() {
				<-gone
			}
			if err != nil {
				_ = dst.Close()
				return
			}
			if _, err := dst.Write(b[:n]); err != nil {
				return
			}
		}
	}
	go carry(far, near, &silent)
	go carry(near, far, &deaf)
	l.t.Cleanup(func() { close(gone); _ = near.Close(); _ = far.Close(); _ = client.Close() })
	return client, func() { silent.Store(true); deaf.Store(true) }, func() { deaf.Store(true) }
}

// A client that vanishes without a word (a half-open connection) loses its
// session when nothing has passed for long enough, even while the host sends.
func TestClientVanishes(t *testing.T) {
	for what, program := range map[string]string{"quiet": "sleep 60", "while the host sends": "cat /dev/zero"} {
		t.Run(what, func(t *testing.T) {
			l := newLab(t, func(c *bastion.Config) { c.Limits.Idle = time.Second })
			tcp, silence, _ := l.gatedProxy(l.addr)
			session := must(l.dialOver(tcp, l.onHost()).NewSession())(t)
			if err := session.Start(program); err != nil {
				t.Fatal(err)
			}
			silence()
			if s := l.lastSession(); s.EndCause != string(access.ReasonIdle) {
				t.Errorf("ended with %q, %q", s.EndCause, s.EndDetail)
			}
			l.await("the host to be left", func() bool { return l.host.Connections() == 0 })
		})
	}
}

// A client that closes its connection at any byte of the handshake, or goes over
// to garbage at any moment, leaves nothing behind; a session that it had begun
// says on its record that the client left.
func TestClientClosesAtAnyByte(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.FailedPerIPPerMinute = 10_000 })
	key := must(ssh.ParsePrivateKey(must(os.ReadFile(filepath.Join(l.dir, "alice")))(t)))(t)
	config := &ssh.ClientConfig{User: l.onHost(), Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	for n := range 3000 {
		if n > 30 && n%61 != 0 {
			continue // a sample; the version line in full
		}
		conn, chans, reqs, err := ssh.NewClientConn(&shortConn{Conn: must(net.Dial("tcp", l.addr))(t), left: n}, l.addr, config)
		if err != nil {
			continue
		}
		client := ssh.NewClient(conn, chans, reqs)
		if session, err := client.NewSession(); err == nil {
			_ = session.Start("exec sleep 60")
		}
		_ = client.Close()
	}
	spoiled := &spoiledConn{Conn: must(net.Dial("tcp", l.addr))(t)}
	session := must(l.dialOver(spoiled, l.onHost()).NewSession())(t)
	if err := session.Start("exec sleep 60"); err != nil {
		t.Fatal(err)
	}
	spoiled.spoiled.Store(true)
	_, _ = session.SendRequest("signal", false, ssh.Marshal(text{"USR1"})) // in garbage
	l.lastSession()
	for _, s := range l.sessions() {
		if s.EndCause != access.EndDisconnect {
			t.Errorf("a session ended with %q, %q", s.EndCause, s.EndDetail)
		}
	}
	l.await("the hosts to be left", func() bool { return l.host.Connections() == 0 })
	if out, err := must(l.dialDoor(l.onHost()).NewSession())(t).Output("echo still here"); string(out) != "still here\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// spoiledConn sends garbage from when it is told to.
type spoiledConn struct {
	net.Conn
	spoiled atomic.Bool
}

func (c *spoiledConn) Write(p []byte) (int, error) {
	if c.spoiled.Load() {
		p = bytes.Repeat([]byte{0xa5}, len(p))
	}
	return c.Conn.Write(p)
}

// A client that sends a gigabyte to a program that does not read is held by
// the host's window; memory does not follow.
func TestClientFloodsSlowHost(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.Idle = 5 * time.Second })
	session := must(l.dialDoor(l.onHost()).NewSession())(t)
	stdin := must(session.StdinPipe())(t)
	if err := session.Start("exec sleep 60"); err != nil {
		t.Fatal(err)
	}
	before := heap()
	var sent atomic.Int64
	go func() { _, _ = io.CopyN(io.MultiWriter(stdin, counter{&sent}), zeros{}, 1<<30) }()
	l.await("the client to be held", func() bool {
		was := sent.Load()
		time.Sleep(200 * time.Millisecond)
		return was > 0 && was == sent.Load()
	})
	if grown := heap() - before; grown > 48<<20 || sent.Load() > 32<<20 {
		t.Errorf("%d MiB taken, the heap grew by %d MiB", sent.Load()>>20, grown>>20)
	}
	if s := l.lastSession(); s.EndCause != string(access.ReasonIdle) || s.EndDetail != "nothing passed for 5s" {
		t.Errorf("ended with %q, %q", s.EndCause, s.EndDetail)
	}
}

// Floods on a waiting and on a running session end it at worst, with a cause;
// the connection's other sessions go on.
func TestRequestFloods(t *testing.T) {
	l := newLab(t)
	client := l.dialDoor(l.onHost())
	flood := func(name string, payload []byte, wantReply bool, running bool) {
		t.Helper()
		ch, reqs, err := client.OpenChannel("session", nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		go ssh.DiscardRequests(reqs)
		if running {
			if ok, err := ch.SendRequest("pty-req", true, ssh.Marshal(ptyReq{"xterm", 80, 24, 0, 0, ""})); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if ok, err := ch.SendRequest("exec", true, ssh.Marshal(text{"cat"})); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		for range 3000 {
			if _, err := ch.SendRequest(name, wantReply, payload); err != nil {
				break
			}
		}
		_ = ch.Close()
	}
	for _, running := range []bool{false, true} {
		flood("env", ssh.Marshal(struct{ Name, Value string }{"LC_X", strings.Repeat("x", 100)}), true, running)
		flood("env", ssh.Marshal(struct{ Name, Value string }{"LC_X", strings.Repeat("x", 30_000)}), false, running)
		flood("window-change", ssh.Marshal(struct{ Cols, Rows, W, H uint32 }{100, 30, 0, 0}), false, running)
		flood("window-change", []byte{1}, false, running)
		flood("signal", ssh.Marshal(text{"WINCH"}), false, running)
		flood("auth-agent-req@openssh.com", nil, false, running)
		flood("x11-req", nil, false, running)
		flood("nonsense@example.com", bytes.Repeat([]byte{0xff}, 1000), true, running)
		flood("exit-status", ssh.Marshal(struct{ S uint32 }{9}), false, running)
	}
	out, err := must(client.NewSession())(t).Output("echo still here")
	if string(out) != "still here\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// ptyReq and text are the payloads of pty-req, and of exec and signal.
type ptyReq struct {
	Term          string
	Cols, Rows    uint32
	Width, Height uint32
	Modes         string
}
type text struct{ Text string }

// narrowListener has connections of which little fits into the kernel.
type narrowListener struct{ net.Listener }

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// A flood of channels is refused beyond the limit, and one that is not even
// read costs the connection; others go on.
func TestChannelFlood(t *testing.T) {
	l := newLab(t)
	client := l.dialDoor(l.onHost())
	refused := 0
	for range 100 {
		_, reqs, err := client.OpenChannel("session", nil)
		if err != nil {
			refused++
			continue
		}
		go ssh.DiscardRequests(reqs)
	}
	if refused != 36 {
		t.Errorf("%d of 100 channels refused", refused)
	}
	// Nor do refusals pile up for a client that does not read them: what its
	// socket does not hold waits, and more than 128 are too many.
	narrow := narrowListener{must(net.Listen("tcp", "127.0.0.1:0"))(t)}
	served := make(chan error, 1)
	go func() { served <- l.door.Serve(narrow) }()
	tcp, _, deafen := l.gatedProxy(narrow.Addr().String())
	mute := l.dialOver(tcp, l.onHost())
	deafen()
	before := heap()
	var wait sync.WaitGroup
	for range 3000 {
		wait.Go(func() { _, _, _ = mute.OpenChannel("nonsense", make([]byte, 100)) })
	}
	l.await("the connection to be cut", func() bool {
		return strings.Contains(l.log.String(), "a flood of channels; closing the connection")
	})
	l.await("its goroutines to end", func() bool { return strings.Count(goroutines(), "bastion.(*connection).reject(") == 0 })
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	_ = mute.Close()
	wait.Wait()
	_ = narrow.Close()
	<-served // an error: it was not Shutdown that closed it
	if out, err := must(l.dialDoor(l.onHost()).NewSession())(t).Output("echo still here"); string(out) != "still here\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// Tiny packets arrive whole and in order, and take bounded memory.
func TestTinyPackets(t *testing.T) {
	l := newLab(t)
	session := must(l.dialDoor(l.onHost()).NewSession())(t)
	stdin, stdout := must(session.StdinPipe())(t), must(session.StdoutPipe())(t)
	if err := session.Start("cat"); err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	go func() {
		for i := range n {
			if _, err := stdin.Write([]byte{byte(i)}); err != nil {
				return
			}
		}
		_ = stdin.Close()
	}()
	got := must(io.ReadAll(stdout))(t)
	if len(got) != n {
		t.Fatalf("%d bytes came back", len(got))
	}
	for i, b := range got {
		if b != byte(i) {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}

// A second start request is refused, in the order of the questions, while the
// first waits and while it runs.
func TestSecondStart(t *testing.T) {
	l := newLab(t)
	asked, decide := make(chan struct{}), make(chan struct{})
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		close(asked)
		<-decide
		return l.pass(context.Background(), a)
	})
	ch, reqs, err := l.dialDoor(l.onHost()).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	answers := make(chan bool, 3)
	go func() {
		for _, command := range []string{"cat", "echo second", "echo third"} {
			ok, err := ch.SendRequest("exec", true, ssh.Marshal(text{command}))
			answers <- ok && err == nil
		}
	}()
	<-asked
	if _, err := ch.SendRequest("exec", false, ssh.Marshal(text{"echo during the wait"})); err != nil {
		t.Fatal(err)
	}
	close(decide)
	if first, second, third := <-answers, <-answers, <-answers; !first || second || third {
		t.Errorf("answers %v %v %v", first, second, third)
	}
	if _, err := io.WriteString(ch, "one"); err != nil {
		t.Fatal(err)
	}
	_ = ch.CloseWrite()
	if out := must(io.ReadAll(ch))(t); string(out) != "one" {
		t.Errorf("%q", out)
	}
}
