package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/internal/tracetest"
)

// TestClients drives what people use beside OpenSSH, one script a client.
func TestClients(t *testing.T) { scripts(t, "clients") }

// python is Debian's own, which has Debian's modules; a python3 that is
// earlier on the PATH may have none.
const python = "/usr/bin/python3"

// cmdNeeds is for programs that not everybody has, and for modules of Python,
// "python:NAME". Where the tests must run, one that is missing fails; "fuse"
// and "mount", the machine's leave to mount, never do, nor its leave to trace.
// "trace" lets the disk fail the bastion, from its next start on.
func cmdNeeds(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		if name == "fuse" {
			if err := mayMount(); err != nil {
				townOf(ts).t.Skip("nothing can be mounted here: ", err) // no package would change it
			}
			continue
		}
		if name == "mount" {
			if err := mayLoop(); errors.Is(err, exec.ErrNotFound) {
				tooltest.Missing(townOf(ts).t, err)
			} else if err != nil {
				townOf(ts).t.Skip("no file system can be mounted here; the scripts that need trace show the same errors, injected: ", err)
			}
			continue
		}
		if name == "trace" {
			tracetest.Need(townOf(ts).t)
			townOf(ts).traced = true
			continue
		}
		if lack := lacking(name); lack != "" {
			tooltest.Missing(townOf(ts).t, lack+": scripts/tools installs it")
		}
	}
}

// mayMount looks whether this machine, or the container that it is, lets us
// mount a FUSE file system at all.
func mayMount() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || os.Geteuid() != 0 {
		return err
	}
	return exec.Command("unshare", "--mount", "true").Run() // as root it takes the capability
}

func lacking(name string) string {
	if module, ok := strings.CutPrefix(name, "python:"); ok {
		if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
			return fmt.Sprintf("%s has no module %s (%v: %s)", python, module, err, tail(string(out), 200))
		}
		return ""
	}
	if _, err := exec.LookPath(name); err != nil {
		return name + " is not installed"
	}
	return ""
}

// cmdRecorded waits for a closed recording of KIND with REGEXP in it, on the
// cast, among the events, or in what was kept of a stream.
func cmdRecorded(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: recorded KIND REGEXP")
	}
	w, pattern := townOf(ts), compile(ts, args[1])
	found := func() (bool, error) {
		var seen []struct{ Kind, Recording string }
		if err := w.look.ask("sessions --json --state sealed", &seen); err != nil {
			return false, err
		}
		for _, s := range seen {
			if s.Kind != args[0] {
				continue
			}
			for _, name := range []string{"session.cast", "events.ndjson", "stdout.ndjson", "stdin.ndjson"} {
				data, err := os.ReadFile(w.path("data", "recordings", s.Recording, name))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return false, err
				}
				if pattern.Match(data) {
					return true, nil
				}
			}
		}
		return false, nil
	}
	if !neg {
		await(ts, "recorded "+strings.Join(args, " "), found)
		return
	}
	ok, err := found()
	ts.Check(err)
	if ok {
		ts.Fatalf("there is a recording of %s", strings.Join(args, " "))
	}
}

// cmdDigest sets NAME to the SHA-256 of FILE, as a ledger has it.
func cmdDigest(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: digest NAME FILE")
	}
	sum := sha256.Sum256([]byte(ts.ReadFile(args[1])))
	ts.Setenv(args[0], hex.EncodeToString(sum[:]))
}

// moreHosts are names from the script's file "hosts", each another way to the
// one host, with standing access.
func (w *town) moreHosts() []string {
	names, err := os.ReadFile(w.path("hosts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Error(err)
	}
	return strings.Fields(string(names))
}
