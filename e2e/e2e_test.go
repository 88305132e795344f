// Package e2e runs the real binary with the real clients of OpenSSH, before a
// real sshd, from scripts. Each script is a story: a comment says what is
// shown and why, actors are commands ("alice ssh …", "bob approve").
//
//	testdata/flow     the main job and its variations
//	testdata/attacks  one script for each claim of docs/threat-model.md
//	testdata/clients  one script for each client beside OpenSSH's, and what editors do
//	testdata/players  recordings played elsewhere: the screen that was seen last is there
//	testdata/vault    the main job with Vault's real SSH engine
//
// It owns the words that scripts are made of, and no test of a package's
// insides. Start reading at testdata/flow/console.txtar, then commands_test.go.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// patience is how long anything is awaited before it counts as hanging.
const patience = 90 * time.Second

// binary is the sallyport that was built for the tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// Scripts wait for most of their time: more of them at once than processors.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "4") // a number that parses
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sallyport-e2e")
	if err == nil {
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "sallyport")
		err = build(binary)
	}
	if err == nil {
		err = makeKeys()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

func build(out string) error {
	args := []string{"build", "-tags=sqlite_fts5", "-buildvcs=false", "-o", out}
	if racing {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/sallyport/sallyport/cmd/sallyport")...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

func TestFlow(t *testing.T)    { scripts(t, "flow") }
func TestAttacks(t *testing.T) { scripts(t, "attacks") }
func TestVault(t *testing.T)   { scripts(t, "vault") }

func scripts(t *testing.T, group string) {
	tooltest.Need(t, "ssh", "scp", "sftp", "rsync", "git", "tmux", "asciinema", "vim")
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", group),
		Setup: setUp,
		Cmds:  commands,
	})
}
