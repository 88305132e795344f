package slacktest_test

import (
	"context"
	"io"
	"log"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sallyport/sallyport/internal/slacktest"
)

const (
	channel = "C0ACCESS"
	bob     = "U0BOB"
	alice   = "U0ALICE"
)

func start(t *testing.T, change func(*slacktest.Config)) *slacktest.Server {
	t.Helper()
	cfg := slacktest.Config{
		Users: []slacktest.User{
			{ID: alice, Name: "alice", RealName: "Alice Example", Email: "alice@example.com"},
			{ID: bob, Name: "bob", RealName: "Bob Example", Email: "bob@example.com"},
		},
		Channels: []slacktest.Channel{{ID: channel, Name: "access"}, {ID: "C0OUT", Name: "elsewhere", WithoutBot: true}},
		Commands: []string{"/access"},
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

func client(s *slacktest.Server) *slack.Client {
	return slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionAppLevelToken(s.AppToken()),
		slack.OptionLog(log.New(io.Discard, "", 0)))
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// card is a small message with two buttons.
func card(id string) slack.MsgOption {
	button := func(action, label string) *slack.ButtonBlockElement {
		return slack.NewButtonBlockElement(action, id, slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
	}
	return slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, "Request "+id, false, false), nil, nil),
		slack.NewActionBlock("", button("approve", "Approve"), button("deny", "Deny")))
}

func post(t *testing.T, api *slack.Client, options ...slack.MsgOption) string {
	t.Helper()
	_, ts, err := api.PostMessageContext(deadline(t), channel, options...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// connect runs a socket mode client that acknowledges everything and passes what it got on.
func connect(t *testing.T, s *slacktest.Server, answer any) <-chan socketmode.Event {
	t.Helper()
	before := s.Sockets()
	sm := socketmode.New(client(s), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	got := make(chan socketmode.Event, 100)
	go func() {
		defer close(ended)
		_ = sm.RunContext(ctx) // ends with ctx
	}()
	go func() {
		for {
			select {
			case ev := <-sm.Events:
				if ev.Type != socketmode.EventTypeInteractive && ev.Type != socketmode.EventTypeSlashCommand {
					continue
				}
				got <- ev
				if err := sm.AckCtx(ctx, ev.Request.EnvelopeID, answer); err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	if err := s.WaitSockets(deadline(t), before+1); err != nil {
		t.Fatal(err)
	}
	return got
}

func next(t *testing.T, events <-chan socketmode.Event) slack.InteractionCallback {
	t.Helper()
	select {
	case ev := <-events:
		return ev.Data.(slack.InteractionCallback)
	case <-deadline(t).Done():
		t.Fatal("no interaction came")
		panic("unreachable")
	}
}
