package bastion_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
)

// Keepalives are answered both ways, during the wait and while a program runs.
func TestKeepalives(t *testing.T) {
	l := newLab(t)
	asked, decide := make(chan struct{}), make(chan struct{})
	answered := make(chan bool, 2)
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if !starts(reqs) {
			return
		}
		_, err := ch.SendRequest("keepalive@openssh.com", true, nil) // as sshd does
		answered <- err == nil
		_, _ = io.Copy(io.Discard, ch)
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ S uint32 }{0}))
		_ = ch.Close()
	}))
	admit := l.admit
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		close(asked)
		<-decide
		return admit(ctx, a)
	})
	client := l.dialDoor(l.onHost())
	session := must(client.NewSession())(t)
	stdin := must(session.StdinPipe())(t)
	started := make(chan error, 1)
	go func() { started <- session.Start("x") }()
	<-asked
	alive := func(when string) {
		if ok, _, err := client.SendRequest("keepalive@openssh.com", true, nil); !ok || err != nil {
			t.Errorf("%s: keepalive %v, %v", when, ok, err)
		}
	}
	alive("waiting")
	close(decide)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	alive("running")
	if !<-answered {
		t.Error("the host's keepalive is not answered")
	}
	_ = stdin.Close()
	if err := session.Wait(); err != nil {
		t.Error(err)
	}
}

// What the client asks of a running program reaches the host as it is, and the
// host's answers come back in the order of the questions: break has the
// host's, PuTTY's winadj is always no.
func TestRequestsInOrder(t *testing.T) {
	l := newLab(t)
	var mu sync.Mutex
	var got []string
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if !starts(reqs) {
			return
		}
		for r := range reqs {
			mu.Lock()
			got = append(got, fmt.Sprintf("%s %v %x", r.Type, r.WantReply, r.Payload))
			mu.Unlock()
			if r.WantReply {
				time.Sleep(20 * time.Millisecond) // a host far away
				_ = r.Reply(true, nil)
			}
		}
	}))
	ch, reqs, err := l.dialDoor(l.onHost()).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(reqs)
	if ok, err := ch.SendRequest("exec", true, ssh.Marshal(text{"x"})); !ok || err != nil {
		t.Fatal(ok, err)
	}
	// Pipelined, as PuTTY does: x/crypto's client would wait for each answer,
	// so many goroutines ask.
	if _, err := ch.SendRequest("signal", false, ssh.Marshal(text{"TERM"})); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		ok, err := ch.SendRequest("break", true, ssh.Marshal(struct{ ms uint32 }{500}))
		no, err2 := ch.SendRequest("winadj@putty.projects.tartarus.org", true, nil)
		if !ok || no || err != nil || err2 != nil {
			t.Errorf("break %v %v, winadj %v %v", ok, err, no, err2)
		}
	}
	_ = ch.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(got) < 6 || got[0] != "signal false 000000045445524d" || got[1] != "break true 000001f4" {
		t.Errorf("the host got %q", got)
	}
}

// How a program ended comes back whole: a status, or a signal with its words.
func TestEnds(t *testing.T) {
	l := newLab(t)
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if !starts(reqs) {
			return
		}
		// The status before the output, as some servers do.
		_, _ = ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{"SEGV", true, "a crash", "en"}))
		_, _ = io.WriteString(ch, "late output")
		_, _ = io.WriteString(ch.Stderr(), "late error")
		_ = ch.Close()
	}))
	session := must(l.dialDoor(l.onHost()).NewSession())(t)
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr = &stdout, &stderr
	err := session.Run("x")
	exit, ok := err.(*ssh.ExitError)
	if !ok || exit.Signal() != "SEGV" || exit.Msg() != "a crash" || exit.Lang() != "en" || stdout.String() != "late output" || stderr.String() != "late error" {
		t.Errorf("%v, %q, %q", err, stdout.String(), stderr.String())
	}
	if s := l.lastSession(); s.EndCause != "signal:SEGV" {
		t.Errorf("ended with %q", s.EndCause)
	}
}

// Either side may end its direction and go on in the other.
func TestHalfClose(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.HalfClose = time.Second })
	// The client ends first: sort writes when it has read all.
	got := l.runAs("alice", strings.NewReader("b\na\n"), "ssh", l.target("db1"), "sort; echo more; echo err >&2")
	if got != (result{"a\nb\nmore\n", "err\n", 0}) {
		t.Errorf("the client first: %+v", got)
	}
	// The program ends first, and reads on.
	session := must(l.dialDoor(l.onHost()).NewSession())(t)
	stdin, stdout := must(session.StdinPipe())(t), must(session.StdoutPipe())(t)
	file := filepath.Join(l.dir, "rest")
	if err := session.Start("exec 3>" + file + "; echo out; exec >&- 2>&-; exec cat >&3"); err != nil {
		t.Fatal(err)
	}
	if out := must(io.ReadAll(stdout))(t); string(out) != "out\n" {
		t.Errorf("%q", out)
	}
	if _, err := io.WriteString(stdin, "after the end of the output"); err != nil {
		t.Error(err)
	}
	_ = stdin.Close()
	if err := session.Wait(); err != nil {
		t.Error(err)
	}
	if rest := must(os.ReadFile(file))(t); string(rest) != "after the end of the output" {
		t.Errorf("%q", rest)
	}
}

