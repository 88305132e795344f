package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const regressDir = "/usr/lib/openssh/regress" // Debian's openssh-tests

// sftpServerBin is Debian's.
const sftpServerBin = "/usr/lib/openssh/sftp-server"

// tree is a copy of the suite.
type tree struct {
	t     *testing.T
	dir   string
	env   []string
	root  string // of the stand-in
	login string
	port  int
}

// result is what a script came to.
type result struct {
	outcome    outcome
	said       string   // its output, shortened
	complaints []string // what it says has failed
	channels   int      // that the bastion proxied
}

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
	tr.login = who.Username
	sshd, server := sshdPath(t), sftpServerBin
	// Shells of the suite's sshd read no .bashrc of whoever runs it.
	tr.env = append(os.Environ(), "SSH_CONNECTION=", "TEST_SSH_SSHD_CONFOPTS=SetEnv HOME="+tr.root, "USER="+tr.login, "LOGNAME="+tr.login, "OBJ="+dir, "BUILDDIR="+dir, "TEST_SSH_SSH=ssh",
		"TEST_SSH_PLINK=plink", "TEST_SSH_PUTTYGEN=puttygen", "TEST_SSH_CONCH=conch3",
		"TEST_SSH_UNSAFE_PERMISSIONS=1", "TEST_SHELL=sh", "TEST_SSH_IPV6=yes", "TEST_SSH_ECC=yes", "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if through {
		tr.port = 4342
		sshd, server = tr.through(sshd)
	}
	tr.env = append(tr.env, "TEST_SSH_SSHD="+sshd, "TEST_SSH_SFTPSERVER="+server, "TEST_SSH_PORT="+strconv.Itoa(tr.port))
	return tr
}

// through puts the stand-in in the suite's way, and its clients on the way to
// the target: wherever the suite names the login, it is spelled LOGIN+HOST.
// sftp -D and scp's wrapper, which never leave the machine in the suite, are
// sent through the bastion too. It returns the sshd and the sftp-server.
func (tr *tree) through(sshd string) (string, string) {
	exe, err := os.Executable()
	if err != nil {
		tr.t.Fatal(err)
	}
	as := tr.login + "+host"
	tr.edit("test-exec.sh", "User\t\t\t$USER", "User\t\t\t"+as)
	tr.edit("test-exec.sh", `echo "ProxyLocalhost=1" >>`, `echo "UserName=`+as+`" >> ${OBJ}/.putty/sessions/localhost_proxy; echo "ProxyLocalhost=1" >>`)
	for _, s := range []string{"connect-uri.sh", "scp-uri.sh", "sftp-uri.sh"} {
		tr.edit(s, "://${USER}@", "://"+tr.login+"%2Bhost@") // a plus is a blank in a URI's user
	}
	tr.edit("allow-deny-users.sh", `"$me@somehost"`, `"$me+host@somehost"`)
	tr.edit("scp-ssh-wrapper.sh", "set -- $arg\n\tshift\n\texec $SCP \"$@\"", "exec ssh -F "+tr.dir+"/ssh_proxy somehost \"$arg\"")
	var named []string
	for i := range 4 {
		named = append(named, filepath.Join(tr.dir, fmt.Sprintf("unix-%d.fwd", i)))
	}
	tr.env = append(tr.env, sockets+"="+strings.Join(named, ":"),
		"VEIL="+tr.script("veil", fmt.Sprintf("%s=1 exec %s \"$@\"", asVeil, exe)),
		"VEILED="+strconv.Itoa(tr.port+veilOffset))
	wrapper := tr.script("sshd-through", fmt.Sprintf("export %s=%s %s=%s %s=\"${%s:-%s}\"; exec %s \"$@\"", asSSHD, tr.root, realSSHD, sshd, sftpServer, sftpServer, sftpServerBin, exe))
	// sftp-server's options are for the one behind the bastion. Started by a
	// script of the host's configuration, it is behind already.
	return wrapper, tr.script("sftp-through", fmt.Sprintf("[ -z \"$SSH_CONNECTION\" ] || exec "+sftpServerBin+" \"$@\"\nexport %s=\"%s $*\"; exec ssh -F %s/ssh_proxy -s somehost sftp", sftpServer, sftpServerBin, tr.dir))
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
		tr.t.Fatalf("%s is not as expected: no %q: %v", name, from, err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o755); err != nil {
		tr.t.Fatal(err)
	}
}

