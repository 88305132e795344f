package slacktest_test

import (
	"errors"
	"io"
	"log"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sallyport/sallyport/internal/slacktest"
)

func TestClickOverSocket(t *testing.T) {
	s := start(t, nil)
	events := connect(t, s, nil)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	r, err := s.Click(deadline(t), bob, channel, ts, "approve")
	if err != nil {
		t.Fatal(err)
	}
	c := next(t, events)
	a := c.ActionCallback.BlockActions[0]
	if c.Type != slack.InteractionTypeBlockActions || c.User.ID != bob || c.User.TeamID != s.Team().ID || c.Team.ID != s.Team().ID ||
		c.Channel.ID != channel || c.Message.Timestamp != ts || c.Container.MessageTs != ts || c.Container.ChannelID != channel ||
		c.TriggerID != r.TriggerID || c.ResponseURL != r.ResponseURL || a.ActionID != "approve" || a.Value != "R1" || a.BlockID == "" || a.Type != "button" {
		t.Errorf("payload: %+v, action %+v", c, a)
	}
	if acks := s.Acks(); len(acks) != 1 || acks[0].EnvelopeID != r.EnvelopeID {
		t.Errorf("acks: %+v", acks)
	}
	if _, err := s.Click(deadline(t), bob, channel, ts, "nothing"); !errors.Is(err, slacktest.ErrNoElement) {
		t.Errorf("a click on nothing: %v", err)
	}
}

func TestDeliveryFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault slacktest.DeliveryFault
		most  int // deliveries the app sees at most
	}{
		"duplicate":  {slacktest.DeliveryFault{Duplicate: true}, 2},
		"lost ack":   {slacktest.DeliveryFault{LoseAck: true}, 2},
		"disconnect": {slacktest.DeliveryFault{Disconnect: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			events := connect(t, s, nil)
			ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
			s.InjectDelivery(c.fault)
			if _, err := s.Click(deadline(t), bob, channel, ts, "approve"); err != nil {
				t.Fatal(err)
			}
			seen := len(events)
			if seen < 1 || seen > c.most || name != "disconnect" && seen != c.most {
				t.Errorf("the app saw %d envelopes", seen)
			}
			id := ""
			for range seen {
				ev := <-events
				if id == "" {
					id = ev.Request.EnvelopeID
				}
				if ev.Request.EnvelopeID != id || ev.Request.RetryAttempt != 0 {
					t.Errorf("a repeated envelope must keep its ID and claim no retry: %+v", ev.Request)
				}
			}
		})
	}
}

func TestNobodyAcknowledges(t *testing.T) {
	s := start(t, func(c *slacktest.Config) { c.AckWithin = 50 * time.Millisecond })
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	if _, err := s.Click(deadline(t), bob, channel, ts, "approve"); !errors.Is(err, slacktest.ErrNotAcknowledged) {
		t.Errorf("without a connection: %v", err)
	}
}

func TestReconnects(t *testing.T) {
	s := start(t, nil)
	events := connect(t, s, nil)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	for name, disturb := range map[string]func() error{
		"refresh": s.RefreshSockets,
		"break":   func() error { s.BreakSockets(); return nil },
	} {
		opened := len(s.Calls("apps.connections.open"))
		if err := disturb(); err != nil {
			t.Fatal(name, err)
		}
		if _, err := s.Click(deadline(t), bob, channel, ts, "deny"); err != nil {
			t.Fatal(name, err)
		}
		next(t, events)
		if err := s.WaitSockets(deadline(t), 1); err != nil {
			t.Fatal(name, err)
		}
		if n := len(s.Calls("apps.connections.open")); n <= opened {
			t.Errorf("%s: the client did not reconnect", name)
		}
	}
}

// TestPings: slack-go gives a connection up when no ping comes within its interval.
func TestPings(t *testing.T) {
	s := start(t, func(c *slacktest.Config) { c.PingEvery = 20 * time.Millisecond })
	sm := socketmode.New(client(s), socketmode.OptionPingInterval(200*time.Millisecond), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ended := make(chan error, 1)
	ctx := deadline(t)
	go func() { ended <- sm.RunContext(ctx) }()
	if err := s.WaitSockets(ctx, 1); err != nil {
		t.Fatal(err)
	}
	quiet := time.NewTimer(600 * time.Millisecond) // three of the client's intervals
	for {
		select {
		case ev := <-sm.Events:
			if c, ok := ev.Data.(*socketmode.ConnectedEvent); ok && c.ConnectionCount > 0 {
				t.Fatal("the client reconnected: no ping reached it")
			}
		case <-quiet.C:
			return
		}
	}
}

func TestAtMostTenSockets(t *testing.T) {
	s := start(t, nil)
	for range 10 {
		connect(t, s, nil)
	}
	if _, _, err := client(s).StartSocketModeContext(deadline(t)); err == nil || err.Error() != "too_many_websockets" {
		t.Errorf("the eleventh: %v", err)
	}
}

func TestOrder(t *testing.T) {
	s := start(t, nil)
	events := connect(t, s, nil)
	api := client(s)
	first, second := post(t, api, slack.MsgOptionText("f", false), card("R1")), post(t, api, slack.MsgOptionText("f", false), card("R2"))
	s.HoldDeliveries()
	done := make(chan error, 2)
	for i, ts := range []string{first, second} {
		go func() {
			_, err := s.Click(deadline(t), bob, channel, ts, "approve")
			done <- err
		}()
		if err := s.WaitHeld(deadline(t), i+1); err != nil {
			t.Fatal(err)
		}
	}
	s.ReleaseDeliveries(1, 0)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	if a, b := next(t, events).Message.Timestamp, next(t, events).Message.Timestamp; a != second || b != first {
		t.Errorf("came as %s, %s", a, b)
	}
}

func TestSlashCommandAnswer(t *testing.T) {
	s := start(t, nil)
	events := connect(t, s, map[string]any{"text": "nothing is pending"})
	if _, err := s.SlashCommand(deadline(t), alice, channel, "/access", "list"); err != nil {
		t.Fatal(err)
	}
	cmd := (<-events).Data.(slack.SlashCommand)
	if cmd.Command != "/access" || cmd.Text != "list" || cmd.UserID != alice || cmd.TeamID != s.Team().ID || cmd.ChannelID != channel {
		t.Errorf("command: %+v", cmd)
	}
	if m := s.Messages(channel); len(m) != 1 || m[0].EphemeralTo != alice || m[0].Text != "nothing is pending" {
		t.Errorf("answer: %+v", m)
	}
}