// A program that has shut its output and reads on keeps its exit status, however
// slowly the client goes on, and though it closes the channel as soon as both
// directions have ended, as dropbear and PuTTY do.
func TestStatusBehindInput(t *testing.T) {
	l := newLab(t)
	ch, reqs, err := l.dialDoor(l.onHost()).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan string, 1)
	go func() {
		defer close(status)
		for r := range reqs {
			if r.Type == "exit-status" {
				status <- fmt.Sprintf("%x", r.Payload)
			}
		}
	}()
	file := filepath.Join(l.dir, "rest")
	if ok, err := ch.SendRequest("exec", true, ssh.Marshal(text{"exec >" + file + " 2>&1; cat; sleep 0.3; exit 3"})); !ok || err != nil {
		t.Fatal(ok, err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, ch)
	}()
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		if _, err := io.WriteString(ch, line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond) // whoever makes the input is slow
	}
	_ = ch.CloseWrite()
	<-over
	_ = ch.Close()
	if got := <-status; got != "00000003" {
		t.Errorf("exit status %q", got)
	}
	if got := must(os.ReadFile(file))(t); string(got) != "one\ntwo\nthree\n" {
		t.Errorf("%q", got)
	}
}

// Input that is sent before the host is there arrives whole, every time.
func TestEarlyInput(t *testing.T) {
	l := newLab(t)
	client := l.dialDoor(l.onHost())
	places := make(chan struct{}, 8) // sshd allows 10 a connection
	var wait sync.WaitGroup
	for i := range 200 {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			session, err := client.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer session.Close()
			want := strings.Repeat(fmt.Sprintf("%d early ", i), 1+i*20)
			session.Stdin = strings.NewReader(want)
			out, err := session.Output("cat")
			if err != nil || string(out) != want {
				t.Errorf("session %d: %d of %d bytes, %v", i, len(out), len(want), err)
			}
		})
	}
	wait.Wait()
}

// no-more-sessions is honoured, but never against the session that it came
// behind.
func TestNoMoreSessions(t *testing.T) {
	l := newLab(t)
	for range 20 {
		client := l.dialDoor(l.onHost())
		opened := make(chan error, 1)
		go func() {
			_, reqs, err := client.OpenChannel("session", nil)
			if err == nil {
				go ssh.DiscardRequests(reqs)
			}
			opened <- err
		}()
		_, _, _ = client.SendRequest("no-more-sessions@openssh.com", false, nil)
		if err := <-opened; err != nil {
			t.Fatalf("the first session: %v", err)
		}
		if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.OpenChannel("session", nil); err == nil || !strings.Contains(err.Error(), "no more sessions") {
			t.Fatalf("a further session: %v", err)
		}
		_ = client.Close()
	}
}

// Whoever reads the output slowly gets all of it, long after the program.
func TestSlowReader(t *testing.T) {
	l := newLab(t)
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ssh -F %s -n %s 'head -c 3000000 /dev/zero' | (sleep 7; wc -c)", filepath.Join(l.dir, "ssh_config.alice"), l.target("db1")))
	out, err := cmd.CombinedOutput()
	if strings.TrimSpace(string(out)) != "3000000" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// Rekeying by bytes, in both directions at once and on both ways in: some tens
// of MiB with a small limit, and in the soak several GiB with one that is set in
// earnest (OpenSSH's own, for AES-GCM, is tens of GiB).
func TestRekey(t *testing.T) {
	l := newLab(t)
	size, limit := int64(24<<20), "1M"
	if os.Getenv("SALLYPORT_SOAK") != "" {
		size, limit = 5<<30, "512M"
	}
	for _, way := range [][]string{{l.target("db1")}, {"-J", "bastion", l.host.Login + "@db1"}} {
		sent, came := sha256.New(), sha256.New()
		cmd := exec.Command("ssh", append([]string{"-F", filepath.Join(l.dir, "ssh_config.alice"), "-v", "-o", "RekeyLimit=" + limit}, append(way, "cat")...)...)
		// A stream that nobody can guess, and that takes no memory.
		var seed [32]byte
		cmd.Stdin = io.TeeReader(io.LimitReader(mathrand.NewChaCha8(seed), size), sent)
		cmd.Stdout = came
		var stderr syncBuffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%v: %v", way, err)
		}
		if !bytes.Equal(sent.Sum(nil), came.Sum(nil)) {
			t.Errorf("%v: what came back is not what was sent", way)
		}
		if n := strings.Count(stderr.String(), "SSH2_MSG_NEWKEYS received"); n < 5 {
			t.Errorf("%v: keys were exchanged %d times", way, n)
		}
		s := l.lastSession()
		if s.BytesIn != size || s.BytesOut != size {
			t.Errorf("%v: the record counts %d in, %d out", way, s.BytesIn, s.BytesOut)
		}
	}
}

