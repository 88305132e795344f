package slackbot_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/slacktest"
)

const (
	channel = "C0ACCESS"
	bob     = "U0BOB"
	eve     = "U0EVE"
	reqID   = access.RequestID("01JABCDEFGHJKMNPQRSTVWXYZ0")
)

// world is a workspace, a bot in it, and a desk that remembers what it was told.
type world struct {
	*slacktest.Server
	bot  *slackbot.Bot
	mode slackbot.Mode
	stop func() // ends the bot and waits for it

	mu      sync.Mutex
	told    []decision
	audit   []audit.Event
	mine    []access.Request
	hostile bool // and full of what must not work
	open    bool // the database says that requests are pending
	decide  func(decision) (access.Request, error)
	news    chan struct{} // one for each decision and event
}

// decision is what the desk was told; with what but a word on a request in Verb.
type decision struct {
	User    string
	ID      access.RequestID
	Verdict access.Verdict
	Reason  string
	For     time.Duration
	Verb    string
}

func (w *world) SlackActor(_ context.Context, user, _, _ string) (access.Actor, error) {
	return access.Actor{Person: access.PersonName(strings.ToLower(strings.TrimPrefix(user, "U0"))), Via: access.ViaSlack, Slack: user}, nil
}

func (w *world) Decide(_ context.Context, actor access.Actor, word access.Word) (access.Request, error) {
	return w.hear(decision{User: actor.Slack, ID: word.Request, Verdict: word.Verdict, Reason: word.Reason, For: word.For})
}

func (w *world) hear(d decision) (access.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, d)
	w.news <- struct{}{}
	if w.decide == nil {
		return access.Request{ID: d.ID, Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, State: access.RequestApproved, For: time.Hour}, nil
	}
	return w.decide(d)
}

func (w *world) Ask(_ context.Context, actor access.Actor, a access.Ask) (access.Request, error) {
	r, err := w.hear(decision{User: actor.Slack, Reason: a.Target.String() + " " + a.Reason, For: a.For, Verb: "ask"})
	r.State = access.RequestPending
	return r, err
}

func (w *world) Cancel(_ context.Context, actor access.Actor, id access.RequestID) error {
	_, err := w.hear(decision{User: actor.Slack, ID: id, Verb: "cancel"})
	return err
}

func (w *world) Revoke(_ context.Context, actor access.Actor, id, reason string) error {
	_, err := w.hear(decision{User: actor.Slack, ID: access.RequestID(id), Reason: reason, Verb: "revoke"})
	return err
}

func (w *world) Release(_ context.Context, actor access.Actor, id access.GrantID) error {
	_, err := w.hear(decision{User: actor.Slack, ID: access.RequestID(id), Verb: "release"})
	return err
}

func (w *world) Desktop(context.Context, access.Actor) (mine, waiting []access.Request, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mine, []access.Request{pending().Request}, nil
}

// request is what the database would say once bob has approved.
func (w *world) request(_ context.Context, id access.RequestID) (access.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := decided().Request
	if w.open {
		r = pending().Request
	}
	if w.hostile {
		r = worst(pending()).Request
	}
	r.ID = id
	return r, nil
}

func (w *world) record(_ context.Context, e audit.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.audit = append(w.audit, e)
	w.news <- struct{}{}
	return nil
}

func (w *world) decisions() []decision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func (w *world) events() []audit.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.audit
}

