package slacktest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/internal/slacktest"
)

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0"} {
		if s, err := slacktest.Start(slacktest.Config{Listen: addr}); err == nil {
			s.Close()
			t.Errorf("listened on %q", addr)
		}
	}
}

func TestMessageLife(t *testing.T) {
	s := start(t, nil)
	api, ctx := client(s), deadline(t)
	who, err := api.AuthTestContext(ctx)
	if err != nil || who.TeamID != s.Team().ID {
		t.Fatalf("auth.test: %+v, %v", who, err)
	}
	ts := post(t, api, slack.MsgOptionText("fallback", false), card("R1"), slack.MsgOptionDisableLinkUnfurl())
	reply := post(t, api, slack.MsgOptionText("in the thread", false), slack.MsgOptionTS(ts))
	if _, _, _, err := api.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText("decided", false), slack.MsgOptionBlocks()); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PostEphemeralContext(ctx, channel, bob, slack.MsgOptionText("only you", false)); err != nil {
		t.Fatal(err)
	}
	dm, _, err := api.PostMessageContext(ctx, bob, slack.MsgOptionText("hello", false))
	if err != nil || !strings.HasPrefix(dm, "D") {
		t.Fatalf("direct message to a user ID: channel %q, %v", dm, err)
	}

	m := s.Messages(channel)
	if len(m) != 3 || m[0].Text != "decided" || m[0].Blocks != nil || m[0].UnfurlLinks || !m[0].UnfurlMedia {
		t.Fatalf("messages: %+v", m)
	}
	if len(m[0].Edits) != 1 || m[0].Edits[0].Text != "fallback" || m[0].Edits[0].Blocks == nil {
		t.Errorf("edits: %+v", m[0].Edits)
	}
	if m[1].TS != reply || m[1].ThreadTS != ts || m[2].EphemeralTo != bob {
		t.Errorf("reply and ephemeral: %+v, %+v", m[1], m[2])
	}
	if d := s.Messages(bob); len(d) != 1 || d[0].Text != "hello" {
		t.Errorf("direct messages: %+v", d)
	}
	if _, _, err := api.DeleteMessageContext(ctx, channel, ts); err != nil || len(s.Messages(channel)) != 2 {
		t.Errorf("delete: %v", err)
	}
}

func TestUpdateKeepsBlocksUnlessEmptied(t *testing.T) {
	s := start(t, nil)
	api := client(s)
	ts := post(t, api, slack.MsgOptionText("x", false), card("R1"))
	if _, _, _, err := api.UpdateMessageContext(deadline(t), channel, ts, slack.MsgOptionText("y", false)); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Messages(channel)[0].Element("approve"); !ok {
		t.Error("an update without blocks must leave them, as Slack does")
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, nil)
	api, ctx := client(s), deadline(t)
	text := slack.MsgOptionText("x", false)
	ts := post(t, api, text)
	say := func(ch string, o ...slack.MsgOption) error {
		_, _, err := api.PostMessageContext(ctx, ch, o...)
		return err
	}
	update := func(ch, ts string, o ...slack.MsgOption) error {
		_, _, _, err := api.UpdateMessageContext(ctx, ch, ts, o...)
		return err
	}
	_, ephemeral := api.PostEphemeralContext(ctx, channel, "U0NOBODY", text)
	_, noUser := api.GetUserInfoContext(ctx, "U0NOBODY")
	_, byEmail := api.GetUserByEmailContext(ctx, "bob@example.com")
	_, badToken := slack.New("xoxb-wrong", slack.OptionAPIURL(s.APIURL())).AuthTestContext(ctx)
	_, noToken := slack.New("", slack.OptionAPIURL(s.APIURL())).AuthTestContext(ctx)
	_, appToken := slack.New(s.AppToken(), slack.OptionAPIURL(s.APIURL())).AuthTestContext(ctx)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"unknown channel":       {say("C0NONE", text), "channel_not_found"},
		"not invited":           {say("C0OUT", text), "not_in_channel"},
		"no text":               {say(channel), "no_text"},
		"long text":             {say(channel, slack.MsgOptionText(strings.Repeat("x", 40001), false)), "msg_too_long"},
		"no such thread":        {say(channel, text, slack.MsgOptionTS("1.000001")), "thread_not_found"},
		"update nothing":        {update(channel, "1.000001", text), "message_not_found"},
		"update elsewhere":      {update("C0NONE", ts, text), "channel_not_found"},
		"update too long":       {update(channel, ts, slack.MsgOptionText(strings.Repeat("x", 4001), false)), "msg_too_long"},
		"ephemeral to nobody":   {ephemeral, "user_not_in_channel"},
		"unknown user":          {noUser, "user_not_found"},
		"email without a scope": {byEmail, "missing_scope"},
		"wrong token":           {badToken, "invalid_auth"},
		"no token":              {noToken, "not_authed"},
		"app token":             {appToken, "not_allowed_token_type"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, c.err, c.want)
		}
	}
	if n := len(s.Messages(channel)); n != 1 {
		t.Errorf("a refused call left something: %d messages", n)
	}
}

