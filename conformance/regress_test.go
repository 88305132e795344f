// Package conformance runs other people's test suites through the bastion:
// OpenSSH's regress suite, github.com/pkg/sftp's integration tests and
// golang.org/x/crypto/ssh/test. Each takes an sshd to test, and gets this
// test binary in its place: a bastion in front of the real one.
//
// It owns no test of its own, and refuses a pass that nothing proves: a script
// that passes without a channel through the bastion counts as not run. It is
// test files only. Start reading at [TestOpenSSH], then standIn, which is the
// bastion as sshd.
package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(asSSHD); root != "" {
		os.Exit(standIn(root))
	}
	os.Exit(m.Run())
}

const regressDir = "/usr/lib/openssh/regress" // Debian's openssh-tests

// short are the scripts of make test; all of them are make conformance's.
var short = []string{"exit-status", "stderr-data", "stderr-after-eof"}

// scripts are those of the suite that talk to an sshd. The others test the
// client's own keys and files.
var scripts = strings.Fields(`connect proxy-connect connect-uri proto-version proto-mismatch exit-status exit-status-signal
	envpass transfer banner rekey dhgex stderr-data stderr-after-eof broken-pipe try-ciphers yes-head login-timeout
	agent agent-restrict key-options scp scp3 scp-uri sftp sftp-cmds sftp-badcmds sftp-batch sftp-glob sftp-perm sftp-uri
	reconfigure dynamic-forward forwarding multiplex reexec brokenkeys localcommand forcecommand portnum keytype kextype
	cert-hostkey cert-userkey host-expand keys-command forward-control integrity krl multipubkey limit-keytype hostkey-rotate
	principals-command cert-file cfgmatch allow-deny-users authinfo knownhosts channel-timeout connection-timeout
	putty-transfer putty-ciphers putty-kex conch-ciphers`)

