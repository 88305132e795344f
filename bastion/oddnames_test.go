package bastion_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/recorder"
)

// Names are whatever a file system takes. Each file is on the ledger with its
// digest, and no name has power over who reads it there.
func TestLedgerOfOddNames(t *testing.T) {
	l := newLab(t)
	l.mkdir("tree/sub dir")
	want := map[string]bool{}
	for i, name := range []string{
		"plain", "a b", "'quoted'", `"twice"`, `back\slash`, "$(id)", "new\nline", "esc\x1b[31mred", "bell\a", "invalid\xff\xfe", "\u202egnp.exe", "-rf", "C0644 5 x",
		"sub dir/deep", strings.Repeat("n", 250),
	} {
		data := fmt.Sprintf("content %d", i)
		l.write("tree/"+name, data)
		want[sum([]byte(data))] = true
	}
	for _, how := range []string{"-O", "-s"} {
		for _, up := range []bool{true, false} {
			from, to := filepath.Join(l.dir, "tree"), l.target("db1")+":"+filepath.Join(l.dir, "up"+how)
			if !up {
				from, to = to, filepath.Join(l.dir, "back"+how)
			}
			if got := l.run("scp", "-q", "-p", "-r", how, from, to); got.code != 0 {
				t.Errorf("%s %v: %+v", how, up, got)
			}
			_, list := l.transfers()
			seen := map[string]bool{}
			for _, e := range list {
				line := e.String()
				if strings.ContainsAny(line, "\n\r\x1b\a\u202e") || strings.Contains(line, "\xff") || e.Action == access.FileOpaque {
					t.Errorf("%s: %q", how, line)
				}
				if e.Direction() != "" && e.Result == access.FileOK {
					seen[e.SHA256] = true
				}
			}
			if len(seen) != len(want) {
				t.Errorf("%s %v: %d of %d files in %q", how, up, len(seen), len(want), list)
			}
			for digest := range seen {
				if !want[digest] {
					t.Errorf("%s: a digest of nothing that was sent", how)
				}
			}
		}
	}
}

// git is an exec like any other: its command, and both streams with count and
// digest.
func TestGitIsExec(t *testing.T) {
	tooltest.Need(t, "git")
	l := newLab(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_SSH_COMMAND=ssh -F "+filepath.Join(l.dir, "ssh_config.alice"), "GIT_CONFIG_NOSYSTEM=1", "HOME="+l.dir,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", args, out)
		}
	}
	origin, work := filepath.Join(l.dir, "origin"), filepath.Join(l.dir, "work")
	git("init", "-q", "--bare", origin)
	git("clone", "-q", l.target("db1")+":"+origin, work)
	_, _ = l.random("work/data", 300_000)
	git("-C", work, "add", "data")
	git("-C", work, "commit", "-q", "-m", "first")
	git("-C", work, "push", "-q", "origin", "HEAD:main")
	s := l.lastSession()
	if s.Kind != access.KindExec || s.Command != "git-receive-pack '"+origin+"'" || s.BytesIn < 300_000 {
		t.Errorf("session %+v", s)
	}
	m := must(recorder.ReadManifest(l.folder(s)))(t)
	counted := map[string]int64{}
	for _, d := range m.Streams {
		if len(d.SHA256) != 64 {
			t.Errorf("stream %+v", d)
		}
		counted[d.Name] = d.Bytes
	}
	if counted["stdin"] != s.BytesIn || counted["stdout"]+counted["stderr"] != s.BytesOut {
		t.Errorf("streams %+v, session %+v", m.Streams, s)
	}
}