func TestUserProfile(t *testing.T) {
	s := start(t, func(c *slacktest.Config) {
		c.Scopes = []string{"users:read", "users:read.email"}
		c.Users = append(c.Users, slacktest.User{ID: "U0GUEST", Name: "guest", IsRestricted: true, IsStranger: true, TeamID: "T0OTHER", EmailUnconfirmed: true})
	})
	api := client(s)
	u, err := api.GetUserInfoContext(deadline(t), "U0GUEST")
	if err != nil {
		t.Fatal(err)
	}
	if !u.IsRestricted || !u.IsStranger || u.TeamID != "T0OTHER" || u.IsEmailConfirmed || u.IsBot || u.Deleted {
		t.Errorf("guest: %+v", u)
	}
	u, err = api.GetUserByEmailContext(deadline(t), "BOB@example.com")
	if err != nil || u.ID != bob || !u.IsEmailConfirmed || u.Profile.Email != "bob@example.com" {
		t.Errorf("bob: %+v, %v", u, err)
	}
}

func TestFaults(t *testing.T) {
	s := start(t, nil)
	api := client(s)
	say := func() error {
		_, _, err := api.PostMessageContext(deadline(t), channel, slack.MsgOptionText("x", false))
		return err
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: 1500 * time.Millisecond})
	var limited *slack.RateLimitedError
	if err := say(); !errors.As(err, &limited) || limited.RetryAfter != 2*time.Second {
		t.Errorf("429: %v", err)
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", Status: http.StatusBadGateway, Times: 2})
	for range 2 {
		var status slack.StatusCodeError
		if err := say(); !errors.As(err, &status) || status.Code != http.StatusBadGateway {
			t.Errorf("502: %v", err)
		}
	}
	s.Inject(slacktest.Fault{Error: "internal_error"})
	if err := say(); err == nil || err.Error() != "internal_error" {
		t.Errorf("error: %v", err)
	}
	if n := len(s.Messages(channel)); n != 0 {
		t.Fatalf("%d messages came of failed calls", n)
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", DropResponse: true})
	if err := say(); err == nil || len(s.Messages(channel)) != 1 {
		t.Errorf("a dropped response must fail and leave the message: %v", err)
	}
	if err := say(); err != nil {
		t.Errorf("after the faults: %v", err)
	}
	calls := s.Calls("chat.postMessage")
	if len(calls) != 6 || calls[0].Error != "429" || calls[5].Error != "" || calls[5].Args["token"] != "" {
		t.Errorf("journal: %+v", calls)
	}
}

func TestHistory(t *testing.T) {
	s := start(t, func(c *slacktest.Config) { c.Scopes = []string{"chat:write", "channels:history"} })
	api := client(s)
	meta := slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "request", EventPayload: map[string]any{"id": "R1"}})
	first := post(t, api, slack.MsgOptionText("one", false))
	post(t, api, slack.MsgOptionText("two", false), meta)
	post(t, api, slack.MsgOptionText("reply", false), slack.MsgOptionTS(first))
	h, err := api.GetConversationHistoryContext(deadline(t), &slack.GetConversationHistoryParameters{ChannelID: channel, Oldest: first, IncludeAllMetadata: true})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Metadata.EventPayload["id"] != "R1" {
		t.Errorf("history: %+v, %v", h, err)
	}
}
