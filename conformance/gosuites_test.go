package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// goSuite is a suite of Go tests that drive an sshd or an sftp-server.
type goSuite struct {
	name, folder, pkg string
	patch             []patch             // of a copy
	through           func(*goRun)        // what puts the bastion in the way
	both              func(*goRun)        // what both runs need
	differs           map[string]goDiffer // by test
}

type patch struct{ file, from, to string }

// goDiffer is why a test ends otherwise through the bastion; what it prints
// matches says.
type goDiffer struct{ why, says string }

// goRun is the environment and the arguments of one run.
type goRun struct {
	t    *testing.T
	dir  string // for files
	root string // of the stand-in
	env  []string
	args []string
}

// suitesDir is where scripts/conformance-tools puts the sources.
const suitesDir = "../bin/suites"

// testTime bounds one test.
const testTime = 45 * time.Second

// run runs the suite directly, then each of its tests through the bastion.
func (s goSuite) run(t *testing.T) {
	if !long() {
		t.Skip("make conformance runs it")
	}
	needs(t, suitesDir, "scripts/conformance-tools has not fetched the suites")
	if os.Geteuid() != 0 {
		t.Skip("as the regress suite, it runs as root")
	}
	program, dir := s.build(t)
	direct := &goRun{t: t, dir: t.TempDir(), env: os.Environ()}
	s.both(direct)
	through := &goRun{t: t, dir: t.TempDir(), root: t.TempDir(), env: os.Environ()}
	s.both(through)
	s.through(through)
	var rows []row
	passed, alone, opened := 0, 0, 0
	for _, name := range list(t, program) {
		r := row{name: name}
		if r.direct, _, _ = direct.exec(program, dir, name); r.direct == skipped {
			continue
		}
		var out string
		r.through, r.channels, out = through.exec(program, dir, name)
		d, differs := s.differs[name]
		t.Logf("%s: %s directly, %s through, %d channels", name, r.direct, r.through, r.channels)
		switch r.why = d.why; {
		case r.through == r.direct && r.channels == 0 && !differs:
			alone++
		case r.through == ok && r.direct == ok:
			passed, opened = passed+1, opened+r.channels
		default:
			rows = append(rows, r)
			t.Log(r)
			if r.through != ok && !(differs && regexp.MustCompile(d.says).MatchString(out)) && r.direct == ok {
				t.Errorf("%s: %s through the bastion, and nothing says why:\n%s", name, r.through, tail(out, 1500))
			}
		}
	}
	rows = append([]row{
		{name: fmt.Sprintf("%d tests", passed), direct: ok, through: ok, channels: opened},
		{name: fmt.Sprintf("%d tests", alone), direct: ok, through: notRun, why: "open no channel: they test the library alone, or authentication"},
	}, rows...)
	t.Log(rows[0], rows[1])
	writeTable(t, s.name, rows)
	if passed == 0 {
		t.Error("not one test went through the bastion")
	}
}

