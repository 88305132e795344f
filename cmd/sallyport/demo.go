package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/demohost"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// demoFlags are the options of the demo.
type demoFlags struct{ dir, ssh, http string }

func (f *demoFlags) declare(set *flag.FlagSet) {
	set.StringVar(&f.dir, "dir", "", "keep everything in this `DIR`; without it a scratch directory that is removed at the end")
	set.StringVar(&f.ssh, "ssh", "127.0.0.1:2222", "`ADDRESS` of the bastion")
	set.StringVar(&f.http, "http", "127.0.0.1:8822", "`ADDRESS` of the page that stands in for Slack")
}

// demoPerson is somebody of the demo.
type demoPerson struct{ name, slack, does string }

var demoPeople = []demoPerson{
	{"alice", "U01ALICE", "the engineer"},
	{"bob", "U02BOB", "the approver"},
	{"carol", "U03CAROL", "the auditor"},
}

const demoChannel = "C01ACCESS"

// scene is the demo put up: everything but the bastion itself.
type scene struct {
	dir   string
	ssh   string // address of the bastion
	hosts []*demohost.Host
	names []string
	slack *slacktest.Server
}

// demo runs a bastion with the embedded CA between three people and two hosts,
// and narrates. Everything is on loopback and in one directory.
func demo(ctx context.Context, f demoFlags, std stdio) (err error) {
	// The demo lives in a terminal, and goes with it; a server outlives it.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	s := &scene{dir: f.dir}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "sallyport-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	logFile, err := s.create("sallyport.log")
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.put(f, log); err != nil {
		return err
	}
	config, _, err := loadConfig(s.path("sallyport.yaml"))
	if err != nil {
		return err
	}
	h, err := build(ctx, config, log)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; choose another address with --ssh", err)
	}
	if err != nil {
		return err
	}
	if err := s.writeClient(h); err != nil {
		return errors.Join(err, h.close())
	}
	err = h.run(ctx, func() {
		s.explain(std.out)
		go narrate(ctx, h.store, std.out)
	})
	return errors.Join(err, h.close())
}

func (s *scene) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

