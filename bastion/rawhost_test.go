package bastion_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// rawHost is a host that a test plays itself, byte by byte if it likes.
type rawHost struct {
	addr string

	mu  sync.Mutex
	key ssh.Signer
}

func (h *rawHost) signer() ssh.Signer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.key
}

// show makes k the host's key from here on.
func (h *rawHost) show(k ssh.Signer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.key = k
}

// playHost sends every admitted session to a host that serve plays, one call a
// connection.
func (l *lab) playHost(serve func(net.Conn, *rawHost)) *rawHost {
	l.t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(l.t)
	h := &rawHost{addr: listener.Addr().String(), key: newSigner(l.t)}
	l.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer c.Close()
				serve(c, h)
			}()
		}
	}()
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
		pass, err := l.pass(context.Background(), a)
		if err == nil {
			pass.Host.Address, pass.Host.HostKeys = h.addr, []string{string(ssh.MarshalAuthorizedKey(h.signer().PublicKey()))}
		}
		return pass, err
	})
	return h
}

// speakSSH makes a raw host an SSH server that takes any key; each session
// channel is given to serve once it is accepted.
func speakSSH(serve func(ssh.Channel, <-chan *ssh.Request)) func(net.Conn, *rawHost) {
	return func(c net.Conn, h *rawHost) {
		config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
		config.AddHostKey(h.signer())
		_, chans, reqs, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(reqs)
		for nc := range chans {
			ch, reqs, err := nc.Accept()
			if err != nil {
				return
			}
			go serve(ch, reqs)
		}
	}
}

// starts answers requests of a session channel with yes until the program is
// to start.
func starts(reqs <-chan *ssh.Request) bool {
	for r := range reqs {
		if r.WantReply {
			_ = r.Reply(true, nil)
		}
		if r.Type == "exec" || r.Type == "shell" {
			return true
		}
	}
	return false
}

// dialDoor logs alice in at the front door with Go's client.
func (l *lab) dialDoor(user string) *ssh.Client {
	l.t.Helper()
	return l.dialOver(must(net.Dial("tcp", l.addr))(l.t), user)
}

func (l *lab) dialOver(tcp net.Conn, user string) *ssh.Client {
	l.t.Helper()
	key := must(ssh.ParsePrivateKey(must(os.ReadFile(filepath.Join(l.dir, "alice")))(l.t)))(l.t)
	conn, chans, reqs, err := ssh.NewClientConn(tcp, l.addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, ClientVersion: "SSH-2.0-OpenSSH_9.9",
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // the key is not what is tested here
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return ssh.NewClient(conn, chans, reqs)
}

// onHost is the user name for a session on db1.
func (l *lab) onHost() string { return l.host.Login + "@db1" }

// lastSession waits until no session lives and returns the newest.
func (l *lab) lastSession() access.Session {
	l.t.Helper()
	var list []access.Session
	l.await("all sessions to be sealed", func() bool {
		list = l.sessions()
		for _, s := range list {
			if s.State == access.SessionLive {
				return false
			}
		}
		return len(list) > 0
	})
	return list[0]
}

// await polls until cond holds.
func (l *lab) await(what string, cond func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("waited in vain for %s\n%s", what, goroutines())
		}
	}
}

// goroutines are those of the bastion and of SSH.
func goroutines() string {
	buf := make([]byte, 8<<20)
	var kept []string
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if (strings.Contains(g, "sallyport/bastion.") || strings.Contains(g, "x/crypto/ssh.")) && !strings.Contains(g, "bastion_test.goroutines") {
			kept = append(kept, g)
		}
	}
	return strings.Join(kept, "\n\n")
}

// TestMain opens the poller's own descriptors, which stay, before any test
// counts them.
func TestMain(m *testing.M) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	_ = listener.Close() // its descriptor goes, the poller's stay
	os.Exit(m.Run())
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // no Linux: the goroutines are looked at still
	}
	return len(list)
}

// noLeak checks, when the lab is gone, that nothing of it is left.
func noLeak(t testing.TB) {
	t.Helper()
	before := descriptors()
	t.Cleanup(func() {
		var left string
		var files int
		for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			left, files = goroutines(), descriptors()
			if left == "" && files <= before {
				return
			}
		}
		t.Errorf("%d descriptors before, %d after; goroutines left:\n%s", before, files, left)
	})
}