// happened waits for one decision or audit event.
func (w *world) happened(t *testing.T) {
	t.Helper()
	select {
	case <-w.news:
	case <-deadline(t).Done():
		t.Fatal("neither a decision nor an event came")
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func workspace(t *testing.T, change func(*slacktest.Config)) *slacktest.Server {
	t.Helper()
	cfg := slacktest.Config{
		Users: []slacktest.User{
			{ID: bob, Name: "bob"}, {ID: eve, Name: "eve"},
			{ID: "U0GUEST", Name: "guest", IsRestricted: true},
			{ID: "U0SINGLE", Name: "single", IsUltraRestricted: true},
			{ID: "U0STRANGER", Name: "stranger", IsStranger: true, TeamID: "T0OTHER"},
			{ID: "U0OTHER", Name: "other", TeamID: "T0OTHER"},
			{ID: "U0GONE", Name: "gone", Deleted: true},
			{ID: "U0ROBOT", Name: "robot", IsBot: true},
			{ID: "U0NEW", Name: "new", EmailUnconfirmed: true},
		},
		Channels: []slacktest.Channel{{ID: channel, Name: "access"}, {ID: "C0DB", Name: "db"}},
		Commands: []string{"/access"},
		// Slack is patient here: a busy machine must not look like a slow app.
		AckWithin: 30 * time.Second, TriggerTTL: time.Minute,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := slacktest.Start(cfg)
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

// start runs a bot in a workspace until the test ends, or its stop is called.
func start(t *testing.T, mode slackbot.Mode, change func(*slacktest.Config)) *world {
	t.Helper()
	w := &world{Server: workspace(t, change), mode: mode, news: make(chan struct{}, 100)}
	bot, err := slackbot.New(w.config())
	if err != nil {
		t.Fatal(err)
	}
	w.bot = bot
	srv := httptest.NewServer(bot.Handler())
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bot.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
	if mode == slackbot.ModeSocket {
		err = w.WaitSockets(deadline(t), 2)
	} else {
		err = w.DeliverTo(srv.URL+"/slack/interactions", srv.URL+"/slack/commands")
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) config() slackbot.Config {
	return slackbot.Config{
		Mode: w.mode, BotToken: w.BotToken(), AppToken: w.AppToken(), SigningSecret: w.SigningSecret(),
		Channel: channel, APIURL: w.APIURL(), Desk: w, Request: w.request, Record: w.record, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

func both(t *testing.T, f func(t *testing.T, mode slackbot.Mode)) {
	for _, mode := range []slackbot.Mode{slackbot.ModeSocket, slackbot.ModeHTTP} {
		t.Run(string(mode), func(t *testing.T) { f(t, mode) })
	}
}

// pending is a request as alice would make it.
func pending() slackbot.Notice {
	now := time.Now()
	return slackbot.Notice{
		Request: access.Request{
			ID: reqID, Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindExec,
			Kinds: []access.Kind{access.KindExec}, Command: "systemctl restart postgresql", Reason: "INC-1234: the database hangs",
			For: time.Hour, Rule: "prod-elevation", Source: "203.0.113.9:50022", State: access.RequestPending,
			RequestedAt: now, WaitUntil: now.Add(30 * time.Minute),
		},
		Host:  access.Host{Name: "db1", Labels: map[string]string{"env": "prod", "role": "db"}},
		Asked: []access.Person{{Name: "bob", Slack: bob}, {Name: "eve", Slack: eve}}, Missing: 1,
		Risks: []access.Risk{
			{Signal: access.RiskFirstTime, Text: "first time on db1", Raised: true},
			{Signal: access.RiskAddress, Text: "new address 203.0.113.9", Raised: true},
			{Signal: access.RiskFrequency, Text: "asked 4 times in the last 30 days"},
		},
	}
}

// decided is the same, approved by bob.
func decided() slackbot.Notice {
	n := pending()
	now := time.Now()
	n.Request.State, n.Request.DecidedAt, n.Missing = access.RequestApproved, now, 0
	n.Request.Decisions = []access.Decision{{Person: "bob", Verdict: access.VerdictApprove, Via: access.ViaSlack, At: now}}
	n.Request.Grant = &access.Grant{State: access.GrantReady, UseBy: now.Add(time.Hour)}
	return n
}

func (w *world) post(t *testing.T, n slackbot.Notice) slackbot.MessageRef {
	t.Helper()
	at, err := w.bot.Post(deadline(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// answered waits for the private answer to a user.
func (w *world) answered(t *testing.T, user, part string) {
	t.Helper()
	_, err := w.WaitMessage(deadline(t), channel, func(m slacktest.Message) bool {
		return m.EphemeralTo == user && strings.Contains(m.Text, part)
	})
	if err != nil {
		t.Errorf("no private answer with %q: %v; there is %+v", part, err, w.Messages(channel))
	}
}