// TestOpenSSH runs the suite against sshd itself and through the bastion.
func TestOpenSSH(t *testing.T) {
	if _, err := os.Stat(regressDir); err != nil {
		t.Skip("openssh-tests is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("the suite's sshd needs root, as Debian configures it")
	}
	list := short
	if os.Getenv("SALLYPORT_CONFORMANCE") != "" {
		list = scripts
		if only := os.Getenv("SALLYPORT_SCRIPTS"); only != "" {
			list = strings.Fields(only)
		}
	}
	var table bytes.Buffer
	fmt.Fprintf(&table, "| script | direct | through the bastion | channels |\n|---|---|---|---|\n")
	direct, through := newTree(t, "direct", false), newTree(t, "through", true)
	for _, s := range list {
		d, _ := direct.run(s)
		b, n := through.run(s)
		verdict := b.verdict
		if verdict == "ok" && n == 0 {
			verdict = "not run"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %d |\n", s, d.verdict, verdict, n)
		t.Logf("%-20s direct %-8s through %-8s channels %d", s, d.verdict, verdict, n)
		if verdict != "ok" && b.said != "" {
			t.Logf("  %s", strings.ReplaceAll(b.said, "\n", "\n  "))
		}
		if list[0] == short[0] && len(list) == len(short) && d.verdict == "ok" && verdict != "ok" {
			t.Errorf("%s: %s", s, verdict)
		}
	}
	if out := os.Getenv("SALLYPORT_TABLE"); out != "" {
		if err := os.WriteFile(out, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tree is a copy of the suite.
type tree struct {
	t    *testing.T
	dir  string
	env  []string
	root string // of the stand-in
	port int
}

type verdict struct{ verdict, said string }

func newTree(t *testing.T, name string, through bool) *tree {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "regress")
	if out, err := exec.Command("cp", "-a", regressDir, dir).CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	tr := &tree{t: t, dir: dir, root: filepath.Join(t.TempDir(), name), port: 4242}
	if err := os.MkdirAll(tr.root, 0o700); err != nil {
		t.Fatal(err)
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	sftpServer := "/usr/lib/openssh/sftp-server"
	// Shells of the suite's sshd read no .bashrc of whoever runs it.
	tr.env = append(os.Environ(), "TEST_SSH_SSHD_CONFOPTS=SetEnv HOME="+tr.root, "USER="+who.Username, "LOGNAME="+who.Username, "OBJ="+dir, "BUILDDIR="+dir, "TEST_SSH_SSH=ssh",
		"TEST_SSH_PLINK=plink", "TEST_SSH_PUTTYGEN=puttygen", "TEST_SSH_CONCH=conch3",
		"TEST_SSH_UNSAFE_PERMISSIONS=1", "TEST_SHELL=sh", "TEST_SSH_IPV6=yes", "TEST_SSH_ECC=yes", "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if through {
		tr.port = 4342
		sftpServer = tr.through(who.Username, sftpServer)
	}
	tr.env = append(tr.env, "TEST_SSH_SFTPSERVER="+sftpServer, "TEST_SSH_PORT="+strconv.Itoa(tr.port))
	return tr
}

// through puts the stand-in in the suite's way, and its clients on the way to
// the target. sftp -D and scp's wrapper, which never leave the machine in the
// suite, are sent through it too.
func (tr *tree) through(login, sftpServer string) string {
	exe, err := os.Executable()
	if err != nil {
		tr.t.Fatal(err)
	}
	wrapper := tr.script("sshd-through", fmt.Sprintf("%s=%s SALLYPORT_SFTP_SERVER=%s exec %s \"$@\"", asSSHD, tr.root, sftpServer, exe))
	tr.edit("test-exec.sh", "User\t\t\t$USER", "User\t\t\t"+login+"+host")
	tr.edit("scp-ssh-wrapper.sh", "set -- $arg\n\tshift\n\texec $SCP \"$@\"", "exec ssh -F "+tr.dir+"/ssh_proxy somehost \"$arg\"")
	tr.env = append(tr.env, "TEST_SSH_SSHD="+wrapper)
	return tr.script("sftp-through", "exec ssh -F "+tr.dir+"/ssh_proxy -s somehost sftp")
}

func (tr *tree) script(name, line string) string {
	file := filepath.Join(tr.root, name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+line+"\n"), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	return file
}

func (tr *tree) edit(name, from, to string) {
	file := filepath.Join(tr.dir, name)
	text, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(text, []byte(from)) {
		tr.t.Fatalf("%s is not as expected: %v", name, err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o755); err != nil {
		tr.t.Fatal(err)
	}
}

// scriptTime bounds one script.
const scriptTime = 4 * time.Minute

// run runs a script and counts the channels that the bastion proxied.
func (tr *tree) run(script string) (verdict, int) {
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	log := filepath.Join(tr.root, "log")
	_ = os.Remove(log)
	// test-exec.sh OBJ SCRIPT; the suite's Makefile does the same.
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(tr.dir, "test-exec.sh"), tr.dir, filepath.Join(tr.dir, script+".sh"))
	cmd.Env, cmd.Dir, cmd.WaitDelay = tr.env, tr.dir, 5*time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	v := verdict{"ok", strings.TrimSpace(said.String())}
	switch {
	case ctx.Err() != nil:
		v.verdict = "too long"
	case err != nil:
		v.verdict = "failed"
	case strings.Contains(strings.ToLower(v.said), "skipped"):
		v.verdict = "skipped"
	}
	if len(v.said) > 1500 {
		v.said = v.said[:700] + "\n…\n" + v.said[len(v.said)-700:]
	}
	text, _ := os.ReadFile(log) // absent when nothing came
	if dir := os.Getenv("SALLYPORT_KEEP"); dir != "" && v.verdict == "failed" {
		for _, name := range []string{"failed-ssh.log", "failed-sshd.log", "failed-regress.log"} {
			kept, _ := os.ReadFile(filepath.Join(tr.dir, name))
			_ = os.WriteFile(filepath.Join(dir, script+"."+filepath.Base(tr.root)+"."+name), kept, 0o600)
			_ = os.Remove(filepath.Join(tr.dir, name))
		}
		_ = os.WriteFile(filepath.Join(dir, script+".bastion.log"), text, 0o600)
	}
	return v, bytes.Count(text, []byte(`msg="session started"`))
}
