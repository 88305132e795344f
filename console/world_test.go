package console_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// key makes a public key that is the same in each run.
func key(t testing.TB, seed byte) ssh.PublicKey {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return public
}

const accessFile = `
people:
  - {name: alice, email: alice@example.com, groups: [sre], keys: ["KEY1"]}
  - {name: bob, groups: [sre-leads], keys: ["KEY2"]}
  - {name: carol, groups: [security], keys: ["KEY3"]}
  - {name: dave, groups: [platform], keys: ["KEY4"]}
  - {name: eve, keys: ["KEY5"]}
hosts:
  - name: db1
    address: 10.0.0.11:22
    aliases: [db1.example.com]
    labels: {env: prod, role: db}
    logins: [root, postgres]
    host_keys: ["KEY9"]
  - {name: web1, address: "10.0.0.12:22", logins: [deploy], host_keys: ["KEY9"]}
rules:
  - name: prod-elevation
    who: {groups: [sre]}
    hosts: {labels: {env: prod}}
    logins: [root, postgres]
    allow: [shell, exec, sftp]
    approval: {by: {groups: [sre-leads]}}
  - name: web
    who: {groups: [sre]}
    hosts: {names: [web1]}
    logins: [deploy]
    allow: [shell]
auditors: {groups: [security]}
admins: {groups: [platform]}
`

// IDs of the world below.
const (
	pendingID  = "01KAZ4T9V5J8M2N3P4Q5R6S7T1"
	approvedID = "01KAZ4T9V5J8M2N3P4Q5R6S7T2"
	strangeID  = "01KAZ4T9V5J8M2N3P4Q5R6S7T3" // eve's, under a rule that is gone
	grantID    = "01KAZ4T9V5J8M2N3P4Q5R6S7T4"
	liveID     = "01KAZ4T9V5J8M2N3P4Q5R6S7T5"
	sealedID   = "01KAZ4T9V5J8M2N3P4Q5R6S7T6"
	nowhereID  = "01KAZ4T9V5J8M2N3P4Q5R6S7T7"
)

// world is the edge of the console in memory, and a console in it.
type world struct {
	notes []access.Note
	*console.Console
	mu       sync.Mutex
	requests []access.Request
	grants   []access.Grant
	sessions []access.Session
	locks    []access.Lock
	rows     []audit.Row
	events   []audit.Event // recorded by the console
	asked    []string      // what reached the desk
	deskErr  error
	found    access.Found
	searches []access.SearchQuery
	dir      string // of recordings
	// publicKeys is the file of the key that signed them.
	publicKeys string
	log        bytes.Buffer
}

