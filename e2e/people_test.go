package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// person is somebody whom a script lets act. Those without groups are not in
// access.yaml at all.
type person struct {
	name   string
	slack  string
	groups string
	keys   []string // names of keys; the first one is used unless a script says
	use    []string // of each key, "login, decide" unless said
}

// inhabitants are the people of every script.
func inhabitants() []*person {
	return []*person{
		{name: "alice", slack: "U01ALICE", groups: "sre", keys: []string{"alice"}},
		{name: "bob", slack: "U02BOB", groups: "leads", keys: []string{"bob", "bob-login"}, use: []string{"login, decide", "login"}},
		{name: "dave", slack: "U03DAVE", groups: "leads", keys: []string{"dave"}},
		{name: "carol", slack: "U04CAROL", groups: "security", keys: []string{"carol"}},
		{name: "erin", slack: "U05ERIN", groups: "platform", keys: []string{"erin"}},
		{name: "frank", slack: "U08FRANK", groups: "sre", keys: []string{"frank"}},
		{name: "mallory", keys: []string{"mallory"}},
	}
}

const (
	channel = "C0123456789"
	guest   = "U06GUEST" // in the workspace, but not a full member
	someone = "U07OTHER" // a full member whom the access file does not know
)

// defaultRules: db1 needs an approval, web1 and the broken hosts do not.
const defaultRules = `rules:
  - name: prod-elevation
    who: {groups: [sre]}
    hosts: {names: [db1]}
    logins: [$LOGIN]
    allow: [shell, exec, sftp]
    approval: {by: {groups: [leads]}, wait: 2m}
    grant: {default: 1h, max: 4h, use_within: 1h}
  - name: dev
    who: {groups: [sre]}
    hosts: {labels: {env: dev}}
    logins: [$LOGIN]
    allow: [shell, exec, sftp]
auditors: {groups: [security]}
admins: {groups: [platform]}
`

type key struct {
	signer  ssh.Signer
	private []byte // OpenSSH form
	line    string // authorized_keys form
}

// keyOf has the key pairs, made once for all scripts.
var keyOf = map[string]key{}

func makeKeys() error {
	names := []string{"nobody"}
	for _, p := range inhabitants() {
		names = append(names, p.keys...)
	}
	for _, name := range names {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(private, name)
		if err != nil {
			return err
		}
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			return err
		}
		line := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(signer.PublicKey())))
		keyOf[name] = key{signer, pem.EncodeToMemory(block), line}
	}
	return nil
}

func (w *town) writeKeys() error {
	for name, k := range keyOf {
		if err := errors.Join(
			os.WriteFile(w.path(name), k.private, 0o600),
			os.WriteFile(w.path(name+".pub"), []byte(k.line+"\n"), 0o600),
		); err != nil {
			return err
		}
	}
	return nil
}

func (w *town) person(name string) *person {
	for _, p := range w.people {
		if p.name == name {
			return p
		}
	}
	return nil
}

// accessFile is access.yaml of the town as it is now.
func (w *town) accessFile() string {
	var b strings.Builder
	b.WriteString("people:\n")
	for _, p := range w.people {
		if p.groups == "" {
			continue
		}
		var keys []string
		for i, name := range p.keys {
			use := "login, decide"
			if i < len(p.use) {
				use = p.use[i]
			}
			keys = append(keys, fmt.Sprintf("{key: %s, use: [%s]}", keyOf[name].line, use))
		}
		fmt.Fprintf(&b, "  - {name: %s, slack: %s, groups: [%s], keys: [%s]}\n", p.name, p.slack, p.groups, strings.Join(keys, ", "))
	}
	addr, key, login := w.host.Addr, w.host.HostKey, w.host.Login
	fmt.Fprintf(&b, "hosts:\n")
	host := func(name, addr, key, more string) {
		fmt.Fprintf(&b, "  - {name: %s, address: %q, logins: [%s, nologin], host_keys: [%q]%s}\n", name, addr, login, key, more)
	}
	host("db1", addr, key, ", aliases: [db1.example.com], labels: {env: prod}")
	host("web1", addr, key, ", labels: {env: dev}")
	host("down", "127.0.0.1:1", key, ", labels: {env: dev}")
	host("wrongkey", addr, keyOf["nobody"].line, ", labels: {env: dev}")
	for _, name := range w.moreHosts() {
		host(name, addr, key, ", labels: {env: dev}")
	}
	b.WriteString(strings.ReplaceAll(w.rules, "$LOGIN", login))
	return b.String()
}

func (w *town) writeAccess(text string) error {
	// Renamed into place, as a careful editor does.
	if err := os.WriteFile(w.path("access.yaml.new"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(w.path("access.yaml.new"), w.path("access.yaml"))
}

// writeClients gives each person an ssh_config and clients that use it:
// wrappers on their PATH, so that scp, rsync and git use it as well.
func (w *town) writeClients() error {
	host, port, err := net.SplitHostPort(w.bastion.ssh)
	if err != nil {
		return err
	}
	cmd := w.sallyport("known-hosts")
	cmd.Stderr = os.Stderr
	known, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("known-hosts: %w", err)
	}
	if err := os.WriteFile(w.path("known_hosts"), known, 0o600); err != nil {
		return err
	}
	for _, p := range w.people {
		for _, key := range p.keys {
			if err := w.writeClient(key, host, port); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *town) writeClient(key, host, port string) error {
	config := fmt.Sprintf(`Host bastion
  HostName %s
  Port %s
  User %s
Host *
  IdentityFile %s
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile %s
  GlobalKnownHostsFile none
  ControlPath none
  SendEnv LANG LC_*
`, host, port, key, w.path(key), w.path("known_hosts"))
	if err := os.WriteFile(w.path("ssh_config."+key), []byte(config), 0o600); err != nil {
		return err
	}
	bin := w.path(".bin", key)
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	for _, client := range []string{"ssh", "scp", "sftp"} {
		wrapper := fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", clientPath(client), w.path("ssh_config."+key))
		if err := os.WriteFile(bin+"/"+client, []byte(wrapper), 0o700); err != nil {
			return err
		}
	}
	return nil
}
