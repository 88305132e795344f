package bastion_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// What a client asks of a session reaches the host byte by byte: the terminal
// with its pixels and modes, the environment in its order, the start, and then
// the window as it changes. What was changed during the wait counts once.
func TestAskedAsItIs(t *testing.T) {
	l := newLab(t)
	got := make(chan string, 20)
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		for r := range reqs {
			got <- fmt.Sprintf("%s %x", r.Type, r.Payload)
			if r.WantReply {
				_ = r.Reply(true, nil)
			}
			if r.Type == "window-change" {
				_ = ch.Close()
			}
		}
	}))
	modes := "\x01\x00\x00\x00\x03\x35\x00\x00\x00\x00\x80\x00\x00\x96\x00\xfe\xff\xff\xff\xff\x00" // VINTR, ECHO, a speed, an opcode of nobody's
	pty := ssh.Marshal(ptyReq{"xterm-kitty", 132, 43, 1056, 774, modes})
	env := func(name, value string) []byte { return ssh.Marshal(struct{ Name, Value string }{name, value}) }
	window := ssh.Marshal(struct{ Cols, Rows, W, H uint32 }{100, 30, 901, 602})
	command := ssh.Marshal(text{"printf '%s' \"a  b\" \xff"})
	ch, reqs, err := l.dialDoor(l.onHost()).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	for _, r := range []struct {
		name    string
		payload []byte
	}{{"pty-req", pty}, {"env", env("LC_ALL", "C")}, {"env", env("LC_X", "\x00\xff")}, {"exec", command}, {"window-change", window}} {
		want := r.name != "window-change"
		if ok, err := ch.SendRequest(r.name, want, r.payload); err != nil || want && !ok {
			t.Fatalf("%s: %v, %v", r.name, ok, err)
		}
	}
	_, _ = io.Copy(io.Discard, ch)
	close(got)
	var all []string
	for r := range got {
		all = append(all, r)
	}
	want := []string{
		fmt.Sprintf("env %x", env("LC_ALL", "C")), fmt.Sprintf("env %x", env("LC_X", "\x00\xff")), fmt.Sprintf("pty-req %x", pty),
		fmt.Sprintf("exec %x", command), fmt.Sprintf("window-change %x", window),
	}
	if !slices.Equal(all, want) {
		t.Errorf("the host got\n%q\nwant\n%q", all, want)
	}
}

// A host may have an address of IPv6 only.
func TestHostOnIPv6(t *testing.T) {
	l := newLab(t)
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer six.Close()
	go func() {
		for {
			near, err := six.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", l.host.Addr)
			if err != nil {
				_ = near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
		pass, err := l.pass(context.Background(), a)
		if err == nil {
			pass.Host.Address = six.Addr().String()
		}
		return pass, err
	})
	for _, way := range [][]string{{l.target("db1")}, {"-J", "bastion", l.host.Login + "@db1"}} {
		if got := l.run("ssh", append([]string{"-n"}, append(way, "echo in")...)...); got != (result{"in\n", "", 0}) {
			t.Errorf("%v: %+v", way, got)
		}
	}
}

// Global requests are answered in the order in which they were asked, though
// the first has to wait for the host and the others do not.
func TestGlobalsInOrder(t *testing.T) {
	l := newLab(t)
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	at := free.Addr().(*net.TCPAddr)
	_ = free.Close()
	allowing(l, access.Allow{Capability: access.MayRemoteForward, Destinations: []string{at.String()}})
	c := l.dialDoor(l.onHost())
	listen := ssh.Marshal(struct {
		Host string
		Port uint32
	}{at.IP.String(), uint32(at.Port)})
	// x/crypto's client has one question under way at a time, so most want no
	// answer: an answer to one of them would be taken for the next.
	for _, name := range []string{"tcpip-forward", "nonsense@example.com", "keepalive@openssh.com", "no-more-sessions@openssh.com"} {
		payload := listen
		if name != "tcpip-forward" {
			payload = nil
		}
		if _, _, err := c.SendRequest(name, false, payload); err != nil {
			t.Fatal(err)
		}
	}
	// That it listens by now shows that the first was done with.
	if ok, _, err := c.SendRequest("cancel-tcpip-forward", true, listen); !ok || err != nil {
		t.Errorf("the cancellation: %v, %v", ok, err)
	}
	if ok, _, err := c.SendRequest("nonsense@example.com", true, nil); ok || err != nil {
		t.Errorf("nonsense: %v, %v", ok, err)
	}
}