func (s *scene) create(name string) (io.WriteCloser, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(s.path(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

// put up people, hosts, Slack and the two configuration files.
func (s *scene) put(f demoFlags, log *slog.Logger) error {
	ca, err := certs.OpenLocalCA(s.path("data", "keys"), time.Now)
	if err != nil {
		return err
	}
	keys := map[string]string{}
	for _, p := range demoPeople {
		if keys[p.name], err = s.key(p.name); err != nil {
			return err
		}
	}
	for _, name := range []string{"db1", "web1"} {
		home := s.path("hosts", name)
		if err := os.MkdirAll(home, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(home, "README"), []byte("This is "+name+", a host of the demo.\n"), 0o600); err != nil {
			return err
		}
		host, err := demohost.Listen("127.0.0.1:0", demohost.Config{
			Name: name, CA: ca.PublicKey(), Logins: []string{"root", "deploy"}, Home: home, Log: log,
		})
		if err != nil {
			return err
		}
		s.hosts, s.names = append(s.hosts, host), append(s.names, name)
	}
	if err := s.openSlack(f.http); err != nil {
		return err
	}
	return s.writeServer(f, keys)
}

// key makes a key pair as ssh-keygen would; a kept directory keeps its keys.
func (s *scene) key(name string) (string, error) {
	if line, err := os.ReadFile(s.path(name + ".pub")); err == nil {
		return strings.TrimSpace(string(line)), nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		return "", err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", err
	}
	line := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key))) + " " + name + "@demo"
	return line, errors.Join(
		os.WriteFile(s.path(name), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(s.path(name+".pub"), []byte(line+"\n"), 0o600),
	)
}

// writeServer writes sallyport.yaml and access.yaml, as an operator would.
func (s *scene) writeServer(f demoFlags, keys map[string]string) error {
	server := fmt.Sprintf(`data_dir: ./data
access_file: ./access.yaml
bastion_id: demo
ssh:
  listen: %q
http:
  listen: 127.0.0.1:0
  metrics: 127.0.0.1:0
ca:
  kind: local
slack:
  mode: socket
  bot_token_file: ./slack-bot-token
  app_token_file: ./slack-app-token
  channel: %s
  api_url: %s
recording:
  min_free: 16MiB
`, f.ssh, demoChannel, s.slack.APIURL())
	var rules bytes.Buffer
	fmt.Fprintln(&rules, "people:")
	for _, p := range demoPeople {
		fmt.Fprintf(&rules, "  - {name: %s, email: %s@example.com, slack: %s, groups: [%s], keys: [%q]}\n", p.name, p.name, p.slack, demoGroups[p.name], keys[p.name])
	}
	fmt.Fprintln(&rules, "hosts:")
	for i, name := range s.names {
		fmt.Fprintf(&rules, "  - name: %s\n    address: %s\n    aliases: [%s.example.com]\n    labels: {env: %s}\n    logins: [root, deploy]\n    host_keys: [%q]\n",
			name, s.hosts[i].Addr(), name, demoEnv[name], s.hosts[i].HostKey())
	}
	rules.WriteString(`rules:
  - name: prod-elevation        # root on production: bob is asked
    who: {groups: [sre]}
    hosts: {labels: {env: prod}}
    logins: [root, deploy]
    allow: [shell, exec, sftp]
    approval: {by: {groups: [sre-leads]}, wait: 30m}
    grant: {default: 1h, max: 4h}
  - name: staging               # standing access
    who: {groups: [sre]}
    hosts: {labels: {env: staging}}
    logins: [deploy]
    allow: [shell, exec, sftp]
auditors: {groups: [security]}
`)
	return errors.Join(
		os.WriteFile(s.path("sallyport.yaml"), []byte(server), 0o600),
		os.WriteFile(s.path("access.yaml"), rules.Bytes(), 0o600),
		os.WriteFile(s.path("slack-bot-token"), []byte(s.slack.BotToken()+"\n"), 0o600),
		os.WriteFile(s.path("slack-app-token"), []byte(s.slack.AppToken()+"\n"), 0o600),
	)
}

var (
	demoGroups = map[string]string{"alice": "sre", "bob": "sre-leads", "carol": "security"}
	demoEnv    = map[string]string{"db1": "prod", "web1": "staging"}
)

// writeClient writes what the people of the demo would have on their laptops:
// ssh_config and known_hosts.
func (s *scene) writeClient(h *house) error {
	s.ssh = h.ssh.Addr().String()
	host, port, err := net.SplitHostPort(s.ssh)
	if err != nil {
		return err
	}
	var known bytes.Buffer
	for _, key := range h.hostKeys {
		fmt.Fprintf(&known, "[%s]:%s %s\n", host, port, certs.AuthorizedLine(key.PublicKey(), ""))
	}
	for _, target := range h.policy.Current().Hosts {
		fmt.Fprintln(&known, certs.KnownHostsLine(target, h.hostCA.PublicKey()))
	}
	// "bastion" is alice's; the others have a name of their own for it.
	var config bytes.Buffer
	for _, p := range demoPeople {
		name := p.name
		if name == "alice" {
			name = "bastion"
		}
		fmt.Fprintf(&config, "Host %s\n  HostName %s\n  Port %s\n  HostKeyAlias [%s]:%s\n  IdentityFile %s\n\n", name, host, port, host, port, s.path(p.name))
	}
	fmt.Fprintf(&config, "Host *\n  IdentityFile %s\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile %s\n  StrictHostKeyChecking yes\n", s.path("alice"), s.path("known_hosts"))
	return errors.Join(
		os.WriteFile(s.path("known_hosts"), known.Bytes(), 0o600),
		os.WriteFile(s.path("ssh_config"), config.Bytes(), 0o600),
	)
}

func (s *scene) close() error {
	var errs []error
	for _, h := range s.hosts {
		errs = append(errs, h.Close())
	}
	if s.slack != nil {
		errs = append(errs, s.slack.Close())
	}
	return errors.Join(errs...)
}
