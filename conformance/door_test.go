package conformance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// door is a whole bastion with the real sshd as its one host, made from that
// sshd's own arguments: its host keys are the bastion's, who is in its
// authorized_keys is a person, and whoever that is may do anything as the user
// who runs the suite. The desk alone is a function.
type door struct {
	dir    string
	conf   sshdConfig
	policy *policy.Live
	server *bastion.Server
	host   net.Listener
	store  *store.Store
	stop   func()
	served chan error
	feed   feed
}

// openDoor starts a door. dir is for its files and must exist.
func openDoor(conf sshdConfig, dir string, log *slog.Logger) (*door, error) {
	d := &door{dir: dir, conf: conf, served: make(chan error, 1), feed: feed{conns: make(chan net.Conn), closed: make(chan struct{})}}
	keys := filepath.Join(dir, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return nil, err
	}
	ca, err := certs.OpenLocalCA(keys, time.Now)
	if err != nil {
		return nil, err
	}
	hostCA, err := certs.OpenHostCA(keys, time.Now)
	if err != nil {
		return nil, err
	}
	signers, err := conf.hostKeys()
	if err != nil {
		return nil, err
	}
	if d.host, err = conf.behind(dir, certs.AuthorizedLine(ca.PublicKey(), "ca")); err != nil {
		return nil, err
	}
	p, err := parse(conf, d.host.Addr().String(), signers)
	if err != nil {
		return nil, err
	}
	d.policy = policy.NewLive(p)
	if d.store, err = store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "db"), BastionID: "c", Now: time.Now}); err != nil {
		return nil, err
	}
	rec, err := recorder.New(recorder.Config{Dir: filepath.Join(dir, "recordings"), KeyDir: keys, BastionID: "c", Index: d.store, Reserve: -1, Log: log})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	recording := make(chan struct{})
	go func() { defer close(recording); rec.Run(ctx) }()
	d.stop = func() { cancel(); <-recording }
	d.server, err = bastion.New(bastion.Config{
		HostKeys: signers, HostCA: hostCA, InnerAuth: "auto",
		Limits: bastion.Limits{
			Handshake: 20 * time.Second, Auth: 2 * time.Minute, AuthTries: 20, MaxUnauthenticated: 100,
			FailedPerIPPerMinute: 10_000, Idle: 30 * time.Minute, SessionsPerPerson: 200,
		},
		Policy: d.policy, Desk: d, Console: d, Recorder: rec, Audit: d.store, BastionID: "c",
		Mint: certs.Mint{Issuer: ca, TTL: time.Minute, Now: time.Now},
		Now:  time.Now, NewID: func() string { return ulid.Make().String() }, Log: log,
	})
	if err != nil {
		return nil, err
	}
	go func() { d.served <- d.server.Serve(&d.feed) }()
	return d, nil
}

// close lets sessions finish for a moment, then ends them.
func (d *door) close(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	d.server.Shutdown(ctx)
	<-d.served
	d.stop()
	_ = d.host.Close()
	_ = d.store.Close()
}

// Admit lets everybody do everything.
func (d *door) Admit(_ context.Context, a access.Application) (*access.Pass, error) {
	current := d.policy.Current()
	host, ok := current.Host(a.Target.Host)
	if !ok {
		return nil, access.Refuse(access.ReasonUnknownHost, "no such host", "")
	}
	person, _ := current.Person(a.Identity.Person)
	return &access.Pass{
		Context: context.Background(), Warnings: make(chan access.Warning), Done: func() {},
		Person: person, Host: host, Login: a.Target.Login, Rule: "all", Allow: everything,
	}, nil
}

var everything = access.AllowList{
	{Capability: access.MayShell}, {Capability: access.MayExec}, {Capability: access.MaySFTP},
	{Capability: access.MayLocalForward, Destinations: []string{"127.0.0.1:*", "localhost:*"}},
	{Capability: access.MayRemoteForward, Destinations: []string{"127.0.0.1:*", "localhost:*"}},
	{Capability: access.MayAgentForward}, {Capability: access.MayX11},
}

// Attend lets nobody wait at a console that there is not.
func (d *door) Attend(ctx context.Context, _ access.Identity) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

// Serve is the console: there is none.
func (d *door) Serve(_ context.Context, t bastion.Terminal) int {
	fmt.Fprintf(t.Stderr, "conformance: a session without a host: %q\r\n", t.Command)
	return 2
}

// parse makes the inventory of one host and the person whose keys are those
// that the sshd would take.
func parse(conf sshdConfig, addr string, hostKeys []ssh.Signer) (*policy.Policy, error) {
	var b strings.Builder
	b.WriteString("people:\n  - name: tester\n    keys:\n")
	for _, k := range conf.authorized() {
		fmt.Fprintf(&b, "      - %q\n", k)
	}
	fmt.Fprintf(&b, "hosts:\n  - {name: host, address: %q, logins: [%s], host_keys: [", addr, conf.login)
	for _, s := range hostKeys {
		fmt.Fprintf(&b, "%q,", certs.AuthorizedLine(s.PublicKey(), ""))
	}
	fmt.Fprintf(&b, "]}\nrules:\n  - {name: all, who: {people: [tester]}, hosts: {names: [host]}, logins: [%s], allow: [exec]}\n", conf.login)
	p, _, err := policy.Parse("access.yaml", []byte(b.String()))
	return p, err
}

// feed is a listener that is given its connections.
type feed struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error   { f.once.Do(func() { close(f.closed) }); return nil }
func (f *feed) Addr() net.Addr { return loopback }

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 65535}

// stdio is a connection over a program's standard input and output.
type stdio struct {
	in, out *os.File
	once    sync.Once
	closed  chan struct{}
}

func newStdio() *stdio { return &stdio{in: os.Stdin, out: os.Stdout, closed: make(chan struct{})} }

func (s *stdio) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && err != io.EOF {
		err = io.EOF
	}
	return n, err
}
func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *stdio) Close() error {
	s.once.Do(func() {
		close(s.closed)
		_ = s.in.Close()
		_ = s.out.Close()
	})
	return nil
}
func (s *stdio) LocalAddr() net.Addr              { return loopback }
func (s *stdio) RemoteAddr() net.Addr             { return loopback }
func (s *stdio) SetDeadline(time.Time) error      { return nil }
func (s *stdio) SetReadDeadline(time.Time) error  { return nil }
func (s *stdio) SetWriteDeadline(time.Time) error { return nil }
