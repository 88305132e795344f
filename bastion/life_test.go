package bastion_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
)

// everywhere holds all that a person can have running on one connection each:
// a program, one through a jump, one from the console, a wait, a forward and a
// console.
type everywhere struct {
	l       *lab
	jobs    map[string]*exec.Cmd
	said    map[string]*syncBuffer
	forward *bufio.Reader
}

// everywhere starts them as who, and returns when all run.
func (l *lab) everywhere(who string) *everywhere {
	l.t.Helper()
	addr := listener(l.t, "tcp", "127.0.0.1:0", echo)
	allowing(l, access.Allow{Capability: access.MayLocalForward, Destinations: []string{addr}})
	admit := l.admit
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		if a.Command == "wait" {
			a.Tell(access.Waiting{Target: a.Target, Missing: 1, Until: time.Now().Add(time.Hour)})
			<-ctx.Done()
			return nil, access.AsError(context.Cause(ctx))
		}
		return admit(ctx, a)
	})
	l.serveBy(func(ctx context.Context, t bastion.Terminal) int {
		if t.Command == "connect" {
			r, w := io.Pipe()
			go func() { _, _ = io.WriteString(w, "echo in; exec sleep 60\n") }()
			return t.Connect(ctx, access.Trip{Target: l.db1()}, bastion.Lent{In: r, Out: t.Stdout, Err: t.Stderr}).Status
		}
		fmt.Fprintln(t.Stdout, "in")
		<-ctx.Done()
		return 0
	})
	e := &everywhere{l: l, jobs: map[string]*exec.Cmd{}, said: map[string]*syncBuffer{}}
	local := filepath.Join(l.dir, "local.sock")
	for what, args := range map[string][]string{
		"program": {l.target("db1"), "echo in; exec sleep 60"},
		"jump":    {"-J", "bastion", l.host.Login + "@db1", "echo in; exec sleep 60"},
		"wait":    {l.target("db1"), "wait"},
		"console": {"bastion", "watch"},
		"trip":    {"bastion", "connect"},
		"forward": {"-N", "-L", local + ":" + addr, l.target("db1")},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", filepath.Join(l.dir, "ssh_config."+who), "-n"}, args...)...)
		said := &syncBuffer{}
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { cancel(); _ = cmd.Wait() })
		e.jobs[what], e.said[what] = cmd, said
	}
	c := l.dialUntil("unix", local)
	l.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(40 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	e.forward = bufio.NewReader(c)
	fmt.Fprintln(c, "one")
	if line, err := e.forward.ReadString('\n'); line != "one\n" {
		l.t.Fatal(line, err)
	}
	l.await("all of them", func() bool {
		for what, said := range e.said {
			if what != "forward" && !strings.Contains(said.String(), "in\n") && !strings.Contains(said.String(), "waiting for approval") {
				return false
			}
		}
		return true
	})
	return e
}

// ended waits until none of them lives, and checks what each was told.
func (e *everywhere) ended(t *testing.T, why string, cause access.Reason) {
	t.Helper()
	if _, err := e.forward.ReadByte(); err != io.EOF {
		t.Errorf("the forward: %v", err)
	}
	for what, cmd := range e.jobs {
		if what == "forward" {
			_ = cmd.Process.Signal(os.Interrupt) // -N stays, and reaches nothing
			_ = cmd.Wait()
			continue
		}
		_ = cmd.Wait() // its status is looked at
		if said := e.said[what].String(); cmd.ProcessState.ExitCode() != 254 || !strings.Contains(said, "sallyport: refused: "+why) {
			t.Errorf("%s: %d, %q", what, cmd.ProcessState.ExitCode(), said)
		}
	}
	e.l.lastSession()
	list := e.l.sessions()
	if len(list) != 4 {
		t.Errorf("%d sessions", len(list))
	}
	for _, s := range list {
		if s.EndCause != string(cause) {
			t.Errorf("%s ended with %q, %q", s.Kind, s.EndCause, s.EndDetail)
		}
	}
}

// master keeps a ControlMaster for target while the test lasts.
func (l *lab) master(who, target string) (path string) {
	l.t.Helper()
	path = filepath.Join(l.dir, "mux")
	l.background(who, "ssh", "-M", "-N", "-S", path, target)
	l.dialUntil("unix", path).Close()
	return path
}