// build compiles the tests of a patched copy. It returns the program and the
// folder to run it in.
func (s goSuite) build(t *testing.T) (program, dir string) {
	t.Helper()
	from := filepath.Join(suitesDir, s.folder)
	copied := filepath.Join(t.TempDir(), s.folder)
	if out, err := exec.Command("cp", "-r", from, copied).CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	for _, p := range s.patch {
		file := filepath.Join(copied, p.file)
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte(p.from)) {
			t.Fatalf("%s is not as expected: no %q: %v", p.file, p.from, err)
		}
		if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(p.from), []byte(p.to)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program, dir = filepath.Join(t.TempDir(), "suite.test"), filepath.Join(copied, s.pkg)
	cmd := exec.Command("go", "test", "-c", "-o", program, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	return program, dir
}

// list names the tests of a program.
func list(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.Command(program, "-test.list", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool { return !strings.HasPrefix(name, "Test") })
}

// exec runs a test, and counts the channels meanwhile. One that hangs gets a
// second try: the sshd of a test in x/crypto does not always end by the
// interrupt that is to end it, with or without a bastion.
func (r *goRun) exec(program, dir, name string) (outcome, int, string) {
	r.t.Helper()
	o, n, out := r.try(program, dir, name)
	if o == tooLong {
		return r.try(program, dir, name)
	}
	return o, n, out
}

func (r *goRun) try(program, dir, name string) (outcome, int, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), testTime)
	defer cancel()
	log := filepath.Join(r.root, "log")
	if err := os.Remove(log); r.root != "" && err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(r.dir, "out"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd := exec.CommandContext(ctx, program, append([]string{"-test.v", "-test.run", "^" + name + "$"}, r.args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, r.env, file, file
	_ = cmd.Run() // the output tells
	said, err := os.ReadFile(file.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	text, _ := os.ReadFile(log) // absent when nothing came
	o := tooLong
	for _, m := range verdictLine.FindAllSubmatch(said, -1) {
		if string(m[2]) == name {
			o = map[string]outcome{"PASS": ok, "FAIL": failed, "SKIP": skipped}[string(m[1])]
		}
	}
	if dir := os.Getenv("SALLYPORT_KEEP"); dir != "" && r.root != "" && o != ok {
		_ = os.WriteFile(filepath.Join(dir, name+".said"), append(said, text...), 0o600)
	}
	return o, channels(text), string(said)
}

var verdictLine = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\S+)`)

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// sshd writes the program that stands in for sshd, and returns its path.
func (r *goRun) sshd(dir string) string {
	exe, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(dir, "sshd")
	text := fmt.Sprintf("#!/bin/sh\nexport %s=%s %s=%s; exec %s \"$@\"\n", asSSHD, r.root, realSSHD, sshdPath(r.t), exe)
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
	return file
}

// login is who runs the suites.
func login(t *testing.T) string {
	t.Helper()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return who.Username
}

const loginSuffix = "SALLYPORT_LOGIN_SUFFIX" // what makes a login a target

// TestGoSSH runs golang.org/x/crypto/ssh/test, whose client drives sshd -i.
func TestGoSSH(t *testing.T) {
	goSuite{
		name: "golang.org/x/crypto/ssh/test", folder: "crypto", pkg: "ssh/test",
		patch: []patch{
			// It skips all that need an sshd as root, whom its sshd refuses.
			{"ssh/test/test_unix_test.go", `uname == "root"`, `uname == ""`},
			{"ssh/test/recording_test.go", "PermitRootLogin no", "PermitRootLogin yes"},
			// The login is LOGIN+HOST, the principal of a certificate is not.
			{"ssh/test/recording_test.go", "\treturn username\n}", "\treturn username + os.Getenv(\"" + loginSuffix + "\")\n}\n\nfunc principal() string {\n\tu, err := user.Current()\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\treturn u.Username\n}"},
			{"ssh/test/cert_test.go", "[]string{username()}", "[]string{principal()}"},
			// A rule names unix sockets, so they need names.
			{"ssh/test/test_unix_test.go", `dir, err := os.MkdirTemp("", "socket")`, "dir := os.Getenv(\"TMPDIR\") + \"/socket\"\n\terr := os.MkdirAll(dir, 0o700)"},
		},
		both: func(r *goRun) { r.env = append(r.env, "TMPDIR="+r.dir) },
		differs: map[string]goDiffer{
			"TestCertLogin": {"asks for a host certificate; the bastion has those for hosts behind `-J` only", "non-certificate host key"},
		},
		through: func(r *goRun) {
			bin := r.t.TempDir()
			r.sshd(bin)
			r.env = append(r.env, "PATH="+bin+":"+os.Getenv("PATH"), loginSuffix+"=+host", sockets+"="+filepath.Join(r.dir, "socket", "sock"))
		},
	}.run(t)
}

// TestGoSFTP runs the integration tests of github.com/pkg/sftp, whose client
// drives an sftp-server.
func TestGoSFTP(t *testing.T) {
	needs(t, sftpServerBin, "openssh-sftp-server is not installed")
	goSuite{
		name: "github.com/pkg/sftp", folder: "sftp", pkg: ".",
		both: func(r *goRun) { r.args = []string{"-integration", "-sftp", sftpServerBin} },
		through: func(r *goRun) {
			r.args = []string{"-integration", "-sftp", r.sftpThrough()}
		},
	}.run(t)
}

// sftpThrough writes the program that stands in for sftp-server: an ssh to one
// behind the bastion, with the same options.
func (r *goRun) sftpThrough() string {
	write := func(name, text string) string {
		file := filepath.Join(r.dir, name)
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			r.t.Fatal(err)
		}
		return file
	}
	key := filepath.Join(r.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		r.t.Fatal(string(out), err)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		r.t.Fatal(err)
	}
	known := write("known_hosts", "host "+string(public))
	server := write("sshd_config", "HostKey "+key+"\nAuthorizedKeysFile "+key+".pub\nStrictModes no\nPidFile none\nSetEnv HOME="+r.root+"\nSubsystem sftp through\n")
	client := write("ssh_config", fmt.Sprintf("User %s+host\nIdentityFile %s\nUserKnownHostsFile %s\nHostKeyAlias host\nBatchMode yes\nLogLevel ERROR\nProxyCommand %s -i -f %s\n",
		login(r.t), key, known, r.sshd(r.dir), server))
	return write("sftp-through", fmt.Sprintf("#!/bin/sh\nexport %s=\"%s $* -d $PWD\"; exec ssh -F %s -s host sftp\n", sftpServer, sftpServerBin, client))
}
