package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs the command and gives what it printed, and its status.
func check(t *testing.T, path string) (string, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := runCheck(path, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("on stderr: %s", &stderr)
	}
	return stdout.String(), status
}

func TestCheckPrintsAllFaultsOfBothFiles(t *testing.T) {
	golden := filepath.Join("testdata", "faulty", "check.txt")
	got, status := check(t, filepath.Join("testdata", "faulty", "sallyport.yaml"))
	if status != 1 {
		t.Errorf("status %d", status)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, golden, want)
	}
	if strings.Contains(got, "this-would-be-a-token") {
		t.Error("a secret shows")
	}
}

func TestCheckAcceptsTheExamples(t *testing.T) {
	got, status := check(t, filepath.Join("..", "..", "examples", "sallyport.yaml"))
	if status != 0 || !strings.Contains(got, "5 people, 3 hosts, 4 rules, no warnings") {
		t.Errorf("status %d\n%s", status, got)
	}
}

func TestCheckOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	got, status := check(t, filepath.Join(dir, "none.yaml"))
	if status != 1 || !strings.Contains(got, "none.yaml: cannot be read: no such file or directory") {
		t.Errorf("status %d\n%s", status, got)
	}
	got, status = check(t, write(t, filepath.Join(dir, "sallyport.yaml"), "ca: {kind: local}\naccess_file: gone.yaml\n"))
	if status != 1 || !strings.Contains(got, filepath.Join(dir, "gone.yaml")+": cannot be read") {
		t.Errorf("status %d\n%s", status, got)
	}
}

func TestCheckWarnsWithoutFailing(t *testing.T) {
	dir := t.TempDir()
	access := write(t, filepath.Join(dir, "access.yaml"), "people: [{name: a}]\nhosts: []\nrules: []\n")
	if err := os.Chmod(access, 0o666); err != nil {
		t.Fatal(err)
	}
	got, status := check(t, write(t, filepath.Join(dir, "sallyport.yaml"), "ca: {kind: local}\n"))
	for _, want := range []string{
		access + ":3: rules: warning: there is none, so nobody may reach anything",
		access + ": warning: every user of this machine may write it (mode 0666)",
		"1 person, no hosts, no rules, 2 warnings",
	} {
		if status != 0 || !strings.Contains(got, want) {
			t.Errorf("status %d, want %s in\n%s", status, want, got)
		}
	}
}

// Nobody can watch what is encrypted while it grows.
func TestCheckRefusesToWatchWhatIsEncrypted(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "access.yaml"), `people: [{name: a}, {name: b}]
hosts: []
rules:
  - {name: eyes, who: {people: [a]}, hosts: {names: ["*"]}, logins: [root], allow: [shell], watch: required}
auditors: {people: [b]}
`)
	const recipients = "ca: {kind: local}\nrecording: {recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}\n"
	got, status := check(t, write(t, filepath.Join(dir, "sallyport.yaml"), recipients))
	if want := "rules: rule eyes says watch: required, and with recording.recipients"; status != 1 || !strings.Contains(got, want) {
		t.Errorf("status %d, want %s in\n%s", status, want, got)
	}
	if got, status = check(t, write(t, filepath.Join(dir, "plain.yaml"), "ca: {kind: local}\n")); status != 0 {
		t.Errorf("status %d\n%s", status, got)
	}
}
