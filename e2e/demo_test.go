package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDemo starts the demo and does what it says on the screen: alice waits,
// bob clicks on the page, she is let in, and carol sees her session.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	commands := regexp.MustCompile(`ssh -F \S+ `).FindString(d.text)
	page := regexp.MustCompile(`http://\S+\?as=bob`).FindString(d.text)
	if commands == "" || page == "" {
		t.Fatalf("the demo does not say what to type:\n%s", d.text)
	}
	config := strings.Fields(commands)[2]

	alice := exec.Command("ssh", "-tt", "-F", config, "root@db1@bastion")
	alice.Env = append(alice.Environ(), "TERM=xterm")
	j, err := startJob(alice, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.kill)
	sees := func(what string) {
		t.Helper()
		until(t, "alice sees "+what, func() bool { return strings.Contains(j.output(), what) }, j.output)
	}
	types := func(text string) {
		t.Helper()
		if _, err := io.WriteString(j.terminal, text); err != nil {
			t.Fatal(err)
		}
	}
	sees("Reason: ")
	types("INC-1\r")
	sees("waiting for approval")
	clicked := time.Now()
	clickPage(t, page, "approve")
	sees("approved by bob")
	if took := time.Since(clicked); took > 3*time.Second {
		t.Errorf("a click took %v to let her in", took)
	}
	until(t, "a prompt", func() bool { return regexp.MustCompile(`[$#>] $`).MatchString(j.output()) }, j.output)
	types("echo $((6 * 7)) is it; exit 5\r")
	if !j.end(patience) || j.status() != 5 {
		t.Fatalf("alice's ssh ended with %d:\n%s", j.status(), j.output())
	}
	sees("42 is it")

	out, err := exec.Command("ssh", "-F", config, "carol", "sessions", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var sessions []struct {
		Person, Host, State, Kind string
		Approvers                 []string
	}
	if err := json.Unmarshal(out, &sessions); err != nil || len(sessions) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if s := sessions[0]; s.Person != "alice" || s.Host != "db1" || s.State != "sealed" || s.Kind != "shell" || len(s.Approvers) != 1 || s.Approvers[0] != "bob" {
		t.Errorf("%s", out)
	}
}

// demo is a running demo and what it printed before anything happened.
type demo struct{ text string }

func startDemo(t *testing.T) demo {
	t.Helper()
	cmd := exec.Command(binary, "demo", "--dir", t.TempDir(), "--ssh", "127.0.0.1:0", "--http", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // says where it hangs
	defer timer.Stop()
	r := bufio.NewReader(stdout)
	var text strings.Builder
	for !strings.Contains(text.String(), "What happens") {
		line, err := r.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			_ = cmd.Wait() // its stderr says why
			t.Fatalf("the demo ended:\n%s\n%s", text.String(), stderr.String())
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the demo took %v to start", took)
	}
	narrated := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(r) // until it ends
		narrated <- string(rest)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		hung := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
		rest := <-narrated
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo did not end well: %v", err)
		}
		hung.Stop()
		for _, bad := range []string{"panic", "DATA RACE"} {
			if strings.Contains(stderr.String(), bad) {
				t.Errorf("the demo's stderr holds %q", bad)
			}
		}
		for _, told := range []string{"alice", "bob", "db1"} {
			if !strings.Contains(rest, told) {
				t.Errorf("the demo did not tell of %s", told)
			}
		}
		if t.Failed() {
			t.Logf("the demo told:\n%s\n%s", rest, tail(stderr.String(), 8000))
		}
	})
	return demo{text.String()}
}

// clickPage presses a button on the page that stands in for Slack, as its own
// script does.
func clickPage(t *testing.T, page, action string) {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + u.Host
	token := regexp.MustCompile(`page-token" content="([^"]+)"`).FindStringSubmatch(get(t, page))
	if token == nil {
		t.Fatal("the page has no token")
	}
	var state struct {
		Users    []struct{ ID, Name string }
		Channels []struct {
			ID       string
			Messages []struct {
				TS     string
				Blocks json.RawMessage
			}
		}
	}
	user, at, where := "", "", ""
	until(t, "a card", func() bool {
		if err := json.Unmarshal([]byte(get(t, base+"/page/state?user="+user)), &state); err != nil {
			t.Fatal(err)
		}
		for _, p := range state.Users {
			if p.Name == "bob" {
				user = p.ID
			}
		}
		for _, c := range state.Channels {
			for _, m := range c.Messages {
				if bytes.Contains(m.Blocks, []byte(`"`+action+`"`)) {
					at, where = m.TS, c.ID
				}
			}
		}
		return at != ""
	}, func() string { return fmt.Sprint(state) })
	body, err := json.Marshal(map[string]string{"user": user, "channel": where, "ts": at, "action": action})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, base+"/page/click", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {base}, "X-Page-Token": {token[1]}}
	if answer := do(t, req); !strings.Contains(answer, `"ok":true`) {
		t.Fatalf("the click: %s", answer)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// until is await for Go tests.
func until(t *testing.T, what string, so func() bool, seen func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("%s: not after %v:\n%s", what, patience, seen())
		}
	}
}
