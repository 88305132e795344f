package bastion_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
)

// Both ways in carry output, errors and the exit status of the host's program
// unchanged, and leave a sealed recording.
func TestExec(t *testing.T) {
	l := newLab(t)
	for _, way := range [][]string{{l.target("db1")}, {"-J", "bastion", l.host.Login + "@db1"}, {"-J", "bastion", l.host.Login + "@DB1.example.com"}} {
		got := l.run("ssh", append(way, "echo out; echo err >&2; exit 7")...)
		if got != (result{"out\n", "err\n", 7}) {
			t.Errorf("%v: %+v", way, got)
		}
		s := l.sessions()[0]
		if s.State != access.SessionSealed || s.EndCause != access.EndExit || s.ExitStatus == nil || *s.ExitStatus != 7 || s.Kind != access.KindExec || s.Target.Host != "db1" || s.Person != "alice" {
			t.Errorf("%v: session %+v", way, s)
		}
		cast := string(must(os.ReadFile(filepath.Join(l.dir, "recordings", s.Recording, "session.cast")))(t))
		if !strings.Contains(cast, `"o", "out`) && !strings.Contains(cast, `"o","out`) {
			t.Errorf("%v: cast %s", way, cast)
		}
	}
	if n := len(l.sessions()); n != 3 {
		t.Errorf("%d sessions", n)
	}
}

// A program may shut its output long before it ends: the exit status still
// arrives, and whoever waits for the end of the output has it meanwhile.
func TestExitStatusAfterOutput(t *testing.T) {
	l := newLab(t)
	const program = "echo out; exec >&- 2>&-; sleep 1; exit 3"
	if got := l.run("ssh", "-n", l.target("db1"), program); got != (result{"out\n", "", 3}) {
		t.Errorf("without input: %+v", got)
	}
	r, w, err := os.Pipe() // input that goes on
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if got := l.runAs("alice", r, "ssh", l.target("db1"), program); got != (result{"out\n", "", 3}) {
		t.Errorf("with input: %+v", got)
	}
}

// Bulk passes byte-exact in both directions, through the limit of the
// recording too.
func TestBulk(t *testing.T) {
	l := newLab(t)
	data := make([]byte, 24<<20)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	got := l.runAs("alice", bytes.NewReader(data), "ssh", l.target("db1"), "cat")
	if got.code != 0 || got.out != string(data) {
		t.Errorf("exit %d, %d of %d bytes, %s", got.code, len(got.out), len(data), got.err)
	}
}

// A terminal has the size and the modes that the client asked for.
func TestTerminal(t *testing.T) {
	l := newLab(t)
	got := l.run("ssh", "-tt", l.target("db1"), "stty size; tty; echo $TERM")
	if got.code != 0 || !strings.Contains(got.out, "/dev/pts/") {
		t.Errorf("%+v", got)
	}
	if s := l.sessions()[0]; !s.Terminal {
		t.Errorf("session %+v", s)
	}
}

// scp in both of its protocols and sftp move files both ways.
func TestFiles(t *testing.T) {
	l := newLab(t)
	data := make([]byte, 3<<20)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	local, remote, back := filepath.Join(l.dir, "local"), filepath.Join(l.dir, "remote"), filepath.Join(l.dir, "back")
	if err := os.WriteFile(local, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"-s", "-O"} {
		for _, args := range [][]string{{mode, local, l.target("db1") + ":" + remote}, {mode, l.target("db1") + ":" + remote, back}} {
			if got := l.run("scp", append([]string{"-q"}, args...)...); got.code != 0 {
				t.Errorf("scp %v: %+v", args, got)
			}
		}
		if !bytes.Equal(must(os.ReadFile(back))(t), data) {
			t.Errorf("scp %s: other bytes came back", mode)
		}
		if err := os.Remove(back); err != nil {
			t.Fatal(err)
		}
	}
	got := l.runAs("alice", strings.NewReader("get "+remote+" "+back+"\n"), "sftp", "-b", "-", l.target("db1"))
	if got.code != 0 || !bytes.Equal(must(os.ReadFile(back))(t), data) {
		t.Errorf("sftp: %+v", got)
	}
	if s := l.sessions()[0]; s.Kind != access.KindSFTP || s.State != access.SessionSealed {
		t.Errorf("session %+v", s)
	}
}

// What goes wrong is one line and the right exit status.
func TestRefusals(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		target string
		code   int
		says   string
	}{
		{l.target("nowhere"), 254, "sallyport: refused: "},
		{"root@@bastion", 254, "is not LOGIN@HOST"},
		{"Ro ot@db1@bastion", 254, "is not LOGIN@HOST"},
		{l.target(strings.Repeat("x", 10_000)), 254, "is not LOGIN@HOST"},
		{l.target("down"), 255, "sallyport: failed: down does not answer"},
		{l.target("wrongkey"), 255, "another host key"},
	} {
		got := l.run("ssh", c.target, "true")
		if got.code != c.code || !strings.Contains(got.err, c.says) || strings.Count(strings.TrimSpace(got.err), "\n") != 0 {
			t.Errorf("%.60s: %+v", c.target, got)
		}
	}
	if got := l.runAs("mallory", nil, "ssh", l.target("db1"), "true"); got.code != 255 || !strings.Contains(got.err, "Permission denied (publickey)") {
		t.Errorf("a stranger: %+v", got)
	}
	if got := l.run("ssh", "-N", "-L", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", l.target("db1")); got.code != 255 {
		t.Errorf("remote forward: %+v", got)
	}
	if got := l.run("ssh", "-W", "127.0.0.1:22", l.target("db1")); got.code == 0 || !strings.Contains(got.err, "sallyport: refused") {
		t.Errorf("-W past the recorder: %+v", got)
	}
	if got := l.run("ssh", "-J", "bastion", "root@nowhere"); got.code != 255 || !strings.Contains(got.err, "there is no host nowhere") {
		t.Errorf("jump to nowhere: %+v", got)
	}
}
