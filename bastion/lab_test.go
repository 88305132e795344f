package bastion_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/sshdtest"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// lab is a bastion with everything real but the desk and the console, which
// are functions, before a real sshd.
type lab struct {
	t      testing.TB
	dir    string
	addr   string // of the bastion
	host   *sshdtest.Host
	store  *store.Store
	door   *bastion.Server
	policy *policy.Live
	admit  func(context.Context, access.Application) (*access.Pass, error)
	serve  func(context.Context, bastion.Terminal) int
	mu     sync.Mutex       // guards admit and allow once the door is open
	allow  access.AllowList // of the one rule
	log    syncBuffer
}

// Admit and Serve make the lab the desk and the console.
func (l *lab) Admit(ctx context.Context, a access.Application) (*access.Pass, error) {
	l.mu.Lock()
	admit := l.admit
	l.mu.Unlock()
	return admit(ctx, a)
}

// Attend lets everybody use the console.
func (l *lab) Attend(ctx context.Context, _ access.Identity) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

func (l *lab) Serve(ctx context.Context, t bastion.Terminal) int {
	l.mu.Lock()
	serve := l.serve
	l.mu.Unlock()
	return serve(ctx, t)
}

// serveBy makes f the console from here on.
func (l *lab) serveBy(f func(context.Context, bastion.Terminal) int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serve = f
}

// admitBy makes f the desk from here on.
func (l *lab) admitBy(f func(context.Context, access.Application) (*access.Pass, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.admit = f
}

type option func(*bastion.Config)

func newLab(t testing.TB, options ...option) *lab {
	t.Helper()
	return newLabRecording(t, func(*recorder.Config) {}, options...)
}

// newLabRecording is newLab with another recorder.
func newLabRecording(t testing.TB, recording func(*recorder.Config), options ...option) *lab {
	t.Helper()
	noLeak(t)
	l := &lab{t: t, dir: t.TempDir(), allow: access.AllowList{{Capability: access.MayShell}, {Capability: access.MayExec}, {Capability: access.MaySFTP}}}
	now := time.Now
	newID := func() string { return ulid.Make().String() }
	log := slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	keys := l.mkdir("keys")
	ca := must(certs.OpenLocalCA(keys, now))(t)
	hostCA := must(certs.OpenHostCA(keys, now))(t)
	// Shells of the host read no .bashrc of whoever runs the tests.
	l.host = must(sshdtest.Start(sshdtest.Config{
		Dir: l.mkdir("host"), CA: certs.AuthorizedLine(ca.PublicKey(), "ca"),
		Lines: []string{"MaxSessions 20"},
	}))(t)
	t.Cleanup(func() { _ = l.host.Close() })
	for _, who := range []string{"alice", "bob", "mallory"} {
		l.keygen(who)
	}
	l.policy = policy.NewLive(l.parse())
	l.store = must(store.Open(context.Background(), store.Config{Path: filepath.Join(l.dir, "test.db"), BastionID: "b1", Now: now}))(t)
	recorded := recorder.Config{Dir: filepath.Join(l.dir, "recordings"), KeyDir: keys, BastionID: "b1", Index: l.store, Reserve: -1, Log: log}
	recording(&recorded)
	rec := must(recorder.New(recorded))(t)
	ctx, stop := context.WithCancel(context.Background())
	synced := make(chan struct{})
	go func() { defer close(synced); rec.Run(ctx) }()
	l.admit, l.serve = l.standing, func(context.Context, bastion.Terminal) int { return 0 }
	config := bastion.Config{
		HostKeys: []ssh.Signer{newSigner(t)}, HostCA: hostCA, InnerAuth: "auto",
		Limits: bastion.Limits{
			Handshake: 10 * time.Second, Auth: 10 * time.Second, AuthTries: 20, MaxUnauthenticated: 20,
			FailedPerIPPerMinute: 60, Idle: time.Minute, SessionsPerPerson: 50,
		},
		Policy: l.policy, Desk: l, Console: l, Recorder: rec, Audit: l.store, BastionID: "b1",
		Mint: certs.Mint{Issuer: ca, TTL: time.Minute, Now: now},
		Now:  now, NewID: newID, Log: log,
	}
	for _, o := range options {
		o(&config)
	}
	l.door = must(bastion.New(config))(t)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	l.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- l.door.Serve(listener) }()
	t.Cleanup(func() {
		over, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		l.door.Shutdown(over)
		if err := <-served; err != nil {
			t.Error(err)
		}
		stop()
		<-synced
		if err := l.store.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(l.log.String())
			t.Log(l.host.Log())
		}
	})
	l.sshConfig(config.HostKeys[0].PublicKey(), hostCA.PublicKey())
	return l
}