// A host is known by its pinned key of any kind, or by a certificate of its CA
// for one of its names; anything else is refused before a byte is sent.
func TestHostKeys(t *testing.T) {
	l := newLab(t)
	h := l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if starts(reqs) {
			_, _ = io.WriteString(ch, "in\n")
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ S uint32 }{0}))
			_ = ch.Close()
		}
	}))
	line := func(k ssh.PublicKey) []string { return []string{string(ssh.MarshalAuthorizedKey(k))} }
	rsaKey := must(ssh.NewSignerFromKey(must(rsa.GenerateKey(rand.Reader, 2048))(t)))(t)
	ecKey := must(ssh.NewSignerFromKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)))(t)
	ca, otherCA, plain := newSigner(t), newSigner(t), newSigner(t)
	certified := func(by ssh.Signer, name string, kind uint32, until time.Time) ssh.Signer {
		cert := &ssh.Certificate{Key: plain.PublicKey(), CertType: kind, ValidPrincipals: []string{name}, ValidAfter: 1, ValidBefore: uint64(until.Unix())}
		if err := cert.SignCert(rand.Reader, by); err != nil {
			t.Fatal(err)
		}
		return must(ssh.NewCertSigner(cert, plain))(t)
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, c := range []struct {
		what      string
		key       ssh.Signer
		pins, cas []string
		in        bool
	}{
		{"pinned RSA", rsaKey, line(rsaKey.PublicKey()), nil, true},
		{"pinned ECDSA", ecKey, line(ecKey.PublicKey()), nil, true},
		{"another RSA", rsaKey, line(ecKey.PublicKey()), nil, false},
		{"certificate", certified(ca, "db1", ssh.HostCert, soon), nil, line(ca.PublicKey()), true},
		{"certificate for an alias", certified(ca, "db1.example.com", ssh.HostCert, soon), nil, line(ca.PublicKey()), true},
		{"certificate for another host", certified(ca, "db2", ssh.HostCert, soon), nil, line(ca.PublicKey()), false},
		{"certificate of another CA", certified(otherCA, "db1", ssh.HostCert, soon), nil, line(ca.PublicKey()), false},
		{"user certificate", certified(ca, "db1", ssh.UserCert, soon), nil, line(ca.PublicKey()), false},
		{"expired certificate", certified(ca, "db1", ssh.HostCert, past), nil, line(ca.PublicKey()), false},
		{"plain key where a CA is known", plain, nil, line(ca.PublicKey()), false},
		{"the CA's own key", ca, nil, line(ca.PublicKey()), false},
	} {
		h.show(c.key)
		l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
			pass, err := l.pass(context.Background(), a)
			if err == nil {
				pass.Host.Address, pass.Host.HostKeys, pass.Host.HostCAs = h.addr, c.pins, c.cas
			}
			return pass, err
		})
		got := l.run("ssh", "-n", l.target("db1"), "x")
		if c.in && got != (result{"in\n", "", 0}) || !c.in && (got.code != 255 || !strings.Contains(got.err, "another host key") || got.out != "") {
			t.Errorf("%s: %+v", c.what, got)
		}
		if s := l.lastSession(); !c.in && s.EndCause != string(access.ReasonHostKey) {
			t.Errorf("%s: ended with %q", c.what, s.EndCause)
		}
	}
}

// A host's banner is shown with nothing in it that a terminal would obey.
func TestHostBanner(t *testing.T) {
	l := newLab(t)
	l.playHost(func(c net.Conn, h *rawHost) {
		config := &ssh.ServerConfig{
			PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil },
			BannerCallback: func(ssh.ConnMetadata) string {
				return "Welcome\x1b]0;owned\a\r\n\x1b[2J\x9b31mred\u202e\n" + strings.Repeat("long ", 10_000)
			},
		}
		config.AddHostKey(h.signer())
		_, chans, _, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		for nc := range chans {
			ch, reqs, _ := nc.Accept()
			starts(reqs)
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ S uint32 }{0}))
			_ = ch.Close()
		}
	})
	got := l.run("ssh", "-n", l.target("db1"), "x")
	if got.code != 0 || !strings.Contains(got.err, "Welcome") || strings.ContainsAny(got.err, "\x1b\a\u009b\u202e") || !utf8.ValidString(got.err) || len(got.err) > 5000 {
		t.Errorf("%d bytes: %+q", len(got.err), got.err)
	}
}

// The front door and its counting work over IPv6.
func TestIPv6(t *testing.T) {
	l := newLab(t)
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	served := make(chan error, 1)
	go func() { served <- l.door.Serve(listener) }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	got := l.run("ssh", "-n", "-o", "HostName=::1", "-o", "HostKeyAlias=[127.0.0.1]:"+port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", port, l.target("db1"), "echo in")
	if got.out != "in\n" || got.code != 0 {
		t.Errorf("%+v", got)
	}
	if s := l.lastSession(); !strings.HasPrefix(s.Source, "[::1]:") {
		t.Errorf("from %q", s.Source)
	}
	_ = listener.Close()
	<-served // an error: it was not Shutdown that closed it
}