// A key that is revoked takes all that it let in with it, at once; what
// lingers opens nothing more.
func TestRevokedKey(t *testing.T) {
	var revoked atomic.Bool
	l := newLab(t, func(c *bastion.Config) { c.Revoked = func(ssh.PublicKey) bool { return revoked.Load() } })
	outer := l.master("alice", "bastion")
	e := l.everywhere("alice")
	revoked.Store(true)
	// Before anybody has looked at what lives: nothing new.
	if got := l.run("ssh", "-S", outer, "bastion", "approve"); got.code != 254 || !strings.Contains(got.err, "sallyport: refused: your key is revoked. Use another key") {
		t.Errorf("a console: %+v", got)
	}
	began := time.Now()
	l.door.Revalidate()
	e.ended(t, "your key is revoked. Use another key", access.ReasonRevoked)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := l.run("ssh", "-S", outer, "bastion", "approve"); got.code != 254 || !strings.Contains(got.err, "your key is revoked") {
		t.Errorf("a console afterwards: %+v", got)
	}
	if got := l.run("ssh", "-S", outer, "-W", "db1:22", "bastion"); got.code == 0 {
		t.Errorf("a jump afterwards: %+v", got)
	}
}

// A user certificate takes all that it let in with it when it ends; a
// ControlMaster outlives it in name only.
func TestCertificateEnds(t *testing.T) {
	ca := newSigner(t)
	const life = 15 * time.Second
	l := newLab(t, func(c *bastion.Config) { c.UserCAs = certs.UserCAs{ca.PublicKey()} })
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l.public("mallory")))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(life).Truncate(time.Second)
	cert := &ssh.Certificate{
		Key: key, CertType: ssh.UserCert, KeyId: "brief", ValidPrincipals: []string{"alice"},
		ValidAfter: uint64(end.Add(-time.Minute).Unix()), ValidBefore: uint64(end.Unix()),
	}
	if err := cert.SignCert(bytes.NewReader(make([]byte, 64)), ca); err != nil {
		t.Fatal(err)
	}
	l.write("mallory-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	master := l.master("mallory", l.target("db1"))
	e := l.everywhere("mallory")
	if late := time.Until(end); late < 0 {
		t.Skipf("this machine took %s to start five clients", life-late)
	}
	e.ended(t, "your certificate has expired. Get a new one and connect again", access.ReasonExpired)
	if early := time.Until(end); early > 0 {
		t.Errorf("ended %s early", early)
	}
	if got := l.run("ssh", "-S", master, l.target("db1"), "echo in"); got.code != 254 || got.out != "" || !strings.Contains(got.err, "your certificate has expired") {
		t.Errorf("a session afterwards: %+v", got)
	}
	if got := l.run("ssh", "-S", master, "-W", "127.0.0.1:5432", l.target("db1")); got.code == 0 {
		t.Errorf("a forward afterwards: %+v", got)
	}
}

// Whoever sits at a terminal is told when time is short and when there is more
// of it; a program's streams are left alone. The recording has both.
func TestWarnings(t *testing.T) {
	l := newLab(t)
	warnings := make(chan access.Warning, 2)
	l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
		pass, err := l.pass(context.Background(), a)
		if err == nil {
			pass.Warnings, pass.Grant = warnings, "G1"
		}
		return pass, err
	})
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	warnings <- access.Warning{Left: time.Minute, NotAfter: at, Grant: "G1"}
	warnings <- access.Warning{Left: 31 * time.Minute, NotAfter: at.Add(30 * time.Minute), Grant: "G1", Moved: true}
	got := l.run("ssh", "-tt", l.target("db1"), "sleep 1")
	soon, more := "sallyport: this session ends in 1m0s, at 03:04:05 UTC. ssh bastion extend asks for more (G1)", "sallyport: this session may go on for 31m0s, until 03:34:05 UTC (G1)"
	if !strings.Contains(got.err, soon+"\r\n") || !strings.Contains(got.err, more+"\r\n") || got.code != 0 {
		t.Errorf("%+v", got)
	}
	if _, markers := l.shown(l.lastSession()); !strings.Contains(strings.Join(markers, "\n"), soon) || !strings.Contains(strings.Join(markers, "\n"), more) {
		t.Errorf("markers %q", markers)
	}
	warnings <- access.Warning{Left: time.Minute, NotAfter: at, Grant: "G1"}
	if got := l.run("ssh", "-n", l.target("db1"), "sleep 1"); got != (result{}) {
		t.Errorf("without a terminal: %+v", got)
	}
}
