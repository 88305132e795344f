package tui_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// start is when everything in these tests happens.
var start = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// world is a small bastion's memory: the edge of this package, whose real
// implementations are floor 3 themselves.
type world struct {
	mu       sync.Mutex
	dir      string
	sessions []access.Session // newest first
	requests []access.Request
	grants   []access.Grant
	rights   []tui.Right
	did      []string     // what the desk was told
	log      *slog.Logger // nil for none
	fails    error        // what the desk answers
}

func id(n int) string { return fmt.Sprintf("01KKPVRC%018d", n) }

func (w *world) Sessions(_ context.Context, q access.SessionQuery) ([]access.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []access.Session
	for _, s := range w.sessions {
		if q.Has(s) && (q.Before == "" || s.ID < q.Before) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, q.Compare)
	out = out[min(q.Skip, len(out)):]
	return out[:min(cmp.Or(q.Limit, 1000), len(out))], nil
}

func (w *world) Session(_ context.Context, id access.SessionID) (access.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sessions {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Session{}, access.Refuse(access.ReasonNotFound, "there is no such session", "")
}

func (w *world) Requests(_ context.Context, q access.RequestQuery) ([]access.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []access.Request
	for _, r := range w.requests {
		if (q.State == "" || q.State == r.State) && (q.Person == "" || q.Person == r.Person) && (!q.Owed || r.Owed()) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) Request(_ context.Context, id access.RequestID) (access.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.ID == id {
			return r, nil
		}
	}
	return access.Request{}, access.Refuse(access.ReasonNotFound, "there is no such request", "")
}

func (w *world) Grants(_ context.Context, q access.GrantQuery) ([]access.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []access.Grant
	for _, g := range w.grants {
		if q.Person == "" || q.Person == g.Person {
			out = append(out, g)
		}
	}
	return out, nil
}

func (w *world) Decide(_ context.Context, by access.Actor, word access.Word) (access.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	length := ""
	if word.For > 0 {
		length = fmt.Sprintf(" for %v", word.For)
	}
	w.did = append(w.did, fmt.Sprintf("%s %s %s%s: %s", by.Person, word.Verdict, word.Request, length, word.Reason))
	if w.fails != nil {
		return access.Request{}, w.fails
	}
	for i := range w.requests {
		if r := &w.requests[i]; r.ID == word.Request {
			r.State = access.RequestApproved
			if word.Verdict == access.VerdictDeny {
				r.State = access.RequestDenied
			}
			return *r, nil
		}
	}
	return access.Request{}, access.Refuse(access.ReasonNotFound, "there is no such request", "")
}

// notice tells of a request what the desk would.
func (w *world) notice(ctx context.Context, id access.RequestID) (access.Notice, error) {
	r, err := w.Request(ctx, id)
	return access.Notice{
		Request: r, Host: access.Host{Name: r.Target.Host, Labels: map[string]string{"env": "prod", "role": "db"}}, Missing: 2,
		Asked: []access.Person{{Name: "dan"}, {Name: "bob"}, {Name: "carol"}},
		Risks: []access.Risk{{Signal: access.RiskFirstTime, Text: "first time on " + r.Target.Host, Raised: true},
			{Signal: access.RiskAddress, Text: "new address 10.1.2.3", Raised: true}, {Signal: access.RiskFrequency, Text: "asked 3 times in the last 30 days"}},
	}, err
}

func (w *world) note(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, fmt.Sprintf(format, args...))
	return w.fails
}

func (w *world) Ask(_ context.Context, by access.Actor, a access.Ask) (access.Request, error) {
	return access.Request{ID: "R9", Target: a.Target}, w.note("%s ask %s %v: %s", by.Person, a.Target, a.For, a.Reason)
}

func (w *world) Extend(_ context.Context, by access.Actor, id string, length time.Duration, reason string) (access.Request, error) {
	return access.Request{ID: "R10", Target: access.Target{Login: "root", Host: "web3"}}, w.note("%s extend %s %v: %s", by.Person, id, length, reason)
}

