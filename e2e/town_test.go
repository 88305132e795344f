package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/slacktest"
	"github.com/sallyport/sallyport/internal/sshdtest"
	"github.com/sallyport/sallyport/internal/tooltest"
)

// town is what one script plays in: people with keys, a host, a bastion, and
// where the script wants them a Slack and a Vault.
type town struct {
	t       testing.TB
	dir     string
	host    *sshdtest.Host
	people  []*person
	rules   string // of access.yaml, from "rules:" on
	bastion *bastion
	jobs    map[string]*job
	slack   *slacktest.Server
	noModal bool // the next click on Deny opens none
	vault   *vault
	config  map[string]any // of sallyport.yaml
	secrets []string       // that no log may hold
	look    *lookout
	// fileLimit bounds each file that the bastion writes, in 512 bytes.
	fileLimit int
	screens   []func() // that close them
	disk      disk
	siem      *siem // nil without
	traced    bool  // the bastion lets itself be traced
	films     int   // see filmed
}

type townKey struct{}

func townOf(ts *testscript.TestScript) *town { return ts.Value(townKey{}).(*town) }

// found builds a town in an empty folder. Its end is leave.
func found(t testing.TB, dir string) (*town, error) {
	w := &town{
		t: t, dir: dir, people: inhabitants(), jobs: map[string]*job{},
		rules: defaultRules, look: &lookout{},
	}
	home := w.path("host")
	if err := errors.Join(w.writeKeys(), os.MkdirAll(home, 0o700)); err != nil {
		return nil, err
	}
	var err error
	// The CA is known once the bastion has started.
	if w.host, err = sshdtest.Start(sshdtest.Config{Dir: home, CA: keyOf["nobody"].line}); err != nil {
		tooltest.Missing(t, err)
	}
	return w, nil
}

// setUp builds the town of a script; the bastion is the script's to start.
func setUp(env *testscript.Env) error {
	w, err := found(env.T().(testing.TB), env.WorkDir)
	if err != nil {
		return err
	}
	env.Values[townKey{}] = w
	env.Defer(w.leave)
	if own, err := os.ReadFile(w.path("rules.yaml")); err == nil {
		w.rules = string(own)
	}
	for key, value := range map[string]string{
		"LOGIN": w.host.Login, "PATH": filepath.Dir(binary) + ":" + env.Getenv("PATH"),
		"SSH": clientPath("ssh"), "SCP": clientPath("scp"), "PYTHON": python,
		"DB1": w.host.Login + "@db1", "WEB1": w.host.Login + "@web1",
	} {
		env.Setenv(key, value)
	}
	return nil
}

func (w *town) path(elem ...string) string { return filepath.Join(append([]string{w.dir}, elem...)...) }

// leave ends what the script started and looks whether the bastion left
// anything that it should not have.
func (w *town) leave() {
	w.look.close()
	for _, end := range w.screens {
		end()
	}
	for _, j := range w.jobs {
		j.kill()
	}
	if _, err := w.disk.heal(); err != nil {
		w.t.Errorf("disk: %v", err)
	}
	if w.bastion != nil && w.bastion.running() {
		if err := w.bastion.stop(); err != nil {
			w.t.Errorf("the bastion did not stop well: %v", err)
		}
	}
	if err := w.disk.leave(); err != nil {
		w.t.Errorf("disk: %v", err)
	}
	if w.siem != nil {
		if err := w.siem.close(); err != nil {
			w.t.Errorf("siem: %v", err)
		}
	}
	if w.slack != nil {
		if err := w.slack.Close(); err != nil {
			w.t.Errorf("slack: %v", err)
		}
	}
	if w.vault != nil {
		w.vault.close()
	}
	if err := w.host.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		w.t.Errorf("host: %v", err)
	}
	log := w.log()
	events, err := w.events()
	if err != nil {
		w.t.Errorf("audit files: %v", err)
	}
	for _, secret := range w.secrets {
		if strings.Contains(strings.Join(events, ""), secret) {
			w.t.Error("a secret is in the audit chain")
		}
	}
	for _, bad := range append([]string{"panic", "DATA RACE", "PRIVATE KEY"}, w.secrets...) {
		if strings.Contains(log, bad) {
			w.t.Errorf("the bastion's log holds %q", bad)
		}
	}
	if w.t.Failed() {
		for name, j := range w.jobs {
			w.t.Logf("%s saw:\n%s", name, tail(j.output(), 4000))
		}
		w.t.Logf("the bastion's log:\n%s", tail(log, 12000))
		w.t.Logf("the host's log:\n%s", tail(w.host.Log(), 3000))
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "… " + s[len(s)-n:]
	}
	return s
}

// log is everything that bastions of this script wrote to stderr.
func (w *town) log() string {
	data, err := os.ReadFile(w.path("bastion.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(data)
}

// secret keeps a secret in a file for the bastion and gives its path.
func (w *town) secret(name, value string) (string, error) {
	w.secrets = append(w.secrets, value)
	path := w.path(name)
	return path, os.WriteFile(path, []byte(value+"\n"), 0o600)
}

// set sets a key of sallyport.yaml, "slack.mode=http". What is JSON is taken
// as such, all else is text.
func (w *town) set(assignment string) error {
	key, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%s is not KEY=VALUE", assignment)
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		value = text
	}
	w.put(key, value)
	return nil
}

func (w *town) put(key string, value any) {
	in := w.config
	path := strings.Split(key, ".")
	for _, name := range path[:len(path)-1] {
		next, ok := in[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			in[name] = next
		}
		in = next
	}
	in[path[len(path)-1]] = value
}

// sallyport runs the binary's own command line.
func (w *town) sallyport(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"--config", w.path("sallyport.yaml")}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	return cmd
}
