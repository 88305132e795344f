package conformance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	log    *slog.Logger
}

// openDoor starts a door. dir is for its files and must exist.
func openDoor(conf sshdConfig, dir string, log *slog.Logger) (*door, error) {
	d := &door{dir: dir, conf: conf, log: log, served: make(chan error, 1), feed: feed{conns: make(chan net.Conn), closed: make(chan struct{})}}
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
	keysOf, cas := conf.people()
	p, err := parse(conf.login, keysOf, d.host.Addr().String(), signers)
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
		HostKeys: signers, HostCA: hostCA, UserCAs: cas, Revoked: conf.revoked(), InnerAuth: "auto",
		Limits: conf.limits(),
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

// What stands in the log for a channel: the bastion writes the first when a
// session begins, the door the second for the first forward of a connection.
const (
	sessionStarted  = "session started"
	forwardAdmitted = "conformance: a forward was admitted"
)

// channels counts those that a log tells of.
func channels(log []byte) int {
	return bytes.Count(log, fmt.Appendf(nil, "msg=%q", sessionStarted)) + bytes.Count(log, fmt.Appendf(nil, "msg=%q", forwardAdmitted))
}

// Admit lets everybody do everything.
func (d *door) Admit(_ context.Context, a access.Application) (*access.Pass, error) {
	current := d.policy.Current()
	host, ok := current.Host(a.Target.Host)
	if !ok {
		return nil, access.Refuse(access.ReasonUnknownHost, "no such host", "")
	}
	if a.Kind == access.KindForward {
		d.log.Info(forwardAdmitted)
	}
	person, _ := current.Person(a.Identity.Person)
	return &access.Pass{
		Context: context.Background(), Warnings: make(chan access.Warning), Done: func() {},
		Person: person, Host: host, Login: a.Target.Login, Rule: "all", Allow: everything,
	}, nil
}

// everything is what a rule may allow, forwards to any port of the loopback and
// to the sockets that the suite names. SSH itself no rule can.
var everything = access.AllowList{
	{Capability: access.MayShell}, {Capability: access.MayExec}, {Capability: access.MaySFTP},
	{Capability: access.MayLocalForward, Destinations: anywhere}, {Capability: access.MayRemoteForward, Destinations: anywhere},
	{Capability: access.MayAgentForward}, {Capability: access.MayX11},
}

var anywhere = append(strings.Split(os.Getenv(sockets), ":"),
	"127.0.0.1:*", "localhost:*", "[::1]:*", "*:*", "0.0.0.0:*", "[::]:*")

// Attend lets nobody wait at a console that there is not.
func (d *door) Attend(ctx context.Context, _ access.Identity) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

// Serve is the console: there is none.
func (d *door) Serve(_ context.Context, t bastion.Terminal) int {
	fmt.Fprintf(t.Stderr, "conformance: a session without a host: %q\r\n", t.Command)
	return 2
}

// parse makes the inventory of one host and one person, named like the login
// so that certificates for the login are the person's.
func parse(login string, keys []string, addr string, hostKeys []ssh.Signer) (*policy.Policy, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "people:\n  - {name: %s, keys: [", login)
	for _, k := range keys {
		fmt.Fprintf(&b, "%q,", k)
	}
	fmt.Fprintf(&b, "]}\nhosts:\n  - {name: host, address: %q, logins: [%s], host_keys: [", addr, login)
	for _, s := range hostKeys {
		fmt.Fprintf(&b, "%q,", certs.AuthorizedLine(s.PublicKey(), ""))
	}
	fmt.Fprintf(&b, "]}\nrules:\n  - {name: all, who: {people: [%s]}, hosts: {names: [host]}, logins: [%s], allow: [exec]}\n", login, login)
	p, _, err := policy.Parse("access.yaml", []byte(b.String()))
	return p, err
}
