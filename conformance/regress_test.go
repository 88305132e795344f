// Package conformance runs other people's test suites through the bastion:
// OpenSSH's regress suite, github.com/pkg/sftp's integration tests and
// golang.org/x/crypto/ssh/test. Each takes an sshd to test, and gets this
// test binary in its place: a bastion in front of the real one.
//
// It owns no test of its own, and refuses two things: a pass that nothing
// proves (a script that passes without a channel through the bastion counts as
// not run) and a difference that is only claimed. Each difference says in
// differences_test.go what differs and how that is proven: the script passes
// with just that left out, or complains of just that.
//
// It is test files only. Start reading at [TestOpenSSH], then standIn, which is
// the bastion as sshd.
package conformance

import (
	"os"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/sshdtest"
	"github.com/sallyport/sallyport/internal/tooltest"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(asSSHD); root != "" {
		os.Exit(standIn(root))
	}
	if os.Getenv(asVeil) != "" {
		os.Exit(veilStdio(os.Args[1:]))
	}
	os.Exit(m.Run())
}

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

// long reports whether all is asked for, not only what make test has time for.
func long() bool { return os.Getenv("SALLYPORT_CONFORMANCE") != "" }

// TestOpenSSH runs the suite against sshd itself and through the bastion.
func TestOpenSSH(t *testing.T) {
	needs(t, regressDir, "openssh-tests is not installed")
	if os.Geteuid() != 0 {
		t.Skip("the suite's sshd needs root, as Debian configures it")
	}
	if !long() {
		for _, s := range short {
			t.Run(s, func(t *testing.T) {
				t.Parallel() // none of them listens
				compare(t, s, newTree(t, "direct", false), newTree(t, "through", true))
			})
		}
		return
	}
	list := scripts
	if only := os.Getenv("SALLYPORT_SCRIPTS"); only != "" {
		list = strings.Fields(only)
	}
	direct, through := newTree(t, "direct", false), newTree(t, "through", true)
	var rows []row
	for _, s := range list {
		rows = append(rows, compare(t, s, direct, through))
	}
	writeTable(t, "OpenSSH regress", rows)
}

// compare runs a script both ways, and what is left of it without what differs
// by design. It fails the test where the bastion differs otherwise.
func compare(t *testing.T, script string, direct, through *tree) row {
	t.Helper()
	r := row{name: script, direct: direct.run(script, nil, scriptTime).outcome}
	d, differs := differences[script]
	limit := scriptTime
	if d.leftOut() {
		limit = brief
	}
	b := through.run(script, nil, limit)
	r.channels, r.through, r.why = b.channels, counted(b.outcome, b.channels), d.why
	if d.leftOut() {
		w := through.run(script, &d, scriptTime)
		r.without, r.withoutChannels = counted(w.outcome, w.channels), w.channels
		if r.without != ok {
			t.Errorf("%s: what is said to differ is left out, and it is %s through the bastion:\n%s", script, r.without, w.said)
		}
	}
	switch {
	case r.through == ok || r.direct != ok && !differs:
	case !differs:
		t.Errorf("%s: %s through the bastion, and nothing says why:\n%s\n%s", script, r.through, strings.Join(b.complaints, "\n"), b.said)
	case len(d.says) > 0:
		if unsaid := d.unsaid(b.complaints); unsaid != "" {
			t.Errorf("%s: %s\n%s", script, unsaid, b.said)
		} else {
			r.without = saysSo
		}
	}
	t.Log(r)
	return r
}

// needs skips where file is not installed. The CI must have it.
func needs(t *testing.T, file, missing string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return
	}
	tooltest.Missing(t, missing)
}

// sshdPath is the real one.
func sshdPath(t *testing.T) string {
	t.Helper()
	p, err := sshdtest.Path()
	if err != nil {
		tooltest.Missing(t, err)
	}
	return p
}
