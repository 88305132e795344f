package slackbot_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

func TestPostThenUpdate(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	at := w.post(t, pending())
	if got, err := w.bot.Update(deadline(t), at, decided()); err != nil || got != at {
		t.Fatal(got, err)
	}
	m := w.Messages(channel)
	if len(m) != 1 || len(m[0].Edits) != 1 || undecided(m[0]) {
		t.Errorf("one card, rewritten, its buttons gone: %+v", m)
	}
	other := pending()
	other.Request.ID, other.Channel = "01JABCDEFGHJKMNPQRSTVWXYZ1", "C0DB"
	if at := w.post(t, other); at.Channel != "C0DB" {
		t.Errorf("the rule's own channel: %+v", at)
	}
}

// TestPostAgain: an effect may come twice, after a crash of who asked for it.
func TestPostAgain(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	first, second := w.post(t, pending()), w.post(t, decided())
	if m := w.Messages(channel); first != second || len(m) != 1 || undecided(m[0]) {
		t.Errorf("posted at %+v and %+v: %+v", first, second, m)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	var limited interface{ RetryAfter() time.Duration }
	var permanent interface{ Permanent() bool }
	w.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: 7 * time.Second})
	if _, err := w.bot.Post(deadline(t), pending()); !errors.As(err, &limited) || limited.RetryAfter() != 7*time.Second {
		t.Errorf("429: %v", err)
	}
	w.Inject(slacktest.Fault{Method: "chat.postMessage", Error: "invalid_blocks"})
	if _, err := w.bot.Post(deadline(t), pending()); !errors.As(err, &permanent) || !permanent.Permanent() {
		t.Errorf("invalid_blocks: %v", err)
	}
	for _, f := range []slacktest.Fault{{Error: "channel_not_found"}, {Error: "invalid_auth"}, {Status: http.StatusBadGateway}} {
		f.Method = "chat.postMessage"
		w.Inject(f)
		limited, permanent = nil, nil
		if _, err := w.bot.Post(deadline(t), pending()); err == nil || errors.As(err, &limited) || errors.As(err, &permanent) {
			t.Errorf("%+v may pass, and must be tried again: %v", f, err)
		}
		if h := w.bot.Health(); h.OK || h.Cause == "" {
			t.Errorf("%+v: health %+v", f, h)
		}
	}
	w.post(t, pending())
	if h := w.bot.Health(); !h.OK {
		t.Errorf("after it worked: %+v", h)
	}
	if n := len(w.Messages(channel)); n != 1 {
		t.Errorf("%d cards", n)
	}
}

// TestLostAnswer: Slack took the card and the answer was lost. With channels:history the card is
// found; without, there are two, and pressing either counts.
func TestLostAnswer(t *testing.T) {
	for _, scopes := range [][]string{{"chat:write", "users:read", "channels:history"}, nil} {
		w := start(t, slackbot.ModeHTTP, func(c *slacktest.Config) { c.Scopes = scopes })
		w.Inject(slacktest.Fault{Method: "chat.postMessage", DropResponse: true})
		if _, err := w.bot.Post(deadline(t), pending()); err == nil {
			t.Fatal("a lost answer passed for success")
		}
		at := w.post(t, pending())
		cards := w.Messages(channel)
		if scopes != nil {
			if len(cards) != 1 || at.TS != cards[0].TS {
				t.Errorf("the first card was not found again: %d cards", len(cards))
			}
			continue
		}
		if len(cards) != 2 || at.TS != cards[1].TS {
			t.Fatalf("%d cards", len(cards))
		}
		// The stray card works once, and is mended when somebody presses it too late.
		if _, err := w.Click(deadline(t), bob, channel, cards[0].TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		w.mu.Lock()
		w.decide = func(decision) (access.Request, error) {
			return access.Request{}, access.Refuse(access.ReasonDecided, "bob approved it already", "")
		}
		w.mu.Unlock()
		if _, err := w.Click(deadline(t), eve, channel, cards[0].TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.answered(t, eve, "Bob approved it already.")
		if _, err := w.WaitMessage(deadline(t), channel, func(m slacktest.Message) bool {
			return m.TS == cards[0].TS && !undecided(m)
		}); err != nil {
			t.Error("the stray card keeps its buttons:", err)
		}
	}
}

// TestAfterRestart: a new process finds the card of a request older than itself.
func TestAfterRestart(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, func(c *slacktest.Config) { c.Scopes = []string{"chat:write", "channels:history"} })
	n := pending()
	at := w.post(t, n)
	reborn, err := slackbot.New(w.config())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := reborn.Post(deadline(t), n); err != nil || again != at {
		t.Errorf("shown at %+v, then at %+v: %v", at, again, err)
	}
}

func TestMessageGone(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	gone := slackbot.MessageRef{Channel: channel, TS: "1.000001"}
	at, err := w.bot.Update(deadline(t), gone, pending())
	if err != nil || at == gone || len(w.Messages(channel)) != 1 {
		t.Errorf("a request that waits must be shown anew: %+v, %v", at, err)
	}
	n := decided()
	n.Request.ID = "01JABCDEFGHJKMNPQRSTVWXYZ1"
	if at, err := w.bot.Update(deadline(t), gone, n); err != nil || at != gone || len(w.Messages(channel)) != 1 {
		t.Errorf("a decided one needs no card: %+v, %v", at, err)
	}
}

// undecided reports whether a message has the buttons that decide.
func undecided(m slacktest.Message) bool {
	_, ok := m.Element("approve")
	return ok
}