// standing admits alice everywhere with a pass that never ends.
func (l *lab) standing(_ context.Context, a access.Application) (*access.Pass, error) {
	return l.pass(context.Background(), a)
}

func (l *lab) pass(ctx context.Context, a access.Application) (*access.Pass, error) {
	current := l.policy.Current()
	host, ok := current.Host(a.Target.Host)
	if !ok || a.Identity.Person != "alice" {
		return nil, access.Refuse(access.ReasonNoRule, "no rule", "Ask")
	}
	person, _ := current.Person("alice")
	l.mu.Lock()
	defer l.mu.Unlock()
	return &access.Pass{
		Context: ctx, Warnings: make(chan access.Warning), Done: func() {},
		Person: person, Host: host, Login: a.Target.Login, Rule: "r",
		Allow: slices.Clone(l.allow),
	}, nil
}

func (l *lab) parse() *policy.Policy {
	l.t.Helper()
	text := fmt.Sprintf(`
people:
  - {name: alice, groups: [sre], keys: [%q]}
  - {name: bob, groups: [sre], keys: [%q]}
hosts:
  - {name: db1, address: %q, aliases: [db1.example.com], logins: [%s], host_keys: [%q]}
  - {name: wrongkey, address: %q, logins: [%s], host_keys: [%q]}
  - {name: down, address: "127.0.0.1:1", logins: [%s], host_keys: [%q]}
rules:
  - {name: r, who: {groups: [sre]}, hosts: {names: ["*"]}, logins: [%s], allow: [shell, exec, sftp]}
`, l.public("alice"), l.public("bob"), l.host.Addr, l.host.Login, l.host.HostKey,
		l.host.Addr, l.host.Login, l.public("mallory"), l.host.Login, l.host.HostKey, l.host.Login)
	p, _, err := policy.Parse("access.yaml", []byte(text))
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

func (l *lab) mkdir(name string) string {
	l.t.Helper()
	dir := filepath.Join(l.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	return dir
}

func (l *lab) keygen(name string) {
	l.t.Helper()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(l.dir, name)).CombinedOutput(); err != nil {
		l.t.Fatal(string(out), err)
	}
}

func (l *lab) public(name string) string {
	l.t.Helper()
	return strings.TrimSpace(string(must(os.ReadFile(filepath.Join(l.dir, name+".pub")))(l.t)))
}

// sshConfig writes a configuration for each person, and known_hosts as an
// engineer would have it: the bastion's key, and its host CA for the hosts.
func (l *lab) sshConfig(bastionKey, hostCA ssh.PublicKey) {
	l.t.Helper()
	_, port, _ := net.SplitHostPort(l.addr)
	known := fmt.Sprintf("[127.0.0.1]:%s %s\n", port, certs.AuthorizedLine(bastionKey, ""))
	for _, h := range l.policy.Current().Hosts {
		known += certs.KnownHostsLine(h, hostCA) + "\n"
	}
	l.write("known_hosts", known)
	for _, who := range []string{"alice", "bob", "mallory"} {
		l.write("ssh_config."+who, fmt.Sprintf("Host bastion\n  HostName 127.0.0.1\n  Port %s\nHost *\n  IdentitiesOnly yes\n  IdentityAgent none\n  BatchMode yes\n  StrictHostKeyChecking yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n  IdentityFile %s\n",
			port, filepath.Join(l.dir, "known_hosts"), filepath.Join(l.dir, who)))
	}
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// target is LOGIN@db1@bastion.
func (l *lab) target(host string) string { return l.host.Login + "@" + host + "@bastion" }

type result struct {
	out, err string
	code     int
}

func (l *lab) run(name string, args ...string) result { return l.runAs("alice", nil, name, args...) }

// runAs runs a client of OpenSSH with the lab's configuration, for a minute at
// most.
func (l *lab) runAs(who string, stdin io.Reader, name string, args ...string) result {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, append([]string{"-F", filepath.Join(l.dir, "ssh_config."+who)}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.Env = append(os.Environ(), "LC_TEST=set")
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		l.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (l *lab) sessions() []access.Session {
	l.t.Helper()
	return must(l.store.Sessions(context.Background(), access.SessionQuery{}))(l.t)
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return must(ssh.NewSignerFromKey(private))(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// background starts a client that runs until stop is called.
func (l *lab) background(who, name string, args ...string) (stop func()) {
	l.t.Helper()
	cmd := exec.Command(name, append([]string{"-F", filepath.Join(l.dir, "ssh_config."+who)}, args...)...)
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended by itself
			_ = cmd.Wait()
			if l.t.Failed() {
				l.t.Log(out.String())
			}
		})
	}
	l.t.Cleanup(stop)
	return stop
}

// dialUntil connects as soon as somebody listens.
func (l *lab) dialUntil(network, addr string) net.Conn {
	l.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.Dial(network, addr)
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			l.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
