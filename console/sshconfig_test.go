package console_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// The real ssh understands what ssh-config prints.
func TestSSHUnderstandsTheConfig(t *testing.T) {
	ssh := tooltest.Path(t, "ssh")
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(newWorld(t).as(t, "alice", "ssh-config").out), 0o600); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string][]string{
		"root+db1":             {"user root+db1", "hostname bastion.example.com", "port 2222"},
		"deploy+web1":          {"user deploy+web1", "hostname bastion.example.com", "port 2222"},
		"sallyport":            {"hostname bastion.example.com", "port 2222"},
		"root@db1":             {"user root", "hostname db1", "port 22", "proxyjump sallyport"},
		"root@db1.example.com": {"proxyjump sallyport"},
	} {
		out, err := exec.Command(ssh, "-G", "-F", file, host).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v, %s", host, err, out)
		}
		for _, line := range want {
			if !strings.Contains("\n"+string(out), "\n"+line+"\n") {
				t.Errorf("%s: no %q in\n%s", host, line, out)
			}
		}
	}
}

// The real ssh-keygen finds in what known-hosts prints what ssh will look for,
// and nothing for other hosts.
func TestSSHUnderstandsTheKnownHosts(t *testing.T) {
	keygen := tooltest.Path(t, "ssh-keygen")
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(newWorld(t).as(t, "alice", "known-hosts").out), 0o600); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"[bastion.example.com]:2222": "bastion", "db1": "@cert-authority", "db1.example.com": "@cert-authority", "web1": "@cert-authority", "db2": "", "bastion.example.com": "",
	} {
		out, err := exec.Command(keygen, "-F", host, "-f", file).Output()
		if found := err == nil; found != (want != "") || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %s", host, err, out)
		}
	}
}
