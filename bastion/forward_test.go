package bastion_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// listener serves each connection with f, on the machine that is the host too.
func listener(t testing.TB, network, addr string, f func(net.Conn)) string {
	t.Helper()
	l := must(net.Listen(network, addr))(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// allowing makes the rule of the lab allow more.
func allowing(l *lab, more ...access.Allow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.allow = append(l.allow, more...)
}

func (l *lab) events(s access.Session) string {
	l.t.Helper()
	return string(must(os.ReadFile(filepath.Join(l.dir, "recordings", s.Recording, "events.ndjson")))(l.t))
}

// waitSession waits until a session of the kind is sealed.
func (l *lab) waitSealed(kind access.Kind) access.Session {
	l.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		for _, s := range l.sessions() {
			if s.Kind == kind && s.State == access.SessionSealed {
				return s
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.t.Fatalf("no sealed %s session among %+v", kind, l.sessions())
	return access.Session{}
}

// A rule names where a forward may go; bytes and time are kept, and the
// forwards of a connection are one session.
func TestLocalForward(t *testing.T) {
	l := newLab(t)
	addr := listener(t, "tcp", "127.0.0.1:0", echo)
	sock := listener(t, "unix", filepath.Join(l.dir, "echo.sock"), echo)
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{addr, sock}})

	got := l.runAs("alice", strings.NewReader("through\n"), "ssh", "-W", addr, l.target("db1"))
	if got.out != "through\n" || got.code != 0 {
		t.Errorf("%+v", got)
	}
	s := l.waitSealed(access.KindForward)
	if e := l.events(s); !strings.Contains(e, addr) || !strings.Contains(e, "8 bytes to the host, 8 back") {
		t.Errorf("events %s", e)
	}
	if s.EndCause != access.EndDisconnect || s.Certificate.KeyID == "" {
		t.Errorf("session %+v", s)
	}

	local := filepath.Join(l.dir, "local.sock")
	stop := l.background("alice", "ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-L", local+":"+sock, l.target("db1"))
	defer stop()
	c := l.dialUntil("unix", local)
	defer c.Close()
	fmt.Fprintln(c, "unix")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "unix\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// What the rule does not name, and SSH under any name, is refused.
func TestForwardRefused(t *testing.T) {
	l := newLab(t)
	addr := listener(t, "tcp", "127.0.0.1:0", echo)
	_, port, _ := net.SplitHostPort(addr)
	_, sshPort, _ := net.SplitHostPort(l.host.Addr)
	if got := l.run("ssh", "-W", addr, l.target("db1")); got.code == 0 || !strings.Contains(got.err, "allows no local-forward") {
		t.Errorf("no forward in the rule: %+v", got)
	}
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{"127.0.0.1:*"}})
	for _, to := range []string{"localhost:" + port, "127.0.0.2:" + port, "127.0.0.1.:" + port, "0x7f.1:" + port, "127.0.0.1:22", "127.0.0.1:" + sshPort, "[::1]:" + port, "db1:22"} {
		if got := l.run("ssh", "-W", to, l.target("db1")); got.code == 0 || !strings.Contains(got.err, "sallyport: refused") {
			t.Errorf("%s: %+v", to, got)
		}
	}
	if n := len(l.sessions()); n != 0 {
		t.Errorf("%d recordings of nothing", n)
	}
}

// Every name that a host goes by is another name to the rule, and none of them
// leads to SSH, even where the rule names it with any port.
func TestForwardByEveryName(t *testing.T) {
	l := newLab(t)
	_, port, _ := net.SplitHostPort(l.host.Addr)
	names := []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "::1", "0:0:0:0:0:0:0:1", "[::1]", "::ffff:127.0.0.1", "::ffff:7f00:1",
		"0.0.0.0", "::", "", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", " 127.0.0.1", "127.0.0.1\x00", "127.0.0.2",
		"db1", "DB1", "db1.", "db1.example.com", "127.0.0.1%lo", "127.0.0.1:22", "*",
	}
	var any []string
	for _, name := range names {
		any = append(any, net.JoinHostPort(name, "*"))
	}
	client := l.dialDoor(l.onHost())
	refused := func(what, name, port string) {
		t.Helper()
		var n uint32
		if _, err := fmt.Sscan(port, &n); err != nil {
			t.Fatal(err)
		}
		ch, _, err := client.OpenChannel("direct-tcpip", ssh.Marshal(struct {
			Host       string
			Port       uint32
			From       string
			OriginPort uint32
		}{name, n, "127.0.0.1", 40000}))
		if err == nil {
			_ = ch.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "sallyport: refused") && !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%s: %q port %s: %v", what, name, port, err)
		}
	}
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{"127.0.0.1:5432"}})
	for _, name := range names {
		refused("another name", name, "5433")
		if name != "127.0.0.1" {
			refused("another name", name, "5432")
		}
	}
	_ = client.Close()
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: any})
	client = l.dialDoor(l.onHost())
	for _, name := range names {
		refused("SSH", name, "22")
		refused("SSH", name, port)
		refused("no port", name, "65558") // 22, cut to sixteen bits
	}
	if n := len(l.sessions()); n != 0 {
		t.Errorf("%d recordings of nothing", n)
	}
}

