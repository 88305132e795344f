package slackbot_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// TestSignatures is one script of an attacker who knows everything but the signing secret, and of
// one who recorded a genuine delivery.
func TestSignatures(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	at := w.post(t, pending())
	p, err := w.ActionPayload(bob, channel, at.TS, "approve", "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	send := func(secret string, at time.Time, change func(*slacktest.Delivery)) int {
		t.Helper()
		d, err := w.NewDelivery(slacktest.Interactive, p, secret, at)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&d)
		}
		sent, err := w.Send(deadline(t), d)
		if err != nil {
			t.Fatal(err)
		}
		return sent.Status
	}
	for name, status := range map[string]int{
		"forged":       send("a guess", now, nil),
		"empty secret": send("", now, nil),
		"stale":        send(w.SigningSecret(), now.Add(-6*time.Minute), nil),
		"future":       send(w.SigningSecret(), now.Add(6*time.Minute), nil),
		"re-dated": send(w.SigningSecret(), now.Add(-6*time.Minute), func(d *slacktest.Delivery) {
			d.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(now.Unix(), 10))
		}),
		"tampered": send(w.SigningSecret(), now, func(d *slacktest.Delivery) {
			d.Body = bytes.Replace(d.Body, []byte(bob), []byte(eve), 1)
		}),
		"unsigned": send(w.SigningSecret(), now, func(d *slacktest.Delivery) { d.Header.Del("X-Slack-Signature") }),
		"in the query": send("a guess", now, func(d *slacktest.Delivery) {
			d.URL += "?" + string(d.Body)
			d.Body = nil
		}),
	} {
		if status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, status)
		}
	}
	huge := send(w.SigningSecret(), now, func(d *slacktest.Delivery) {
		d.Body = append(d.Body, strings.Repeat("x", 1<<20)...)
		d.Header.Set("X-Slack-Signature", slacktest.Signature(w.SigningSecret(), now, d.Body))
	})
	if huge != http.StatusRequestEntityTooLarge {
		t.Errorf("oversize: status %d", huge)
	}
	garbage := send(w.SigningSecret(), now, func(d *slacktest.Delivery) {
		d.Body = []byte("payload=%7Bnot+json")
		d.Header.Set("X-Slack-Signature", slacktest.Signature(w.SigningSecret(), now, d.Body))
	})
	if garbage != http.StatusBadRequest {
		t.Errorf("signed garbage: status %d", garbage)
	}
	if d := w.decisions(); len(d) != 0 {
		t.Fatalf("the desk heard %+v", d)
	}

	// Genuine, then replayed, once with the signature spelled otherwise: all are answered, one counts.
	for _, spell := range []func(*slacktest.Delivery){nil, nil, func(d *slacktest.Delivery) {
		d.Header.Set("X-Slack-Signature", "v0="+strings.ToUpper(d.Header.Get("X-Slack-Signature")[3:]))
	}} {
		if status := send(w.SigningSecret(), now, spell); status != http.StatusOK {
			t.Errorf("genuine: status %d", status)
		}
	}
	w.happened(t)
	if _, err := w.Click(deadline(t), eve, channel, at.TS, "deny"); err != nil {
		t.Fatal(err)
	}
	w.happened(t)
	if d := w.decisions(); len(d) != 2 {
		t.Errorf("a replay counted: %+v", d)
	}
}

// TestSocketModeHasNoEndpoint: without a signing secret nothing is taken over HTTP.
func TestSocketModeHasNoEndpoint(t *testing.T) {
	w := start(t, slackbot.ModeSocket, nil)
	for _, path := range []string{"/slack/interactions", "/slack/commands"} {
		rec := newRecorder()
		req, err := http.NewRequest(http.MethodPost, path, strings.NewReader("payload={}"))
		if err != nil {
			t.Fatal(err)
		}
		w.bot.Handler().ServeHTTP(rec, req)
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, rec.Code)
		}
	}
}
