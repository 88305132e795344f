package slackbot_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sallyport/sallyport/approvals/slackbot"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// until waits for a state of health. Health is polled, as readiness does.
func until(t *testing.T, w *world, ok func(slackbot.Health) bool) slackbot.Health {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx := deadline(t); ; {
		h := w.bot.Health()
		if ok(h) {
			return h
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("health stays %+v", h)
		}
	}
}

func TestHealth(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		began := time.Now()
		w := start(t, mode, nil)
		h := until(t, w, func(h slackbot.Health) bool { return h.OK && (mode == slackbot.ModeHTTP || h.Sockets == 2) })
		if h.Cause != "" || h.Since.Before(began) {
			t.Errorf("%+v", h)
		}
	})
}

// TestSurvivesTheNetwork: connections are recycled and cut; clicks keep arriving.
func TestSurvivesTheNetwork(t *testing.T) {
	w := start(t, slackbot.ModeSocket, nil)
	at := w.post(t, pending())
	for _, disturb := range []func() error{w.RefreshSockets, func() error { w.BreakSockets(); return nil }} {
		if err := disturb(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		until(t, w, func(h slackbot.Health) bool { return h.OK && h.Sockets == 2 })
	}
}

func TestSlackAwayAtStart(t *testing.T) {
	gone := workspace(t, nil)
	w := &world{Server: gone, mode: slackbot.ModeSocket, news: make(chan struct{}, 1)}
	cfg := w.config()
	cfg.BotToken, cfg.AppToken = "xoxb-revoked", "xapp-revoked"
	bot, err := slackbot.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.bot = bot
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bot.Run(ctx) }()
	h := until(t, w, func(h slackbot.Health) bool { return !h.OK && h.Cause == "auth.test: invalid_auth" })
	if h.Sockets != 0 {
		t.Errorf("%+v", h)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	w := &world{Server: workspace(t, nil), mode: slackbot.ModeSocket}
	for name, change := range map[string]func(*slackbot.Config){
		"no mode":           func(c *slackbot.Config) { c.Mode = "" },
		"no token":          func(c *slackbot.Config) { c.BotToken = "" },
		"no channel":        func(c *slackbot.Config) { c.Channel = "" },
		"no desk":           func(c *slackbot.Config) { c.Desk = nil },
		"no app token":      func(c *slackbot.Config) { c.AppToken = "" },
		"no signing secret": func(c *slackbot.Config) { c.Mode, c.SigningSecret = slackbot.ModeHTTP, "" },
	} {
		cfg := w.config()
		change(&cfg)
		if _, err := slackbot.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := slackbot.New(w.config()); err != nil {
		t.Error(err)
	}
}
