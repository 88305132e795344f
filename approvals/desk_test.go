package approvals_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/store"
)

// Keys of the people below; the fingerprints are what the policy makes of
// them.
var keys = map[string]string{
	"alice":  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
	"alice2": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA",
	"bob":    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
	"carol":  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC",
	"dave":   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD",
	"robot":  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
	"erin":   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF",
	"host":   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYG",
}

// accessFile has a rule of each sort. alice asks; bob, carol and dave may
// approve; robot is bob's; erin is an admin and no approver.
const accessFile = `
people:
  - {name: alice, groups: [sre], keys: ["$alice", "$alice2"]}
  - {name: bob, slack: U0BOB, groups: [sre, leads], keys: ["$bob"]}
  - {name: carol, slack: U0CAROL, groups: [leads], keys: [{key: "$carol", use: [login]}]}
  - {name: dave, groups: [leads], keys: ["$dave"]}
  - {name: robot, owner: bob, groups: [sre], keys: ["$robot"]}
  - {name: erin, groups: [platform], keys: ["$erin"]}
hosts:
  - {name: db1, address: "10.0.0.11:22", aliases: [db], labels: {env: prod}, logins: [root, postgres], host_keys: ["$host"]}
  - {name: web1, address: "10.0.0.12:22", labels: {env: test}, logins: [root], host_keys: ["$host"]}
  - {name: vault1, address: "10.0.0.13:22", labels: {env: vault}, logins: [root], host_keys: ["$host"]}
rules:
  - name: prod
    who: {groups: [sre]}
    hosts: {labels: {env: prod}}
    logins: [root]
    allow: [shell, exec, {local-forward: ["127.0.0.1:5432"]}]
    approval: {by: {groups: [leads]}, wait: 30m}
    grant: {default: 1h, max: 2h, use_within: 20m}
  - name: vault
    who: {groups: [sre]}
    hosts: {names: [vault1]}
    logins: [root]
    allow: [shell]
    approval: {by: {groups: [leads]}, count: 2, reason: {pattern: "INC-[0-9]+"}}
  - name: test
    who: {groups: [sre]}
    hosts: {labels: {env: test}}
    logins: [root]
    allow: [shell, exec]
  - name: no-robots-on-test
    who: {people: [robot]}
    hosts: {labels: {env: test}}
    deny: true
admins: {groups: [platform]}
`