// A forward that turns out to carry SSH is closed: an inner ssh would not be
// recorded.
func TestForwardOfSSH(t *testing.T) {
	l := newLab(t)
	server := listener(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		fmt.Fprint(c, "SSH-2.0-hidden\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	quiet := listener(t, "tcp", "127.0.0.1:0", echo)
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{"127.0.0.1:*"}})
	if got := l.run("ssh", "-W", server, l.target("db1")); strings.Contains(got.out, "hidden") {
		t.Errorf("the host's: %+v", got)
	}
	if got := l.runAs("alice", strings.NewReader("SSH-2.0-hidden\r\n"), "ssh", "-W", quiet, l.target("db1")); strings.Contains(got.out, "hidden") {
		t.Errorf("the client's: %+v", got)
	}
	if !strings.Contains(l.log.String(), "a forward that carries SSH was closed") {
		t.Error("nothing in the log")
	}
}

// -R listens where the rule says, and nowhere else.
func TestRemoteForward(t *testing.T) {
	l := newLab(t)
	addr := listener(t, "tcp", "127.0.0.1:0", echo)
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	at := free.Addr().String()
	_ = free.Close()
	if got := l.run("ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-R", at+":"+addr, l.target("db1")); got.code != 255 || !strings.Contains(got.err, "remote port forwarding failed") {
		t.Errorf("not allowed: %+v", got)
	}
	allowing(l, access.Allow{Capability: access.MayRemoteForward, Destinations: []string{at}})
	stop := l.background("alice", "ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-R", at+":"+addr, l.target("db1"))
	defer stop()
	c := l.dialUntil("tcp", at)
	defer c.Close()
	fmt.Fprintln(c, "back")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "back\n" {
		t.Errorf("%q, %v", line, err)
	}
	stop()
	if e := l.events(l.waitSealed(access.KindForward)); !strings.Contains(e, "remote-forward") {
		t.Errorf("events %s", e)
	}
}

// An agent reaches the host only where the rule says so; the person is told
// where it does not. Parallel uses do not wait for each other.
func TestAgentForward(t *testing.T) {
	l := newLab(t)
	agent := filepath.Join(l.dir, "agent.sock")
	daemon := exec.Command("ssh-agent", "-D", "-a", agent)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	l.dialUntil("unix", agent).Close()
	t.Setenv("SSH_AUTH_SOCK", agent)
	if out, err := exec.Command("ssh-add", filepath.Join(l.dir, "alice")).CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	const list = "for i in 1 2 3 4; do ssh-add -l & done; wait"
	got := l.run("ssh", "-o", "IdentityAgent=SSH_AUTH_SOCK", "-A", l.target("db1"), list)
	if strings.Contains(got.out, "ED25519") || !strings.Contains(got.err, "allows no agent-forward") {
		t.Errorf("not allowed: %+v", got)
	}
	allowing(l, access.Allow{Capability: access.MayAgentForward})
	got = l.run("ssh", "-o", "IdentityAgent=SSH_AUTH_SOCK", "-A", l.target("db1"), list)
	if n := strings.Count(got.out, "ED25519"); n != 4 || got.code != 0 {
		t.Errorf("allowed: %+v", got)
	}
	if e := l.events(l.sessions()[0]); strings.Count(e, "auth-agent@openssh.com") != 4 {
		t.Errorf("events %s", e)
	}
}

// What lets forwards be ends them, within a second; the host listens no more.
func TestForwardEnds(t *testing.T) {
	l := newLab(t)
	addr := listener(t, "tcp", "127.0.0.1:0", echo)
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	at := free.Addr().String()
	_ = free.Close()
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{addr}},
		access.Allow{Capability: access.MayRemoteForward, Destinations: []string{at, "127.0.0.1:0"}})
	ctx, revoke := context.WithCancelCause(context.Background())
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) { return l.pass(ctx, a) })
	local := filepath.Join(l.dir, "local.sock")
	stop := l.background("alice", "ssh", "-N", "-L", local+":"+addr, "-R", at+":"+addr, l.target("db1"))
	defer stop()
	c := l.dialUntil("unix", local)
	defer c.Close()
	l.dialUntil("tcp", at).Close()
	client := l.dialDoor(l.onHost())
	any := must(client.Listen("tcp", "127.0.0.1:0"))(t) // the host chooses
	l.dialUntil("tcp", any.Addr().String()).Close()
	r := bufio.NewReader(c)
	fmt.Fprintln(c, "one")
	if line, err := r.ReadString('\n'); line != "one\n" {
		t.Fatalf("%q, %v", line, err)
	}
	revoke(access.Refuse(access.ReasonRevoked, "revoked by erin", ""))
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the forward lives: %v", err)
	}
	if s := l.waitSealed(access.KindForward); s.EndCause != string(access.ReasonRevoked) {
		t.Errorf("session %+v", s)
	}
	for _, gone := range []string{at, any.Addr().String()} {
		l.await("the host to listen no more", func() bool {
			c, err := net.Dial("tcp", gone)
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
	}
}
