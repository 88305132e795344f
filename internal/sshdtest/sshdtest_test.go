package sshdtest_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/sshdtest"
)

// A host lets in who holds a certificate of its CA, and nobody else.
func TestCertificateOnly(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) (string, error) {
		out, err := exec.Command(name, args...).CombinedOutput()
		return string(out), err
	}
	for _, name := range []string{"ca", "key"} {
		if out, err := run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)); err != nil {
			t.Fatal(out, err)
		}
	}
	ca, err := run("cat", filepath.Join(dir, "ca.pub"))
	if err != nil {
		t.Fatal(ca, err)
	}
	h, err := sshdtest.Start(sshdtest.Config{Dir: dir, CA: strings.TrimSpace(ca)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	host, port, _ := strings.Cut(h.Addr, ":")
	ssh := func() (string, error) {
		return run("ssh", "-F", "none", "-i", filepath.Join(dir, "key"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
			"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", port, h.Login+"@"+host, "echo in")
	}
	if out, err := ssh(); err == nil {
		t.Fatalf("a plain key got in: %s", out)
	}
	if out, err := run("ssh-keygen", "-q", "-s", filepath.Join(dir, "ca"), "-I", "test", "-n", h.Login, "-V", "+1m", filepath.Join(dir, "key.pub")); err != nil {
		t.Fatal(out, err)
	}
	out, err := ssh()
	if err != nil || !strings.Contains(out, "in") {
		t.Fatalf("a certificate did not: %s %v\n%s", out, err, h.Log())
	}
}