func (w *world) Cancel(_ context.Context, by access.Actor, id access.RequestID) error {
	return w.note("%s cancel %s", by.Person, id)
}

func (w *world) Release(_ context.Context, by access.Actor, id access.GrantID) error {
	return w.note("%s release %s", by.Person, id)
}

func (w *world) Review(_ context.Context, by access.Actor, id access.RequestID, note string) (access.Request, error) {
	err := w.note("%s review %s: %s", by.Person, id, note)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.requests {
		if r := &w.requests[i]; r.ID == id {
			r.Review = access.Review{By: by.Person, Note: note, At: start}
			return *r, err
		}
	}
	return access.Request{}, err
}

func (w *world) Kill(_ context.Context, by access.Actor, id access.SessionID, reason string) error {
	return w.note("%s kill %s: %s", by.Person, id, reason)
}

func (w *world) done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.did)
}

func (w *world) open(_ context.Context, s access.Session) (tui.Recording, error) {
	return tui.OpenFolder(filepath.Join(w.dir, s.Recording))
}

// config is a carol who is all there is to be.
func (w *world) config() tui.Config {
	return tui.Config{
		Actor:    access.Actor{Person: "carol", Via: access.ViaConsole},
		Roles:    tui.Roles{Auditor: true, Approver: true},
		Sessions: w, Requests: w, Grants: w, Desk: w, Open: w.open,
		Notice: w.notice,
		Trail: func(_ context.Context, s access.Session) (tui.Trail, error) {
			return tui.ReadTrail(filepath.Join(w.dir, s.Recording))
		},
		Rights:  func(context.Context) ([]tui.Right, error) { return w.rights, nil },
		Connect: func(context.Context, access.Trip, tui.Lent) access.Return { return access.Return{} },
		Log:     w.log, Now: func() time.Time { return start },
	}
}