// scriptTime bounds one script, and brief one that is known to fail, of which
// the first complaint is enough.
const (
	scriptTime = 10 * time.Minute
	brief      = 2 * time.Minute
)

// run runs a script, or what is left of it without a difference, and counts
// the channels that the bastion proxied.
func (tr *tree) run(script string, without *difference, limit time.Duration) result {
	name := script
	if without != nil {
		name = script + "-without"
		text, err := os.ReadFile(filepath.Join(tr.dir, script+".sh"))
		if err != nil {
			tr.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tr.dir, name+".sh"), without.from(tr.t, script, text), 0o755); err != nil {
			tr.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	log, complaints := filepath.Join(tr.root, "log"), filepath.Join(tr.dir, "failed-regress.log")
	_ = os.Remove(log)
	_ = os.Remove(complaints)
	// test-exec.sh OBJ SCRIPT; the suite's Makefile does the same.
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(tr.dir, "test-exec.sh"), tr.dir, filepath.Join(tr.dir, name+".sh"))
	cmd.Env, cmd.Dir = slices.Clone(tr.env), tr.dir
	if limit == brief {
		cmd.Env = append(cmd.Env, "TEST_SSH_FAIL_FATAL=yes")
	}
	if script == "envpass" { // which has a SetEnv of its own, and the first wins
		cmd.Env = append(cmd.Env, "TEST_SSH_SSHD_CONFOPTS=")
	}
	// What a script leaves running holds its output: a file, not a pipe.
	out, err := os.Create(filepath.Join(tr.root, "said"))
	if err != nil {
		tr.t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing is left, usually
	said, readErr := os.ReadFile(out.Name())
	if readErr != nil {
		tr.t.Fatal(readErr)
	}
	r := result{outcome: ok, said: strings.TrimSpace(string(said))}
	switch {
	case ctx.Err() != nil:
		r.outcome = tooLong
	case err != nil:
		r.outcome = failed
	case strings.Contains(strings.ToLower(r.said), "skipped"):
		r.outcome = skipped
	}
	tr.endDaemon()
	tr.endLeftovers()
	text, _ := os.ReadFile(log) // absent when nothing came
	r.channels = channels(text)
	failures, _ := os.ReadFile(complaints) // absent when all is well
	for line := range strings.Lines(string(failures)) {
		for _, is := range []string{"FAIL: ", "FATAL: "} {
			if why, found := strings.CutPrefix(line, is); found {
				if why = strings.TrimSpace(why); !slices.Contains(r.complaints, why) {
					r.complaints = append(r.complaints, why)
				}
			}
		}
	}
	tr.keep(name, r, text)
	if len(r.said) > 1500 {
		r.said = r.said[:700] + "\n…\n" + r.said[len(r.said)-700:]
	}
	return r
}

// endDaemon ends the sshd that a script which did not come to its end has left.
func (tr *tree) endDaemon() {
	text, err := os.ReadFile(filepath.Join(tr.dir, "pidfile"))
	if err != nil {
		return // the usual case
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		return
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill() // it may have ended meanwhile
	}
	_ = os.Remove(filepath.Join(tr.dir, "pidfile"))
}

// endLeftovers ends what a script has sent to the background and left there,
// such as masters that hold its ports. They are known by their environment.
func (tr *tree) endLeftovers() {
	processes, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	for _, file := range processes {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte("\x00OBJ="+tr.dir+"\x00")) {
			continue // gone, or none of ours
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
	}
}

// keep puts the logs of a failure into SALLYPORT_KEEP.
func (tr *tree) keep(name string, r result, log []byte) {
	dir := os.Getenv("SALLYPORT_KEEP")
	if dir == "" || r.outcome == ok {
		return
	}
	name += "." + filepath.Base(tr.root)
	for _, l := range []string{"failed-ssh.log", "failed-sshd.log", "failed-regress.log"} {
		kept, _ := os.ReadFile(filepath.Join(tr.dir, l))
		_ = os.WriteFile(filepath.Join(dir, name+"."+l), kept, 0o600)
		_ = os.Remove(filepath.Join(tr.dir, l))
	}
	_ = os.WriteFile(filepath.Join(dir, name+".said"), []byte(r.said), 0o600)
	_ = os.WriteFile(filepath.Join(dir, name+".bastion.log"), log, 0o600)
}