func keyring(t testing.TB) *recorder.Keyring {
	t.Helper()
	keys, err := recorder.LoadKeys(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newWorld(t testing.TB) *world {
	t.Helper()
	text := accessFile
	for i := byte(1); i <= 9; i++ {
		text = strings.ReplaceAll(text, fmt.Sprintf("KEY%d", i), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key(t, i)))))
	}
	p, _, err := policy.Parse("access.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: t.TempDir()}
	target := access.Target{Login: "root", Host: "db1"}
	grant := access.Grant{ID: grantID, RequestID: approvedID, Person: "alice", Target: target, Rule: "prod-elevation",
		Kinds: []access.Kind{access.KindShell}, State: access.GrantActive, For: time.Hour, ReadyAt: now.Add(-time.Hour),
		UseBy: now, StartedAt: now.Add(-40 * time.Minute), NotAfter: now.Add(20 * time.Minute)}
	w.requests = []access.Request{
		{ID: pendingID, Person: "alice", Target: target, Rule: "prod-elevation", For: 90 * time.Minute, Reason: "restore the index",
			State: access.RequestPending, RequestedAt: now.Add(-3 * time.Minute), WaitUntil: now.Add(27 * time.Minute)},
		{ID: approvedID, Person: "alice", Target: target, Rule: "prod-elevation", For: time.Hour, Reason: "OPS-4711",
			State: access.RequestApproved, RequestedAt: now.Add(-2 * time.Hour), DecidedAt: now.Add(-time.Hour), Grant: &grant,
			Decisions: []access.Decision{{Person: "bob", Verdict: access.VerdictApprove, Via: access.ViaSlack, At: now.Add(-time.Hour)}}},
		{ID: strangeID, Person: "eve", Target: target, Rule: "gone", For: time.Hour, State: access.RequestLapsed,
			RequestedAt: now.Add(-72 * time.Hour), DecidedAt: now.Add(-71 * time.Hour)},
	}
	w.grants = []access.Grant{grant}
	zero := 0
	w.sessions = []access.Session{
		{ID: sealedID, ConnectionID: nowhereID, BastionID: "b1", Person: "alice", Target: access.Target{Login: "deploy", Host: "web1"},
			Kind: access.KindExec, Rule: "web", Fingerprint: "SHA256:abc", Source: "192.0.2.1:50000", StartedAt: now.Add(-10 * time.Minute),
			EndedAt: now.Add(-9 * time.Minute), State: access.SessionSealed, ExitStatus: &zero, EndCause: access.EndExit, BytesOut: 12,
			Recording: "2026/11/22/" + sealedID},
		{ID: liveID, ConnectionID: nowhereID, BastionID: "b1", Person: "alice", Target: target, Kind: access.KindShell, Terminal: true,
			Rule: "prod-elevation", RequestID: approvedID, GrantID: grantID, Approvers: []access.PersonName{"bob"}, Fingerprint: "SHA256:abc",
			Source: "192.0.2.1:50000", StartedAt: now.Add(-40 * time.Minute), State: access.SessionLive, Recording: "2026/11/22/" + liveID},
	}
	w.locks = []access.Lock{
		{Subject: access.Subject{Kind: access.SubjectPerson, Name: "eve"}, Reason: "laptop stolen", By: "dave", Via: access.ViaConsole, At: now.Add(-time.Hour)},
		{Subject: access.Subject{Kind: access.SubjectHost, Name: "web1"}, Reason: "being examined", By: "local:0", Via: access.ViaSocket, At: now.Add(-time.Minute)},
	}
	prev := audit.Genesis
	for i, kind := range []audit.Kind{audit.ServerStarted, audit.RequestCreated, audit.RequestApproved} {
		row := audit.Link(int64(i), prev, audit.Encode(audit.Event{Time: now, Bastion: "b1", Kind: kind, Actor: "alice", Person: "alice",
			Host: "db1", Detail: map[string]string{"reason": "a b"}}))
		w.rows, prev = append(w.rows, row), row.Hash
	}
	w.Console = console.New(console.Config{
		Desk: w, Store: w, Policy: policy.NewLive(p), Recordings: w.dir, Trust: func() recorder.Trust { return nil }, Keys: keyring(t),
		Advertise: "bastion.example.com:2222", HostKeys: []ssh.PublicKey{key(t, 7)}, HostCA: key(t, 8), BastionID: "b1",
		Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	return w
}

// result is what a command left.
type result struct {
	out, err string
	exit     int
}

// as runs one command line for a person, or for the socket when who is
// "local".
func (w *world) as(t testing.TB, who, line string, change ...func(*console.Call)) result {
	t.Helper()
	args, err := console.Split(line)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	call := console.Call{Actor: actor(who), Args: args, Stdout: &out, Stderr: &errOut}
	for _, f := range change {
		f(&call)
	}
	exit := w.Run(t.Context(), call)
	return result{out.String(), errOut.String(), exit}
}

func actor(who string) access.Actor {
	if who == "local" {
		return access.Actor{Via: access.ViaSocket, LocalUID: 0}
	}
	return access.Actor{Person: access.PersonName(who), Via: access.ViaConsole, Identity: &access.Identity{
		Person: access.PersonName(who), Fingerprint: "SHA256:abc", KeyType: "ssh-ed25519",
		Uses: []access.KeyUse{access.UseLogin, access.UseDecide}, Source: netip.MustParseAddrPort("192.0.2.1:50000")}}
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

// Search finds what w.found holds.
func (w *world) Search(_ context.Context, q access.SearchQuery) (access.Found, error) {
	w.searches = append(w.searches, q)
	return w.found, nil
}

// The desk: it notes what reaches it.

func (w *world) note(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
	return w.deskErr
}

func (w *world) Ask(_ context.Context, a access.Actor, ask access.Ask) (access.Request, error) {
	return w.requests[0], w.note("ask %s %s %s %q%s", a.Person, ask.Target, ask.For, ask.Reason, map[bool]string{true: " break-glass"}[ask.BreakGlass])
}

func (w *world) Decide(_ context.Context, a access.Actor, word access.Word) (access.Request, error) {
	r := w.requests[0]
	r.State = map[access.Verdict]access.RequestState{access.VerdictApprove: access.RequestApproved, access.VerdictDeny: access.RequestDenied}[word.Verdict]
	if word.For > 0 {
		return r, w.note("%s %s %s %q %s", word.Verdict, a.Person, word.Request, word.Reason, word.For)
	}
	return r, w.note("%s %s %s %q", word.Verdict, a.Person, word.Request, word.Reason)
}

func (w *world) Review(_ context.Context, a access.Actor, id access.RequestID, note string) (access.Request, error) {
	return w.requests[0], w.note("review %s %s %q", a.Person, id, note)
}

func (w *world) Cancel(_ context.Context, a access.Actor, id access.RequestID) error {
	return w.note("cancel %s %s", a.Person, id)
}

func (w *world) Extend(_ context.Context, a access.Actor, id string, d time.Duration, reason string) (access.Request, error) {
	r := w.requests[0]
	r.Extends, r.For = grantID, 30*time.Minute
	if a.Via == access.ViaSocket {
		r.State = access.RequestApproved
	}
	return r, w.note("extend %s %s %s %q", a.Person, id, d, reason)
}

func (w *world) Lock(_ context.Context, a access.Actor, s access.Subject, reason string) error {
	return w.note("lock %s %s %q", a.Person, s, reason)
}

func (w *world) Unlock(_ context.Context, a access.Actor, s access.Subject, reason string) error {
	return w.note("unlock %s %s %q", a.Person, s, reason)
}

func (w *world) Release(_ context.Context, a access.Actor, id access.GrantID) error {
	return w.note("release %s %s", a.Person, id)
}

func (w *world) Revoke(_ context.Context, a access.Actor, id, reason string) error {
	return w.note("revoke %s %s %q", a.Person, id, reason)
}

func (w *world) Kill(_ context.Context, a access.Actor, id access.SessionID, reason string) error {
	return w.note("kill %s %s %q", a.Person, id, reason)
}

func (w *world) Watch(ctx context.Context, a access.Actor, id access.SessionID, _ bool) (*access.Watching, error) {
	if err := w.note("watch %s %s", a.Person, id); err != nil {
		return nil, err
	}
	return &access.Watching{Context: ctx, Shown: func(bool) {}, Leave: func() { _ = w.note("leave %s", id) }}, nil
}

// The store.

func (w *world) Sessions(_ context.Context, q access.SessionQuery) (out []access.Session, _ error) {
	for _, s := range w.sessions {
		if (q.Person == "" || q.Person == s.Person) && (q.Host == "" || q.Host == s.Target.Host) && (q.Kind == "" || q.Kind == s.Kind) &&
			(q.State == "" || q.State == s.State) && !s.StartedAt.Before(q.Since) && (q.Before == "" || s.ID < q.Before) && (q.Limit == 0 || len(out) < q.Limit) {
			out = append(out, s)
		}
	}
	return out, nil
}

func (w *world) Session(_ context.Context, id access.SessionID) (access.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sessions {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Session{}, access.Refuse(access.ReasonNotFound, "there is no such session", "").About(string(id))
}

func (w *world) Request(_ context.Context, id access.RequestID) (access.Request, error) {
	for _, r := range w.requests {
		if r.ID == id {
			return r, nil
		}
	}
	return access.Request{}, access.Refuse(access.ReasonNotFound, "there is no such request", "")
}

func (w *world) Requests(_ context.Context, q access.RequestQuery) (out []access.Request, _ error) {
	for _, r := range w.requests {
		if (q.State == "" || q.State == r.State) && (q.Person == "" || q.Person == r.Person) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) Grants(_ context.Context, q access.GrantQuery) (out []access.Grant, _ error) {
	for _, g := range w.grants {
		if (q.Person == "" || q.Person == g.Person) && (!q.Live || g.State.Live()) {
			out = append(out, g)
		}
	}
	return out, nil
}

func (w *world) Locks(context.Context) ([]access.Lock, error) { return w.locks, nil }

func (w *world) Hold(_ context.Context, h access.Hold) error {
	return w.note("hold %s %s %q", h.By, h.Session, h.Reason)
}

func (w *world) Unhold(_ context.Context, h access.Hold) error {
	return w.note("unhold %s %s %q", h.By, h.Session, h.Reason)
}

func (w *world) Holds(context.Context) ([]access.Hold, error) { return nil, nil }

func (w *world) Audit(_ context.Context, after int64, limit int) ([]audit.Row, error) {
	var out []audit.Row
	for _, r := range w.rows {
		if r.Seq > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) Record(_ context.Context, e audit.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}
