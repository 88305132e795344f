// Package tooltest is where tests ask for the programs that they drive: ssh,
// tmux, rsync and so on, which scripts/tools installs.
//
// It owns one decision: a person who runs the tests without such a program has
// a test skipped, and where the tests must run (CI is set in the environment) it
// fails, so that nothing is left out unseen. It refuses to be used for what no
// package would change, such as a container that can mount nothing.
//
// Start reading at [Path].
package tooltest

import (
	"os"
	"os/exec"
	"testing"
)

// Path finds a program, or ends the test.
func Path(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, err.Error()+": scripts/tools installs it")
	}
	return path
}

// Need ends the test unless all programs are there.
func Need(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		Path(t, name)
	}
}

// Missing ends the test because of what is not there: it skips it, and where
// tests must run it fails it.
func Missing(t testing.TB, what any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}