func parse(t testing.TB, file string) *policy.Policy {
	t.Helper()
	var pairs []string
	for _, name := range []string{"alice2", "alice", "bob", "carol", "dave", "robot", "erin", "host"} {
		pairs = append(pairs, "$"+name, keys[name])
	}
	p, _, err := policy.Parse("access.yaml", []byte(strings.NewReplacer(pairs...).Replace(file)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ledger fits the store to the desk, as the binary does.
type ledger struct {
	*store.Store
	w *world
}

func (l ledger) Write(ctx context.Context, f func(approvals.Tx) error) error {
	return l.Store.Write(ctx, func(tx *store.Tx) error {
		if do := l.w.inWrite.Swap(nil); do != nil {
			(*do)()
		}
		if err := f(tx); err != nil {
			return err
		}
		if l.w.full.Load() {
			return errFull
		}
		return nil
	})
}

var errFull = errors.New("database or disk is full")

// onWrite does something once, when the next transaction has begun.
func (w *world) onWrite(do func()) { w.inWrite.Store(&do) }

// world is a desk on a real database, with a clock that is moved by hand and
// nothing that runs by itself.
type world struct {
	*approvals.Desk
	t     testing.TB
	path  string
	store *store.Store
	live  *policy.Live
	first *policy.Policy
	ids   atomic.Int64

	inWrite atomic.Pointer[func()]
	full    atomic.Bool // nothing can be committed

	mu  sync.Mutex
	now time.Time
}

var start = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "sallyport.db"), now: start, first: parse(t, accessFile)}
	w.live = policy.NewLive(w.first)
	w.restart()
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// restart is what a crash and a start do: all that was in memory is gone.
func (w *world) restart() {
	w.t.Helper()
	if w.store != nil {
		if err := w.store.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	if w.store, err = store.Open(context.Background(), store.Config{Path: w.path, BastionID: "bastion-1", Now: w.clock}); err != nil {
		w.t.Fatal(err)
	}
	w.live = policy.NewLive(w.live.Current())
	w.Desk, err = approvals.New(approvals.Config{
		Store: ledger{w.store, w}, Policy: w.live, BastionID: "bastion-1", Now: w.clock, NewID: w.id,
		Log: slog.New(slog.DiscardHandler), Shown: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.tick()
	w.reload(nil)
}

func (w *world) id() string { return fmt.Sprintf("01J%023d", w.ids.Add(1)) }

// tick does what Run does when its timer fires.
func (w *world) tick() {
	w.t.Helper()
	if _, _, err := w.Tick(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// pass moves the clock, and lets end what ends then.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	w.tick()
}

// reload publishes a policy and sweeps, as Run does.
func (w *world) reload(p *policy.Policy) {
	w.t.Helper()
	if p != nil {
		w.live.Publish(p)
	}
	if err := w.Sweep(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// edited is the access file with parts replaced.
func (w *world) edited(oldnew ...string) *policy.Policy {
	w.t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(accessFile, oldnew[i]) {
			w.t.Fatalf("the access file has no %q", oldnew[i])
		}
	}
	return parse(w.t, strings.NewReplacer(oldnew...).Replace(accessFile))
}

// identity is what authentication establishes for a key.
func (w *world) identity(key string) access.Identity {
	w.t.Helper()
	person := access.PersonName(strings.TrimSuffix(key, "2"))
	for _, p := range w.first.People {
		for i, k := range p.Keys {
			if p.Name == person && (i == 1) == strings.HasSuffix(key, "2") {
				return access.Identity{Person: person, Fingerprint: k.Fingerprint, Uses: k.Use, At: w.clock(),
					Source: netip.MustParseAddrPort("192.0.2.7:50000")}
			}
		}
	}
	w.t.Fatalf("no key %s", key)
	return access.Identity{}
}

// by is a person at the console.
func (w *world) by(key string) access.Actor {
	id := w.identity(key)
	return access.Actor{Person: id.Person, Via: access.ViaConsole, Identity: &id}
}

var local = access.Actor{Via: access.ViaSocket, LocalUID: 0}

// target reads LOGIN@HOST.
func target(s string) access.Target {
	t, err := access.ParseTarget(s)
	if err != nil {
		panic(err)
	}
	return t
}

// visit is a session that somebody tries to open.
type visit struct {
	w    *world
	id   access.SessionID
	end  context.CancelCauseFunc
	told chan access.Waiting
	done chan struct{}
	pass *access.Pass // after done
	err  error
}

// open begins to open a session and does not wait for the outcome. edit may
// change the application.
func (w *world) open(key, to string, kind access.Kind, edit ...func(*access.Application)) *visit {
	ctx, end := context.WithCancelCause(context.Background())
	v := &visit{w: w, end: end, told: make(chan access.Waiting, 100), done: make(chan struct{})}
	a := access.Application{
		Session: access.SessionID(w.id()), Connection: access.ConnectionID(w.id()), Identity: w.identity(key),
		Target: target(to), Kind: kind, Reason: "INC-1", Tell: func(s access.Waiting) { v.told <- s },
	}
	for _, f := range edit {
		f(&a)
	}
	v.id = a.Session
	go func() {
		defer close(v.done)
		v.pass, v.err = w.Admit(ctx, a)
	}()
	w.t.Cleanup(func() { end(nil); <-v.done })
	return v
}

// patience is how long a test waits for what must happen at once.
const patience = 10 * time.Second

// waits awaits the next news of the wait.
func (v *visit) waits() access.Waiting {
	v.w.t.Helper()
	select {
	case s := <-v.told:
		return s
	case <-v.done:
		v.w.t.Fatalf("it did not wait: pass %v, error %v", v.pass != nil, v.err)
	case <-time.After(patience):
		v.w.t.Fatal("no news of the wait")
	}
	return access.Waiting{}
}

// admitted awaits the pass.
func (v *visit) admitted() *access.Pass {
	v.w.t.Helper()
	v.over()
	if v.err != nil {
		v.w.t.Fatalf("not admitted: %v", v.err)
	}
	return v.pass
}

// refused awaits the refusal and checks its reason.
func (v *visit) refused(want access.Reason) *access.Error {
	v.w.t.Helper()
	v.over()
	return v.w.refusal(v.err, want)
}

func (v *visit) over() {
	v.w.t.Helper()
	select {
	case <-v.done:
	case <-time.After(patience):
		v.w.t.Fatal("it still waits")
	}
}

// refusal checks that err is a refusal for that reason.
func (w *world) refusal(err error, want access.Reason) *access.Error {
	w.t.Helper()
	if err == nil {
		w.t.Fatalf("it went through; want %s", want)
	}
	e := access.AsError(err)
	if e.Reason != want || e.Class != access.Refused {
		w.t.Fatalf("got %s %s (%v), want %s", e.Class, e.Reason, err, want)
	}
	if e.Why == "" || strings.HasSuffix(e.Why, ".") {
		w.t.Errorf("no clear line: %q", e.Line())
	}
	return e
}

func (w *world) request(id access.RequestID) access.Request {
	w.t.Helper()
	r, err := w.store.Request(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// state checks where a request stands.
func (w *world) state(id access.RequestID, want access.RequestState) access.Request {
	w.t.Helper()
	r := w.request(id)
	if r.State != want {
		w.t.Fatalf("the request is %s, want %s", r.State, want)
	}
	return r
}

func (w *world) approve(key string, id access.RequestID) access.Request {
	w.t.Helper()
	r, err := w.Decide(context.Background(), w.by(key), access.Word{Request: id, Verdict: access.VerdictApprove})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// ended checks that a session's life is over and why.
func (w *world) ended(p *access.Pass, want access.Reason) *access.Error {
	w.t.Helper()
	select {
	case <-p.Context.Done():
	case <-time.After(patience):
		w.t.Fatalf("the session lives on; want %s", want)
	}
	return w.refusal(context.Cause(p.Context), want)
}

func (w *world) alive(p *access.Pass) {
	w.t.Helper()
	if p.Context.Err() != nil {
		w.t.Fatalf("the session ended: %v", context.Cause(p.Context))
	}
}

// events counts the events of a kind, and checks the chain.
func (w *world) events(kind audit.Kind) []audit.Event {
	w.t.Helper()
	if _, _, err := w.store.VerifyAudit(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	var list []audit.Event
	after := int64(0)
	for {
		rows, err := w.store.Audit(context.Background(), after, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(rows) == 0 {
			return list
		}
		for _, r := range rows {
			e, err := r.Event()
			if err != nil {
				w.t.Fatal(err)
			}
			if e.Kind == kind {
				list = append(list, e)
			}
			after = r.Seq
		}
	}
}