// newWorld has a session of each sort, with recordings in dir.
func newWorld(dir string) (*world, error) {
	w := &world{dir: dir}
	shell := access.Session{
		ID: access.SessionID(id(40)), Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Terminal: true,
		Rule: "prod-elevation", RequestID: access.RequestID(id(7)), GrantID: access.GrantID(id(8)), Approvers: []access.PersonName{"bob"},
		Fingerprint: "SHA256:5tT5Vt3TFCaOO8UCpYAiJhHjXkqTgkgbv1pnXv0S2sE", Source: "10.1.2.3:50022", StartedAt: start.Add(-26 * time.Minute),
		EndedAt: start.Add(-24 * time.Minute), State: access.SessionSealed, EndCause: access.EndExit, ExitStatus: status(0), BytesOut: 48213, BytesIn: 412,
		Recording: "shell", Certificate: access.Certificate{Serial: 8123471203, KeyID: "sallyport:alice:root@db1", CAFingerprint: "SHA256:tYp0", VaultRequestID: "3f1b"},
	}
	live := shell
	live.ID, live.Person, live.Target = access.SessionID(id(50)), "dave", access.Target{Login: "postgres", Host: "db2"}
	live.RequestID, live.StartedAt, live.EndedAt, live.State = "", start.Add(-90*time.Second), time.Time{}, access.SessionLive
	live.EndCause, live.ExitStatus, live.Approvers, live.Recording, live.Rule = "", nil, nil, "live", "staging-standing"
	exec := shell
	exec.ID, exec.Kind, exec.Terminal, exec.Command = access.SessionID(id(30)), access.KindExec, false, "make deploy VERSION=1.4.2"
	exec.StartedAt, exec.EndedAt = start.Add(-2*time.Hour), start.Add(-2*time.Hour+40*time.Second)
	exec.ExitStatus, exec.Recording = status(2), "exec"
	hostile := shell
	hostile.ID, hostile.Person, hostile.Recording, hostile.EndCause, hostile.ExitStatus = access.SessionID(id(20)), "mallory", "hostile", string(access.ReasonKilled), nil
	hostile.EndDetail = "bob: looked wrong"
	hostile.StartedAt, hostile.EndedAt = start.Add(-30*time.Hour), start.Add(-30*time.Hour+9*time.Minute)
	w.sessions = []access.Session{live, shell, exec, hostile}
	for i := range 16 {
		s := shell
		s.ID = access.SessionID(id(19 - i))
		s.Person = []access.PersonName{"alice", "dave", "erin"}[i%3]
		s.Target.Host = []string{"db1", "web3", "ci-runner-17.build.example.com"}[i%3]
		s.Kind = []access.Kind{access.KindShell, access.KindSFTP, access.KindExec, access.KindForward}[i%4]
		s.StartedAt = start.Add(-time.Duration(50+17*i) * time.Hour)
		s.EndedAt = s.StartedAt.Add(time.Duration(i*i*13+4) * time.Second)
		if i%5 == 3 {
			s.State, s.EndCause, s.ExitStatus = access.SessionRecovered, access.EndCrash, nil
		}
		w.sessions = append(w.sessions, s)
	}
	w.requests = []access.Request{
		{ID: access.RequestID(id(61)), Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Kinds: []access.Kind{access.KindShell, access.KindExec, access.KindSFTP},
			Kind: access.KindShell, Reason: "INC-4711: replication is stuck on the replica", For: time.Hour, Rule: "prod-elevation", Source: "10.1.2.3:50022",
			State: access.RequestPending, RequestedAt: start.Add(-95 * time.Second), WaitUntil: start.Add(28*time.Minute + 25*time.Second)},
		{ID: access.RequestID(id(60)), Person: "erin", Target: access.Target{Login: "deploy", Host: "web3"}, Kinds: []access.Kind{access.KindExec},
			Kind: access.KindExec, Command: "systemctl restart web", Reason: "certificate\x1b]52;c;aGk=\a rollover", For: 30 * time.Minute, Rule: "web-deploy", Source: "10.1.2.9:41000",
			State: access.RequestPending, RequestedAt: start.Add(-27 * time.Minute), WaitUntil: start.Add(3 * time.Minute)},
		{ID: access.RequestID(id(52)), Person: "carol", Target: access.Target{Login: "root", Host: "db2"}, Rule: "prod-elevation", Reason: "quarterly check", For: time.Hour,
			State: access.RequestPending, RequestedAt: start.Add(-4 * time.Minute), WaitUntil: start.Add(26 * time.Minute)},
		{ID: access.RequestID(id(51)), Person: "carol", Target: access.Target{Login: "root", Host: "web3"}, Rule: "web-root", Reason: "audit of the sudoers file", For: time.Hour,
			State: access.RequestApproved, RequestedAt: start.Add(-50 * time.Minute), Decisions: []access.Decision{{Person: "bob", Verdict: access.VerdictApprove}}},
		{ID: access.RequestID(id(49)), Person: "carol", Target: access.Target{Login: "postgres", Host: "db1"}, Rule: "prod-elevation", Reason: "count the orders of March", For: 2 * time.Hour,
			State: access.RequestDenied, RequestedAt: start.Add(-3 * time.Hour), Decisions: []access.Decision{{Person: "erin", Verdict: access.VerdictDeny,
				Reason: "not during the freeze; the replica has the same rows", At: start.Add(-3*time.Hour + 4*time.Minute)}}},
		{ID: access.RequestID(id(7)), Person: "alice", Target: shell.Target, Reason: "INC-4702: vacuum is not finishing", For: time.Hour, State: access.RequestApproved,
			Decisions: []access.Decision{{Person: "bob", Verdict: access.VerdictApprove, Reason: "go ahead, I am watching", Via: access.ViaSlack, At: start}}},
	}
	w.grants = []access.Grant{{ID: access.GrantID(id(53)), RequestID: access.RequestID(id(51)), Person: "carol", Target: access.Target{Login: "root", Host: "web3"},
		State: access.GrantActive, For: time.Hour, NotAfter: start.Add(22*time.Minute + 10*time.Second)}}
	all := []access.Capability{access.MayShell, access.MayExec, access.MaySFTP}
	prod, web := map[string]string{"env": "prod", "role": "db"}, map[string]string{"env": "staging"}
	w.rights = []tui.Right{
		{Target: access.Target{Login: "root", Host: "db1"}, Rule: "prod-elevation", Labels: prod, Approve: "bob, erin", May: all},
		{Target: access.Target{Login: "postgres", Host: "db1"}, Rule: "prod-elevation", Labels: prod, Approve: "bob, erin", May: all},
		{Target: access.Target{Login: "root", Host: "db2"}, Rule: "prod-elevation", Labels: prod, Approve: "bob, erin", May: all},
		{Target: access.Target{Login: "deploy", Host: "web3"}, Rule: "staging", Labels: web, Aliases: []string{"web3.example.com"}, Standing: true, May: all},
		{Target: access.Target{Login: "root", Host: "web3"}, Rule: "web-root", Labels: web, Aliases: []string{"web3.example.com"}, Approve: "bob", May: all},
		{Target: access.Target{Login: "files", Host: "backup"}, Rule: "backups", Standing: true, May: []access.Capability{access.MaySFTP}},
		{Target: access.Target{Login: "root", Host: "vault1"}, Rule: "crown-jewels", Approve: "bob", May: all, Elsewhere: true},
	}
	for name, cast := range map[string]*cast{"shell": shellCast(), "live": liveCast(), "exec": execCast(), "hostile": hostileCast()} {
		if err := cast.save(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func testWorld(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func status(n int) *int { return &n }

// cast writes an asciicast.
type cast struct {
	header map[string]any
	lines  []string
	at     time.Duration
}

func newCast(cols, rows int, terminal bool) *cast {
	return &cast{header: map[string]any{"version": 2, "width": cols, "height": rows, "timestamp": start.Unix(),
		"sallyport": map[string]any{"terminal": terminal}}}
}

func (c *cast) event(after time.Duration, code, data string) {
	c.at += after
	text, _ := json.Marshal(data) // a string always encodes
	c.lines = append(c.lines, fmt.Sprintf("[%.6f, %q, %s]", c.at.Seconds(), code, text))
}

func (c *cast) out(after time.Duration, data string) { c.event(after, "o", data) }

func (c *cast) typed(prompt, text string) {
	c.out(400*time.Millisecond, prompt)
	for _, r := range text {
		c.out(90*time.Millisecond, string(r))
	}
	c.out(200*time.Millisecond, "\r\n")
}

func (c *cast) save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	head, err := json.Marshal(c.header)
	if err != nil {
		return err
	}
	text := string(head) + "\n" + strings.Join(c.lines, "\n") + "\n"
	return os.WriteFile(filepath.Join(dir, "session.cast"), []byte(text), 0o600)
}

const prompt = "\x1b[1;32mroot@db1\x1b[m:\x1b[1;34m~\x1b[m# "

// shellCast is a person at a shell who looks at a log, waits, and edits.
func shellCast() *cast {
	c := newCast(80, 24, true)
	c.out(0, "\x1b]0;root@db1: ~\a")
	c.typed(prompt, "psql -c 'select * from pg_stat_activity'")
	for i := range 12 {
		c.out(30*time.Millisecond, fmt.Sprintf(" %5d │ \x1b[3%dmactive\x1b[m │ vacuum analyze orders_%02d │ 日本語\r\n", 4000+i*17, i%7+1, i))
	}
	c.event(time.Second, "m", "grant ends in 5 minutes")
	c.out(20*time.Second, "\r\n")
	c.typed(prompt, "vi /etc/postgresql/postgresql.conf")
	c.event(100*time.Millisecond, "r", "100x30")
	c.out(10*time.Millisecond, "\x1b[?1049h\x1b[H\x1b[2J\x1b[1;1H\x1b[36m# autovacuum\x1b[m\r\nautovacuum = \x1b[31moff\x1b[m\r\n"+strings.Repeat("\x1b[34m~\x1b[m\r\n", 26)+"\x1b[30;1H\x1b[7m postgresql.conf \x1b[m 2,14  All")
	c.out(2*time.Second, "\x1b[2;14H\x1b[K\x1b[32mon\x1b[m")
	c.out(2*time.Second, "\x1b[?1049l")
	c.event(100*time.Millisecond, "r", "80x24")
	c.typed(prompt, "DROP TABLE scratch;")
	c.typed(prompt, "exit")
	return c
}

func liveCast() *cast {
	c := newCast(80, 24, true)
	c.typed("postgres@db2:~$ ", "tail -f /var/log/postgresql.log")
	for i := range 40 {
		c.out(time.Second, fmt.Sprintf("2026-03-14 15:08:%02d UTC [4711] LOG:  checkpoint %d complete\r\n", i, i))
	}
	return c
}

func execCast() *cast {
	c := newCast(80, 24, false)
	c.out(time.Second, "building 1.4.2\nuploading\n")
	c.out(3*time.Second, "restarting web1 … done\nrestarting web2 … ")
	c.out(5*time.Second, "failed\nmake: *** [Makefile:12: deploy] Error 2\n")
	return c
}

// hostileCast tries whatever a terminal might act on.
func hostileCast() *cast {
	c := newCast(80, 24, true)
	for _, s := range hostileBytes {
		c.out(100*time.Millisecond, "before "+s+" after\r\n")
	}
	c.event(100*time.Millisecond, "m", "marker \x1b]52;c;bWFya2Vy\a\u202egnp.exe")
	c.event(100*time.Millisecond, "r", "99999x99999")
	c.event(100*time.Millisecond, "r", "-1x\x1b[6n")
	c.event(100*time.Millisecond, "r", "80x24")
	c.out(100*time.Millisecond, "quiet\r\n")
	return c
}

// hostileBytes all hold the word EVIL where a terminal would take it in.
var hostileBytes = []string{
	"\x1b]52;c;RVZJTEVWSUw=\a", "\x1b]52;c;RVZJTEVWSUw=\x1b\\", "\u009d52;c;RVZJTEVWSUw=\u009c",
	"\x1b]0;EVILTITLE\u202e\a", "\x1b]2;EVIL\nTITLE\x1b\\", "\x1bkEVILTMUX\x1b\\", "\x1b]8;;http://EVIL.example/\aclick\x1b]8;;\a",
	"\x1bP+q544e\x1b\\", "\x1bPtmux;\x1b\x1b]52;c;RVZJTA==\a\x1b\\", "\x1b_EVILAPC\x1b\\", "\x1b^EVILPM\x1b\\", "\x1bXEVILSOS\x1b\\",
	"\x1b[6n\x1b[c\x1b[>c\x1b[5n\x1b[21t\x1b[20t", "\x1b[?2004h\x1b[?1000h\x1b[?1004h\x1b[?9001h", "\x1b[200~EVILPASTE\x1b[201~",
	"\x1b]4;1;rgb:ff/00/00\a\x1b]10;?\a\x1b]11;?\a", "\x1b]1337;File=inline=1:RVZJTA==\a", "\x1b]777;notify;EVIL;EVIL\a", "\x1b]9;EVIL\a",
	"\x1b_Gf=24,s=1,v=1;AAAA\x1b\\", "\x1b#8", "\x1bc", "\x1b[!p", "\x1b[?1049l", "\x1b[2J\x1b[H", "\x1b[8;200;200t",
	"\u202egnp.exe\u202c\u2066x\u2069", "e\u0301\u0301\u0301\u0301\u0301\u0301", "👨‍👩‍👧‍👦 👍🏽 🇩🇪 \U000e0041", "\u200b\u2028\u2029\ufeff", "\x00\x01\x02\x05\x07\x08\x0e\x0f\x7f", "\u0085\u0090EVIL\u009c",
}
