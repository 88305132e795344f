package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// lookout is carol's connection to the console: an auditor sees everything,
// and asking on one connection is quick.
type lookout struct {
	addr   string
	mu     sync.Mutex
	client *ssh.Client
}

// ask runs a command of the console and decodes its JSON.
func (l *lookout) ask(line string, into any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.addr == "" {
		return errNoBastion
	}
	if l.client == nil {
		// Whose bastion this is does not matter here; known_hosts are the clients'.
		client, err := ssh.Dial("tcp", l.addr, &ssh.ClientConfig{
			User: "carol", Auth: []ssh.AuthMethod{ssh.PublicKeys(keyOf["carol"].signer)},
			HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience,
		})
		if err != nil {
			return err
		}
		l.client = client
	}
	s, err := l.client.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	var stderr bytes.Buffer
	s.Stderr = &stderr
	out, err := s.Output(line)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, stderr.Bytes())
	}
	return json.Unmarshal(out, into)
}

func (l *lookout) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		_ = l.client.Close() // the bastion may have gone first
	}
	l.client, l.addr = nil, ""
}

type seenRequest struct {
	ID, State string
}

// awaitRequest waits until the newest request is in the state, and gives it.
func (w *town) awaitRequest(ts *testscript.TestScript, state string) string {
	var seen []seenRequest
	await(ts, "requested "+state, func() (bool, error) {
		err := w.look.ask("requests --json --all", &seen)
		return err == nil && len(seen) > 0 && seen[0].State == state, err
	})
	ts.Setenv("REQUEST", seen[0].ID)
	return seen[0].ID
}

func cmdRequested(ts *testscript.TestScript, neg bool, args []string) {
	w, state := townOf(ts), "pending"
	if len(args) > 0 {
		state = args[0]
	}
	if neg {
		var seen []seenRequest
		ts.Check(w.look.ask("requests --json --all --state "+state, &seen))
		if len(seen) > 0 {
			ts.Fatalf("%d requests are %s", len(seen), state)
		}
		return
	}
	w.awaitRequest(ts, state)
}

func cmdSession(ts *testscript.TestScript, _ bool, args []string) {
	w, count := townOf(ts), 1
	if len(args) == 2 {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		count = n
	} else if len(args) != 1 {
		ts.Fatalf("usage: session STATE [COUNT]")
	}
	var seen []struct{ ID, Recording string }
	await(ts, "session "+strings.Join(args, " "), func() (bool, error) {
		err := w.look.ask("sessions --json --state "+args[0], &seen)
		return len(seen) == count, err
	})
	if len(seen) == 0 {
		return
	}
	ts.Setenv("SESSION", seen[0].ID)
	recording := w.path("data", "recordings", seen[0].Recording)
	ts.Setenv("RECORDING", recording)
	ts.Setenv("CAST", filepath.Join(recording, "session.cast"))
}

// cmdAudited looks in the files of the audit chain, where an operator would.
func cmdAudited(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: audited KIND [REGEXP]")
	}
	w := townOf(ts)
	var pattern *regexp.Regexp
	if len(args) == 2 {
		pattern = compile(ts, args[1])
	}
	found := func() (bool, error) {
		events, err := w.events()
		for _, e := range events {
			var head struct{ Event struct{ Kind string } }
			if err := json.Unmarshal([]byte(e), &head); err != nil {
				return false, err
			}
			if head.Event.Kind == args[0] && (pattern == nil || pattern.MatchString(e)) {
				return true, nil
			}
		}
		return false, err
	}
	if neg {
		ok, err := found()
		ts.Check(err)
		if ok {
			ts.Fatalf("there is an event %s", strings.Join(args, " "))
		}
		return
	}
	await(ts, "audited "+strings.Join(args, " "), found)
}

// events are the lines of the audit files.
func (w *town) events() ([]string, error) {
	files, err := filepath.Glob(w.path("data", "audit", "*.ndjson"))
	var lines []string
	for _, name := range files {
		data, readErr := os.ReadFile(name)
		err = errors.Join(err, readErr)
		whole := data[:bytes.LastIndexByte(data, '\n')+1] // the last line may be under way
		for line := range strings.Lines(string(whole)) {
			lines = append(lines, line)
		}
	}
	return lines, err
}
