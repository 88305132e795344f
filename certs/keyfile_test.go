package certs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
)

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAreGeneratedOnceAndPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	keys := make([]ssh.PublicKey, 8)
	var all sync.WaitGroup
	for i := range keys { // of many that start at once, all get the same key
		all.Go(func() {
			ca, err := certs.OpenLocalCA(dir, clock(noon))
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = ca.PublicKey()
		})
	}
	all.Wait()
	for _, key := range keys {
		if key == nil || !bytes.Equal(key.Marshal(), keys[0].Marshal()) {
			t.Fatal("not all got the same key")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("left in the directory: %v, %v", entries, err)
	}
	file := filepath.Join(dir, entries[0].Name())
	for path, want := range map[string]os.FileMode{dir: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
}

func TestKeyFilesOfOthersAreRefused(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "good")
	run(t, dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", "locked")
	run(t, dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "open")
	if err := os.Chmod(filepath.Join(dir, "open"), 0o640); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "garbage"), "not a key")

	if keys, err := certs.HostKeys([]string{filepath.Join(dir, "good")}, dir); err != nil || len(keys) != 1 {
		t.Errorf("a good key: %v", err)
	}
	for name, want := range map[string]string{
		"locked": "passphrase", "open": "chmod 600", "garbage": "no private key", "missing": "no such file", ".": "not a regular file",
	} {
		_, err := certs.LoadKey(filepath.Join(dir, name))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// A file that is damaged is an error, not a reason for a new key: everyone who
// pinned the old one would be told of an attack.
func TestDamagedKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.HostKeys(nil, dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "host_ed25519")
	writeFile(t, file, "damaged")
	if _, err := certs.HostKeys(nil, dir); err == nil {
		t.Error("a damaged key was accepted or replaced")
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "damaged" {
		t.Errorf("the file is now %q, %v", data, err)
	}
}

func TestRSAKeySignsWithSHA2Only(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "rsa")
	key, err := certs.LoadKey(filepath.Join(dir, "rsa"))
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range key.(ssh.MultiAlgorithmSigner).Algorithms() {
		if algorithm == ssh.KeyAlgoRSA {
			t.Error("it would sign with SHA-1")
		}
	}
}

func TestParseAuthorities(t *testing.T) {
	ca := newSigner(t).PublicKey()
	line := certs.AuthorizedLine(ca, "the CA")
	got, err := certs.ParseAuthorities([]byte("# ours\n\n" + line + "\n" + line))
	if err != nil || len(got) != 2 || !bytes.Equal(got[0].Marshal(), ca.Marshal()) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{line + "\nnonsense", "cert-authority " + line} {
		if _, err := certs.ParseAuthorities([]byte(text)); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestTwoHostKeysOfOneTypeAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if _, err := certs.HostKeys(nil, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := filepath.Join(dir, "a", "host_ed25519"), filepath.Join(dir, "b", "host_ed25519")
	if keys, err := certs.HostKeys([]string{one}, dir); err != nil || len(keys) != 1 {
		t.Errorf("one key: %v", err)
	}
	_, err := certs.HostKeys([]string{one, two}, dir)
	if err == nil || !strings.Contains(err.Error(), "both of the type ssh-ed25519") {
		t.Errorf("two keys: %v", err)
	}
}
