package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// oneEach has every session ask anew.
const oneEach = `rules:
  - name: prod
    who: {groups: [sre]}
    hosts: {names: [db1]}
    logins: [$LOGIN]
    allow: [shell]
    approval: {by: {groups: [leads]}, wait: 2m}
    grant: {default: 1h, sessions: 1}
auditors: {groups: [security]}
`

// steps are what the time between click and prompt goes into; see entry for
// where each ends.
var steps = []string{"received", "decided", "woken", "certificate", "recording", "login", "prompt"}

// BenchmarkClickToPrompt has alice wait at a terminal, bob click in the fake
// Slack, and takes the time from the click to the host's prompt on alice's
// terminal. It reports p50 and p99 of the whole and p50 of each step, in
// milliseconds: docs/performance.md says what they are. -benchtime 200x makes
// it 200 approvals.
func BenchmarkClickToPrompt(b *testing.B) {
	w, err := found(b, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer w.leave()
	w.rules = strings.ReplaceAll(oneEach, "$LOGIN", w.host.Login)
	if err := os.WriteFile(w.path("host", ".profile"), []byte("PS1='ready> '\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := w.configure([]string{"slack.mode=socket"}); err != nil {
		b.Fatal(err)
	}
	if refusal, err := w.start(); err != nil || refusal != "" {
		b.Fatal(refusal, err)
	}
	var entries []entry
	for b.Loop() {
		e, err := w.enter(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		entries = append(entries, e)
	}
	if err := w.bastion.stop(); err != nil { // the audit files are whole then
		b.Fatal(err)
	}
	if err := w.complete(entries); err != nil {
		b.Fatal(err)
	}
	var whole []time.Duration
	parts := make([][]time.Duration, len(steps))
	for _, e := range entries {
		moments := []time.Time{e.clicked, e.received, e.decided, e.woken, e.minted, e.dialed, e.loggedIn, e.prompt}
		whole = append(whole, e.prompt.Sub(e.clicked))
		for i := range steps {
			parts[i] = append(parts[i], moments[i+1].Sub(moments[i]))
		}
	}
	report := func(d time.Duration, unit string) { b.ReportMetric(float64(d.Microseconds())/1000, unit) }
	report(quantile(whole, 50), "ms-p50")
	report(quantile(whole, 99), "ms-p99")
	for i, name := range steps {
		report(quantile(parts[i], 50), fmt.Sprintf("ms-%d-%s", i+1, name))
	}
}

// quantile is the value that percent of the list do not exceed.
func quantile(list []time.Duration, percent int) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[(len(list)*percent+99)/100-1]
}

// entry is how alice came in once, each moment the end of a step.
type entry struct {
	clicked  time.Time
	received time.Time // the bastion has acknowledged it to Slack
	decided  time.Time // it is known whose click it is; the transaction begins
	woken    time.Time // decision committed; the transaction of the session begins
	minted   time.Time // entry committed; the certificate is there, and checked
	dialed   time.Time // recording open and committed; the host sees a connection
	loggedIn time.Time // the host has started the shell
	prompt   time.Time
}

// enter lets alice in once. What only the audit trail knows is left to
// complete.
func (w *town) enter(ctx context.Context) (e entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := w.dial(w.host.Login+"@db1", ssh.PublicKeys(keyOf["alice"].signer))
	if err != nil {
		return e, err
	}
	defer client.Close()
	before := len(w.log())
	prompt, err := shell(client)
	if err != nil {
		return e, err
	}
	card, err := w.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
		_, ok := m.Element("approve")
		return ok
	})
	if err != nil {
		return e, err
	}
	e.clicked = time.Now()
	if _, err := w.slack.Click(ctx, w.person("bob").slack, channel, card.TS, "approve"); err != nil {
		return e, err
	}
	select {
	case p := <-prompt:
		if p.err != nil {
			return e, p.err
		}
		e.prompt = p.at
	case <-ctx.Done():
		return e, ctx.Err()
	}
	acks := w.slack.Acks()
	e.received, e.dialed = acks[len(acks)-1].At, w.host.Latest()
	e.loggedIn, err = startLogged(w.log()[before:])
	return e, err
}

// arrival is when the prompt was there, or why it never was.
type arrival struct {
	at  time.Time
	err error
}

// shell asks for a shell on a terminal and tells of the host's prompt.
func shell(client *ssh.Client) (<-chan arrival, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
		return nil, err
	}
	if err := session.Setenv("SALLYPORT_REASON", "to see the prompt"); err != nil {
		return nil, err
	}
	prompt := make(chan arrival, 1)
	go func() {
		err := session.Shell() // the host answers, so once she is in
		if err == nil {
			err = readUntil(out, "ready> ")
		}
		prompt <- arrival{time.Now(), err}
	}()
	return prompt, nil
}

// readUntil reads until mark has come.
func readUntil(r io.Reader, mark string) error {
	var seen []byte
	piece := make([]byte, 4096)
	for !strings.Contains(string(seen), mark) {
		n, err := r.Read(piece)
		if err != nil || len(seen) > 1<<16 {
			return fmt.Errorf("no prompt: %w, after %q", err, seen)
		}
		seen = append(seen, piece[:n]...)
	}
	return nil
}

// complete adds what the audit trail has of the entries, in their order.
func (w *town) complete(entries []entry) error {
	lines, err := w.events()
	if err != nil {
		return err
	}
	at := map[audit.Kind][]time.Time{}
	for _, line := range lines {
		row, err := audit.ParseLine([]byte(line))
		if err != nil {
			return err
		}
		event, err := row.Event()
		if err != nil {
			return err
		}
		at[event.Kind] = append(at[event.Kind], event.Time)
	}
	for _, kind := range []audit.Kind{audit.RequestApproved, audit.GrantActivated, audit.CertificateIssued} {
		if len(at[kind]) != len(entries) {
			return fmt.Errorf("%d events %s, want %d", len(at[kind]), kind, len(entries))
		}
	}
	for i := range entries {
		entries[i].decided, entries[i].woken, entries[i].minted = at[audit.RequestApproved][i], at[audit.GrantActivated][i], at[audit.CertificateIssued][i]
	}
	return nil
}

var started = regexp.MustCompile(`time=(\S+) level=INFO msg="session started"`)

// startLogged is when the host started the shell, as the bastion's log has it.
func startLogged(log string) (time.Time, error) {
	m := started.FindStringSubmatch(log)
	if m == nil {
		return time.Time{}, errors.New("the log does not say that a session started")
	}
	return time.Parse(time.RFC3339Nano, m[1])
}
