package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport/sallyport/internal/tracetest"
)

// bastion is the running server.
type bastion struct {
	cmd                *exec.Cmd
	ssh, http, metrics string // addresses
	done               chan struct{}
	err                error // of its end, once done
}

// baseConfig is sallyport.yaml unless a script says otherwise.
func baseConfig() map[string]any {
	return map[string]any{
		"data_dir": "./data", "access_file": "./access.yaml",
		"ssh":        map[string]any{"listen": "127.0.0.1:0"},
		"http":       map[string]any{"listen": "127.0.0.1:0", "metrics": "127.0.0.1:0"},
		"ca":         map[string]any{"kind": "local"},
		"recording":  map[string]any{"min_free": "1MiB"},
		"bastion_id": "b1",
	}
}

// configure writes both files of the configuration.
func (w *town) configure(assignments []string) error {
	if w.config == nil {
		w.config = baseConfig()
	}
	for _, a := range assignments {
		if err := w.set(a); err != nil {
			return err
		}
	}
	if err := errors.Join(w.configureSlack(), w.configureVault()); err != nil {
		return err
	}
	text, err := json.MarshalIndent(w.config, "", "  ") // JSON is YAML
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(w.path("sallyport.yaml"), text, 0o600),
		w.writeAccess(w.accessFile()),
	)
}

// start starts the bastion and gives what it printed when it did not become
// ready.
func (w *town) start() (refusal string, err error) {
	if w.bastion != nil && w.bastion.running() {
		return "", errors.New("a bastion runs already")
	}
	before := len(w.log())
	log, err := os.OpenFile(w.path("bastion.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	cmd := w.sallyport("serve")
	if w.fileLimit > 0 { // as good as a full disk
		cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -f %d; exec "$@"`, w.fileLimit), "sh"}, cmd.Args...)
		cmd.Path = clientPath("sh")
	}
	if w.traced {
		tracetest.Wrap(cmd)
	}
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	if err := cmd.Start(); err != nil {
		return "", errors.Join(err, log.Close())
	}
	b := &bastion{cmd: cmd, done: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		defer close(b.done)
		r := bufio.NewReader(stdout)
		line, _ := r.ReadString('\n') // what it did not say is seen below
		ready <- line
		_, _ = io.Copy(io.Discard, r)
		b.err = errors.Join(cmd.Wait(), log.Close())
	}()
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // says where it hangs
	line := <-ready
	timer.Stop()
	if !b.parse(line) {
		<-b.done
		return line + w.log()[before:], nil
	}
	w.bastion = b
	return "", w.settle()
}

// parse reads the line that the server prints when it is ready.
func (b *bastion) parse(line string) bool {
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "ssh":
			b.ssh = value
		case "http":
			b.http = value
		case "metrics":
			b.metrics = value
		}
	}
	return b.ssh != ""
}

// settle makes the rest of the town fit the bastion that has just started.
func (w *town) settle() error {
	w.look.close()
	w.look = &lookout{addr: w.bastion.ssh}
	if w.vault == nil {
		cmd := w.sallyport("ca")
		cmd.Stderr = os.Stderr
		ca, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		if err := w.trust(string(ca)); err != nil {
			return err
		}
	}
	if w.slack != nil && w.config["slack"].(map[string]any)["mode"] == "http" {
		base := "http://" + w.bastion.http + "/slack/"
		if err := w.slack.DeliverTo(base+"interactions", base+"commands"); err != nil {
			return err
		}
	}
	return w.writeClients()
}

// trust makes the host trust a CA for user certificates, and no other.
func (w *town) trust(line string) error {
	return os.WriteFile(w.path("host", "ca.pub"), []byte(strings.TrimSpace(line)+"\n"), 0o600)
}

func (b *bastion) running() bool {
	select {
	case <-b.done:
		return false
	default:
		return true
	}
}

// stop ends it as an operator would.
func (b *bastion) stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-b.done:
		return b.err
	case <-time.After(patience):
		_ = b.cmd.Process.Signal(syscall.SIGQUIT) // says where it hangs
		<-b.done
		return errors.New("it hung")
	}
}

// crash ends it without a chance to tidy up.
func (b *bastion) crash() error {
	err := b.cmd.Process.Kill()
	<-b.done
	return err
}
