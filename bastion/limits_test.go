package bastion_test

import (
	"bufio"
	"context"
	"errors"
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
	"github.com/sallyport/sallyport/bastion"
)

// knock connects, reads the bastion's version and goes on with ours, if say is
// not empty.
func (l *lab) knock(say string) net.Conn {
	l.t.Helper()
	c := must(net.Dial("tcp", l.addr))(l.t)
	l.t.Cleanup(func() { _ = c.Close() })
	if say != "" {
		if _, err := io.WriteString(c, say); err != nil {
			l.t.Fatal(err)
		}
	}
	return c
}

// greeting is the first line that a connection is given.
func (l *lab) greeting() string {
	c := l.knock("")
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n') // empty where it says nothing
	return line
}

// hungUp waits for the other side to close and gives what it said.
func (l *lab) hungUp(what string, c net.Conn) string {
	t := l.t
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%s: it is held open; it said %q\n%s", what, said, goroutines())
	}
	return string(said)
}

// The handshake has a time, and the authentication another that begins behind
// it: a slow hand on a security key is not cut off by the former.
func TestTimesAtTheDoor(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.Handshake, c.Limits.Auth = time.Second, 5*time.Second })
	for what, say := range map[string]string{"silence": "", "half a version": "SSH-2.0-x", "a version": "SSH-2.0-x\r\n"} {
		began := time.Now()
		l.hungUp(what, l.knock(say))
		if took := time.Since(began); took < time.Second || took > 4*time.Second {
			t.Errorf("%s: held for %s", what, took)
		}
	}
	slow := func(d time.Duration) error {
		key := must(ssh.ParsePrivateKey(must(os.ReadFile(filepath.Join(l.dir, "alice")))(t)))(t)
		conn, _, _, err := ssh.NewClientConn(l.knock(""), l.addr, &ssh.ClientConfig{
			User: l.onHost(), HostKeyCallback: ssh.InsecureIgnoreHostKey(),
			Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
				time.Sleep(d) // a person looks for the key
				return []ssh.Signer{key}, nil
			})},
		})
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := slow(2 * time.Second); err != nil {
		t.Errorf("within the time to authenticate: %v", err)
	}
	if err := slow(7 * time.Second); err == nil {
		t.Error("in after the time to authenticate")
	}
}

// What counts against an address is who fails, not who gets in, and only the
// address that failed.
func TestFailuresOfAnAddress(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.FailedPerIPPerMinute = 3 })
	for range 10 {
		_ = l.dialDoor(l.onHost()).Close()
	}
	for i := range 3 {
		if got := l.runAs("mallory", nil, "ssh", l.target("db1"), "true"); got.code != 255 || !strings.Contains(got.err, "Permission denied") {
			t.Fatalf("try %d: %+v", i, got)
		}
	}
	// The last one counts when its connection has ended.
	l.await("the address to be turned away", func() bool {
		return strings.HasPrefix(l.greeting(), "sallyport: refused: too many failed attempts")
	})
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	_ = l.dialOver(must(from.Dial("tcp", l.addr))(t), l.onHost()).Close()
}

// Those who have not proven a key take no more places than there are; those
// who have take none, and who leaves gives it back.
func TestPlacesAtTheDoor(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.MaxUnauthenticated = 3 })
	for range 4 {
		l.dialDoor(l.onHost()) // stays
	}
	var first net.Conn
	for range 3 {
		c := l.knock("")
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil { // it has its place
			t.Fatal(err)
		}
		first = c
	}
	if said := l.greeting(); !strings.HasPrefix(said, "sallyport: refused: too many connections wait") {
		t.Errorf("it said %q", said)
	}
	_ = first.Close()
	l.await("a place", func() bool { return strings.HasPrefix(l.greeting(), "SSH-2.0-") })
}

// A person has so many sessions, and twice as many connections; others are not
// touched, and what ended is given back.
func TestLimitsOfAPerson(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.SessionsPerPerson = 2 })
	client := l.dialDoor(l.onHost())
	var open []*ssh.Session
	for range 2 {
		s := must(client.NewSession())(t)
		stdout := must(s.StdoutPipe())(t)
		if err := s.Start("echo in; exec sleep 60"); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	if got := l.run("ssh", "-n", l.target("db1"), "true"); got.code != 254 || !strings.Contains(got.err, "sallyport: refused: you have too many sessions open. Close some") {
		t.Errorf("a third session: %+v", got)
	}
	_ = open[0].Close()
	l.await("its place", func() bool { return l.run("ssh", "-n", l.target("db1"), "true").code == 0 })

	for range 3 {
		l.dialDoor("console")
	}
	if got := l.run("ssh", "-n", l.target("db1"), "true"); got.code != 255 || !strings.Contains(got.err, "sallyport: refused: you have too many connections open. Close some") {
		t.Errorf("a fifth connection: %+v", got)
	}
	if got := l.runAs("bob", nil, "ssh", "bastion", "whoami"); got.code != 0 {
		t.Errorf("bob: %+v", got)
	}
	_ = client.Close()
	l.await("her place", func() bool { return l.run("ssh", "-n", "bastion", "whoami").code == 0 })
}

