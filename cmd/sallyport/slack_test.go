package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/slacktest"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/store"
)

// Faults of Slack, against the whole of what decides: the desk, its database and
// the bot. Whatever goes wrong, exactly one decision counts and the message is
// right in the end.

const accessChannel = "C0ACCESS"

// slackDesk is a bastion as far as Slack sees it.
type slackDesk struct {
	*approvals.Desk
	t     *testing.T
	path  string
	slack *slacktest.Server
	store *store.Store
	bot   *slackbot.Bot
	url   string // of its own HTTP mode, for who wants to deliver there
	stop  func()
}

func slackServer(t *testing.T) *slacktest.Server {
	t.Helper()
	s, err := slacktest.Start(slacktest.Config{
		Users:    []slacktest.User{{ID: "U0ALICE", Name: "alice"}, {ID: "U0BOB", Name: "bob"}, {ID: "U0DAVE", Name: "dave"}, {ID: "U0GUEST", Name: "guest", IsRestricted: true}},
		Channels: []slacktest.Channel{{ID: accessChannel, Name: "access"}}, Commands: []string{"/access"},
		AckWithin: 30 * time.Second, TriggerTTL: time.Minute,
		Scopes: []string{"chat:write", "users:read", "commands", "im:write", "im:history", "channels:history"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// startSlackDesk runs one on a database, until the test ends or its stop is called.
func startSlackDesk(t *testing.T, slack *slacktest.Server, mode slackbot.Mode, path string) *slackDesk {
	t.Helper()
	d := &slackDesk{t: t, path: path, slack: slack}
	key := func(name string) string {
		seed := sha256.Sum256([]byte(name))
		pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed[:]).Public())
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
	}
	p, _, err := policy.Parse("access.yaml", []byte(fmt.Sprintf(`
people:
  - {name: alice, slack: U0ALICE, groups: [sre], keys: [%q]}
  - {name: bob, slack: U0BOB, groups: [leads], keys: [%q]}
  - {name: dave, slack: U0DAVE, groups: [leads], keys: [%q]}
hosts: [{name: db1, address: "10.0.0.11:22", logins: [root], host_keys: [%q]}]
rules:
  - {name: prod, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], approval: {by: {groups: [leads]}, wait: 30m}}
`, key("alice"), key("bob"), key("dave"), key("db1"))))
	if err != nil {
		t.Fatal(err)
	}
	if d.store, err = store.Open(t.Context(), store.Config{Path: path, BastionID: "bastion-1", Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	d.Desk, err = approvals.New(approvals.Config{
		Store: deskStore{d.store}, Policy: policy.NewLive(p), BastionID: "bastion-1", Now: time.Now, NewID: newID, Log: log, Shown: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.bot, err = slackbot.New(slackbot.Config{
		Mode: mode, BotToken: slack.BotToken(), AppToken: slack.AppToken(), SigningSecret: slack.SigningSecret(), Channel: accessChannel,
		APIURL: slack.APIURL(), Desk: d.Desk, Request: d.store.Request, Record: d.store.Record, Now: time.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(d.bot.Handler())
	d.url = web.URL
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	running.Go(func() { _ = d.bot.Run(ctx) }) // nil
	running.Go(func() { d.Deliver(ctx, d.bot) })
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		web.Close()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(d.stop)
	if mode == slackbot.ModeSocket {
		err = slack.WaitSockets(patient(t), 2)
	} else {
		err = slack.DeliverTo(d.url+"/slack/interactions", d.url+"/slack/commands")
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// asks has alice ask, and gives the request.
func (d *slackDesk) asks() access.RequestID {
	d.t.Helper()
	alice := access.Actor{Person: "alice", Via: access.ViaSlack, Slack: "U0ALICE"}
	r, err := d.Ask(d.t.Context(), alice, access.Ask{Target: access.Target{Login: "root", Host: "db1"}, Reason: "INC-1"})
	if err != nil {
		d.t.Fatal(err)
	}
	return r.ID
}

// shows waits for a card of a request that shows something, and gives its place.
func (d *slackDesk) shows(id access.RequestID, text string) slacktest.Message {
	d.t.Helper()
	m, err := d.slack.WaitMessage(patient(d.t), accessChannel, func(m slacktest.Message) bool {
		return cardOf(m, id) && strings.Contains(m.Shown(), text)
	})
	if err != nil {
		for _, m := range d.slack.Messages(accessChannel) {
			d.t.Logf("there is, to %q:\n%s", m.EphemeralTo, m.Shown())
		}
		d.t.Fatalf("no card shows %q: %v", text, err)
	}
	return m
}

func cardOf(m slacktest.Message, id access.RequestID) bool {
	return strings.Contains(string(m.Metadata), "sallyport_request") && strings.Contains(string(m.Metadata), string(id))
}

// cards counts the messages of a request.
func (d *slackDesk) cards(id access.RequestID) (n int) {
	for _, m := range d.slack.Messages(accessChannel) {
		if cardOf(m, id) {
			n++
		}
	}
	return n
}

// click presses a button, whether or not Slack hears of it.
func (d *slackDesk) click(user, ts, action string) {
	d.t.Helper()
	if _, err := d.slack.Click(patient(d.t), user, accessChannel, ts, action); err != nil {
		d.t.Fatal(err)
	}
}

// approvedOnce checks the state that everything comes down to.
func (d *slackDesk) approvedOnce(id access.RequestID, by access.PersonName) {
	d.t.Helper()
	d.shows(id, "Approved by "+string(by))
	r, err := d.store.Request(d.t.Context(), id)
	if err != nil || r.State != access.RequestApproved || len(r.Decisions) != 1 || r.Decisions[0].Person != by {
		d.t.Errorf("request %+v, %v", r, err)
	}
	if events := d.approvals(id); events != 1 {
		d.t.Errorf("%d approvals in the audit chain", events)
	}
	grants, err := d.store.Grants(d.t.Context(), access.GrantQuery{})
	n := 0
	for _, g := range grants {
		if g.RequestID == id {
			n++
		}
	}
	if err != nil || n != 1 {
		d.t.Errorf("%d grants, %v", n, err)
	}
}

// approvals counts the events that a request was approved.
func (d *slackDesk) approvals(id access.RequestID) (n int) {
	d.t.Helper()
	rows, err := d.store.Audit(d.t.Context(), 0, 10_000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, row := range rows {
		e, err := row.Event()
		if err != nil {
			d.t.Fatal(err)
		}
		if e.Kind == audit.RequestApproved && e.Request == string(id) {
			n++
		}
	}
	return n
}

// directs counts what alice was told directly.
func (d *slackDesk) directs(text string) {
	d.t.Helper()
	_, err := d.slack.WaitMessage(patient(d.t), "U0ALICE", func(m slacktest.Message) bool { return strings.Contains(m.Shown(), text) })
	if n := len(d.slack.Messages("U0ALICE")); err != nil || n != 1 {
		d.t.Errorf("alice was told %d times: %v", n, err)
	}
}

func bothModes(t *testing.T, f func(t *testing.T, d *slackDesk)) {
	for _, mode := range []slackbot.Mode{slackbot.ModeSocket, slackbot.ModeHTTP} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			f(t, startSlackDesk(t, slackServer(t), mode, filepath.Join(t.TempDir(), "sallyport.db")))
		})
	}
}

// Each of these happens before or while bob approves; in the end he has, once.
func TestSlackFaults(t *testing.T) {
	post := func(f slacktest.Fault) slacktest.Fault { f.Method = "chat.postMessage"; return f }
	change := func(f slacktest.Fault) slacktest.Fault { f.Method = "chat.update"; return f }
	for name, faults := range map[string][]slacktest.Fault{
		"429 storm":   {post(slacktest.Fault{RetryAfter: time.Second, Times: 2}), change(slacktest.Fault{RetryAfter: time.Second, Times: 2})},
		"5xx":         {post(slacktest.Fault{Status: http.StatusBadGateway, Times: 2}), change(slacktest.Fault{Status: http.StatusServiceUnavailable})},
		"lost answer": {post(slacktest.Fault{DropResponse: true}), change(slacktest.Fault{DropResponse: true})},
		"slow":        {post(slacktest.Fault{Delay: time.Second}), change(slacktest.Fault{Delay: time.Second})},
		"gone":        {change(slacktest.Fault{Error: "message_not_found"})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothModes(t, func(t *testing.T, d *slackDesk) {
				for _, f := range faults {
					d.slack.Inject(f)
				}
				id := d.asks()
				at := d.shows(id, "Waiting for approval")
				d.click("U0BOB", at.TS, "approve")
				if name == "gone" { // a decided request needs no card anew
					_, err := d.slack.WaitMessage(patient(t), "U0ALICE", func(m slacktest.Message) bool { return strings.Contains(m.Shown(), "approved by bob") })
					if err != nil || d.cards(id) != 1 {
						t.Errorf("%d cards, %v", d.cards(id), err)
					}
					return
				}
				d.approvedOnce(id, "bob")
				d.directs("approved by bob")
				if n := d.cards(id); n != 1 {
					t.Errorf("%d cards", n)
				}
				d.click("U0DAVE", at.TS, "deny") // on an old screen: the modal is not even opened
				if _, err := d.slack.WaitMessage(patient(t), accessChannel, func(m slacktest.Message) bool {
					return m.EphemeralTo == "U0DAVE" && strings.Contains(m.Text, "Bob approved it already")
				}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Everybody clicks at once, everything arrives twice, late or on a connection
// that breaks.
func TestSlackClicksAtOnce(t *testing.T) {
	bothModes(t, func(t *testing.T, d *slackDesk) {
		id := d.asks()
		at := d.shows(id, "Waiting for approval")
		d.slack.InjectDelivery(slacktest.DeliveryFault{Duplicate: true, Times: 4})
		if d.url != "" && d.slack.Sockets() > 0 {
			d.slack.InjectDelivery(slacktest.DeliveryFault{LoseAck: true, Times: 2})
			d.slack.InjectDelivery(slacktest.DeliveryFault{Disconnect: true})
		}
		var clicking sync.WaitGroup
		for i := range 12 {
			clicking.Go(func() {
				// A click that is not acknowledged may count all the same.
				_, _ = d.slack.Click(patient(t), []string{"U0BOB", "U0DAVE", "U0GUEST", "U0ALICE"}[i%4], accessChannel, at.TS, "approve")
			})
		}
		clicking.Wait()
		d.shows(id, "Approved by ")
		r, err := d.store.Request(t.Context(), id)
		if err != nil || len(r.Decisions) != 1 || r.Decisions[0].Person != "bob" && r.Decisions[0].Person != "dave" {
			t.Fatalf("request %+v, %v", r, err)
		}
		d.approvedOnce(id, r.Decisions[0].Person)
		d.directs("approved by")
	})
}

// A crash between what Slack took and what the database heard of it: the next
// process finds the card, and tells nothing twice.
func TestSlackRestart(t *testing.T) {
	bothModes(t, func(t *testing.T, d *slackDesk) {
		mode := slackbot.ModeHTTP
		if d.slack.Sockets() > 0 {
			mode = slackbot.ModeSocket
		}
		d.slack.Inject(slacktest.Fault{Method: "chat.postMessage", DropResponse: true})
		id := d.asks()
		at := d.shows(id, "Waiting for approval")
		d.stop()
		d = startSlackDesk(t, d.slack, mode, d.path)
		d.slack.Inject(slacktest.Fault{Method: "chat.postMessage", DropResponse: true}) // of the direct message
		d.click("U0BOB", at.TS, "approve")
		d.approvedOnce(id, "bob")
		if _, err := d.slack.WaitMessage(patient(t), "U0ALICE", func(m slacktest.Message) bool { return true }); err != nil {
			t.Fatal(err)
		}
		d.stop()
		d = startSlackDesk(t, d.slack, mode, d.path)
		if err := d.Revoke(t.Context(), access.Actor{Via: access.ViaSocket}, string(id), "over"); err != nil {
			t.Fatal(err)
		}
		d.shows(id, "Access revoked")
		if _, err := d.slack.WaitMessage(patient(t), "U0ALICE", func(m slacktest.Message) bool { return strings.Contains(m.Shown(), "taken away") }); err != nil {
			t.Fatal(err)
		}
		if n := len(d.slack.Messages("U0ALICE")); n != 2 || d.cards(id) != 1 {
			t.Errorf("alice was told %d times, on %d cards", n, d.cards(id))
		}
	})
}

// While Slack is away the console decides, readiness says so, and the card is
// right when it is back.
func TestSlackAway(t *testing.T) {
	t.Parallel()
	slack := slackServer(t)
	slack.Inject(slacktest.Fault{Status: http.StatusInternalServerError, Times: 10_000})
	d := startSlackDesk(t, slack, slackbot.ModeHTTP, filepath.Join(t.TempDir(), "sallyport.db"))
	id := d.asks()
	bob := access.Actor{Person: "bob", Via: access.ViaSlack, Slack: "U0BOB"}
	if _, err := d.Decide(t.Context(), bob, access.Word{Request: id, Verdict: access.VerdictApprove}); err != nil {
		t.Fatal(err)
	}
	if h := d.bot.Health(); h.OK {
		t.Errorf("health %+v", h)
	}
	slack.ClearFaults()
	d.approvedOnce(id, "bob")
	if n := d.cards(id); n != 1 {
		t.Errorf("%d cards", n)
	}
	ctx := patient(t)
	for !d.bot.Health().OK { // some call may have failed last, and is made again
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("health %+v", d.bot.Health())
		}
	}
}

// Two bastions show their requests in one channel. A click that reaches the
// wrong one changes nothing, and neither takes the other's messages for its own.
func TestTwoBastionsInOneChannel(t *testing.T) {
	t.Parallel()
	slack := slackServer(t)
	a := startSlackDesk(t, slack, slackbot.ModeHTTP, filepath.Join(t.TempDir(), "a.db"))
	b := startSlackDesk(t, slack, slackbot.ModeHTTP, filepath.Join(t.TempDir(), "b.db"))
	ofA, ofB := a.asks(), b.asks()
	at := a.shows(ofA, "Waiting for approval")
	b.shows(ofB, "Waiting for approval")
	a.click("U0BOB", at.TS, "approve") // Slack delivers to b
	if _, err := slack.WaitMessage(patient(t), accessChannel, func(m slacktest.Message) bool {
		return m.EphemeralTo == "U0BOB" && strings.Contains(m.Text, "There is no request")
	}); err != nil {
		t.Fatal(err)
	}
	if err := slack.DeliverTo(a.url+"/slack/interactions", a.url+"/slack/commands"); err != nil {
		t.Fatal(err)
	}
	a.click("U0BOB", at.TS, "approve")
	a.approvedOnce(ofA, "bob")
	if r, err := b.store.Request(t.Context(), ofB); err != nil || r.State != access.RequestPending || b.cards(ofB) != 1 || a.cards(ofA) != 1 {
		t.Errorf("the other's: %+v, %v", r, err)
	}
}

// Slack posts more than the bastion reads: refused before it is looked at.
func TestSlackOversize(t *testing.T) {
	t.Parallel()
	d := startSlackDesk(t, slackServer(t), slackbot.ModeHTTP, filepath.Join(t.TempDir(), "sallyport.db"))
	id := d.asks()
	at := d.shows(id, "Waiting for approval")
	p, err := d.slack.ActionPayload("U0BOB", accessChannel, at.TS, "approve", "")
	if err != nil {
		t.Fatal(err)
	}
	p["padding"] = strings.Repeat("x", 1<<20)
	sent, err := d.slack.NewDelivery(slacktest.Interactive, p, d.slack.SigningSecret(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if sent, err = d.slack.Send(patient(t), sent); err != nil || sent.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, %v", sent.Status, err)
	}
	if r, err := d.store.Request(t.Context(), id); err != nil || r.State != access.RequestPending {
		t.Errorf("request %+v, %v", r, err)
	}
}
