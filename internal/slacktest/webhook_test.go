package slacktest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/internal/slacktest"
)

// app is an HTTP app that verifies with slack-go as its documentation says.
func app(t *testing.T, s *slacktest.Server, got chan<- slack.InteractionCallback) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v, err := slack.NewSecretsVerifier(r.Header, s.SigningSecret())
		if err == nil {
			_, err = v.Write(body)
		}
		if err == nil {
			err = v.Ensure()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.URL.Path == "/commands" {
			cmd, err := slack.SlashCommandParse(r)
			if err != nil || cmd.Text != "list" {
				t.Errorf("command: %+v, %v", cmd, err)
			}
			io.WriteString(w, "all quiet")
			return
		}
		ic, err := slack.InteractionCallbackParse(r)
		if err != nil {
			t.Error(err)
		}
		got <- ic
	}))
	t.Cleanup(srv.Close)
	if err := s.DeliverTo(srv.URL+"/interactions", srv.URL+"/commands"); err != nil {
		t.Fatal(err)
	}
	return srv.URL
}

func TestHTTPMode(t *testing.T) {
	s := start(t, nil)
	got := make(chan slack.InteractionCallback, 10)
	app(t, s, got)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	if r, err := s.Click(deadline(t), bob, channel, ts, "deny"); err != nil || r.Status != http.StatusOK {
		t.Fatal(r, err)
	}
	if c := <-got; c.User.ID != bob || c.ActionCallback.BlockActions[0].ActionID != "deny" {
		t.Errorf("payload: %+v", c)
	}
	if _, err := s.SlashCommand(deadline(t), bob, channel, "/access", "list"); err != nil {
		t.Fatal(err)
	}
	if m := s.Messages(channel); m[len(m)-1].Text != "all quiet" || m[len(m)-1].EphemeralTo != bob {
		t.Errorf("answer: %+v", m)
	}
	if err := s.DeliverTo("http://192.0.2.1/", ""); err == nil {
		t.Error("a request URL away from loopback was accepted")
	}
}

func TestSignatures(t *testing.T) {
	s := start(t, nil)
	got := make(chan slack.InteractionCallback, 10)
	app(t, s, got)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	p, err := s.ActionPayload(bob, channel, ts, "approve", "")
	if err != nil {
		t.Fatal(err)
	}
	send := func(secret string, at time.Time, change func(*slacktest.Delivery)) int {
		t.Helper()
		d, err := s.NewDelivery(slacktest.Interactive, p, secret, at)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&d)
		}
		sent, err := s.Send(deadline(t), d)
		if err != nil {
			t.Fatal(err)
		}
		return sent.Status
	}
	now := time.Now()
	if status := send("another secret", now, nil); status != http.StatusUnauthorized {
		t.Error("forged:", status)
	}
	if status := send(s.SigningSecret(), now.Add(-6*time.Minute), nil); status != http.StatusUnauthorized {
		t.Error("stale:", status)
	}
	if status := send(s.SigningSecret(), now, func(d *slacktest.Delivery) { d.Body = append(d.Body, '&') }); status != http.StatusUnauthorized {
		t.Error("tampered:", status)
	}
	if len(got) != 0 {
		t.Fatal("a bad signature passed")
	}
	s.InjectDelivery(slacktest.DeliveryFault{Duplicate: true})
	if _, err := s.Click(deadline(t), bob, channel, ts, "approve"); err != nil || len(got) != 2 {
		t.Errorf("replayed: %d arrived, %v", len(got), err)
	}
	s.InjectDelivery(slacktest.DeliveryFault{LoseAck: true})
	if _, err := s.Click(deadline(t), bob, channel, ts, "approve"); !errors.Is(err, slacktest.ErrNotAcknowledged) || len(got) != 3 {
		t.Errorf("lost answer: %d arrived, %v", len(got), err)
	}
}

func TestResponseURL(t *testing.T) {
	s := start(t, nil)
	connect(t, s, nil)
	ts := post(t, client(s), slack.MsgOptionText("f", false), card("R1"))
	r, err := s.Click(deadline(t), bob, channel, ts, "approve")
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := slack.PostWebhookContext(deadline(t), r.ResponseURL, &slack.WebhookMessage{Text: "only bob"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := slack.PostWebhookContext(deadline(t), r.ResponseURL, &slack.WebhookMessage{Text: "replaced", ReplaceOriginal: true}); err != nil {
		t.Fatal(err)
	}
	if err := slack.PostWebhookContext(deadline(t), r.ResponseURL, &slack.WebhookMessage{Text: "again"}); err == nil {
		t.Error("a sixth use was accepted")
	}
	m := s.Messages(channel)
	if len(m) != 5 || m[0].Text != "replaced" || m[1].EphemeralTo != bob {
		t.Errorf("messages: %+v", m)
	}
}