// The idle clock stands while somebody decides; then it runs, and bytes in
// either direction set it back.
func TestIdle(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.Idle = 2 * time.Second })
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
		time.Sleep(3 * time.Second) // somebody decides
		return l.pass(context.Background(), a)
	})
	// The program is busy for longer than the limit, in small steps.
	got := l.run("ssh", "-n", l.target("db1"), "for i in 1 2 3 4 5 6; do sleep 0.5; echo $i; done; exec sleep 60")
	if got.out != "1\n2\n3\n4\n5\n6\n" || got.code != 254 || !strings.Contains(got.err, "sallyport: refused: nothing passed for 2s. Connect again") {
		t.Errorf("%+v", got)
	}
	if s := l.lastSession(); s.EndCause != string(access.ReasonIdle) || s.EndDetail != "nothing passed for 2s" {
		t.Errorf("ended with %q, %q", s.EndCause, s.EndDetail)
	}
	// A channel on which nothing is ever started is not held for ever either.
	ch, reqs, err := l.dialDoor(l.onHost()).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	if said := must(io.ReadAll(ch.Stderr()))(t); !strings.Contains(string(said), "sallyport: refused: nothing was started for 2s") {
		t.Errorf("it said %q", said)
	}
}

// Shutdown takes nobody in, lets sessions finish, and ends with a message those
// that do not, forwards and consoles included.
func TestShutdown(t *testing.T) {
	l := newLab(t)
	addr := listener(t, "tcp", "127.0.0.1:0", echo)
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{addr}})
	at := make(chan struct{})
	l.serveBy(func(ctx context.Context, _ bastion.Terminal) int { close(at); <-ctx.Done(); return 0 })
	run := func(target, command string) (out *syncBuffer, wait func() int) {
		cmd := exec.Command("ssh", "-F", filepath.Join(l.dir, "ssh_config.alice"), "-n", target, command)
		out = &syncBuffer{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return out, func() int { _ = cmd.Wait(); return cmd.ProcessState.ExitCode() }
	}
	go1 := filepath.Join(l.dir, "go")
	brief, briefEnd := run(l.target("db1"), "echo in; until test -e "+go1+"; do sleep 0.1; done; echo finished; exit 7")
	long, longEnd := run(l.target("db1"), "echo in; exec sleep 60")
	console, consoleEnd := run("bastion", "watch")
	local := filepath.Join(l.dir, "local.sock")
	stop := l.background("alice", "ssh", "-N", "-L", local+":"+addr, l.target("db1"))
	defer stop()
	forward := l.dialUntil("unix", local)
	defer forward.Close()
	fmt.Fprintln(forward, "one")
	if line, err := bufio.NewReader(forward).ReadString('\n'); line != "one\n" {
		t.Fatal(line, err)
	}
	l.await("both programs", func() bool {
		return strings.Contains(brief.String(), "in\n") && strings.Contains(long.String(), "in\n")
	})
	<-at
	lingering := l.dialDoor(l.onHost())

	grace, cancel := context.WithCancel(context.Background())
	defer cancel()
	down := make(chan struct{})
	go func() { defer close(down); l.door.Shutdown(grace) }()
	l.await("the door to close", func() bool {
		c, err := net.Dial("tcp", l.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	l.await("no session on a connection that is there", func() bool {
		ch, reqs, err := lingering.OpenChannel("session", nil)
		if err == nil {
			go ssh.DiscardRequests(reqs)
			_ = ch.Close()
		}
		return err != nil && strings.Contains(err.Error(), "sallyport: refused: the bastion is shutting down. Connect again in a moment")
	})
	l.write("go", "")
	if code := briefEnd(); code != 7 || !strings.HasSuffix(brief.String(), "finished\n") {
		t.Errorf("what could finish: %d, %q", code, brief.String())
	}
	select {
	case <-down:
		t.Fatal("the long ones were not waited for")
	default:
	}
	cancel()
	for what, got := range map[string]struct {
		code int
		said string
	}{"the long one": {longEnd(), long.String()}, "the console": {consoleEnd(), console.String()}} {
		if got.code != 254 || !strings.Contains(got.said, "sallyport: refused: the bastion is shutting down. Connect again in a moment") {
			t.Errorf("%s: %d, %q", what, got.code, got.said)
		}
	}
	<-down
	ends := map[string]int{}
	for _, s := range l.sessions() {
		ends[string(s.Kind)+" "+s.EndCause]++
	}
	if len(ends) != 3 || ends["exec exit"] != 1 || ends["exec shutdown"] != 1 || ends["forward shutdown"] != 1 {
		t.Errorf("sessions ended so: %v", ends)
	}
}

// The kernel asks a quiet client whether it is still there.
func TestKeepAlive(t *testing.T) {
	l := newLab(t)
	client := l.dialDoor(l.onHost())
	_, port, _ := net.SplitHostPort(client.LocalAddr().String())
	_, door, _ := net.SplitHostPort(l.addr)
	l.await("a keepalive timer of half a minute", func() bool {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Skip("no Linux")
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 5 && strings.HasSuffix(f[1], hexPort(t, door)) && strings.HasSuffix(f[2], hexPort(t, port)) {
				var kind, ticks int
				_, err := fmt.Sscanf(f[5], "%d:%x", &kind, &ticks)
				return err == nil && kind == 2 && ticks > 1500 && ticks <= 3000 // proc(5): 02 is keepalive; 100 a second
			}
		}
		return false
	})
}

func hexPort(t *testing.T, port string) string {
	var n uint16
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(":%04X", n)
}
