package slackbot

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"
)

// maxBody bounds a delivery. A click carries the card it was made on, some kilobytes.
const maxBody = 256 << 10

// Handler serves POST /slack/interactions and POST /slack/commands. Each request is read whole
// within bounds, then its signature is checked over the raw bytes and its age (5 minutes), and only
// then is it parsed. The answer comes at once; the work follows. In socket mode it refuses all.
func (b *Bot) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /slack/interactions", b.signed(b.interaction))
	mux.HandleFunc("POST /slack/commands", b.signed(b.slashCommand))
	return mux
}

// signed lets through what Slack signed.
func (b *Bot) signed(next func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if b.cfg.Mode != ModeHTTP {
			http.Error(w, "not configured", http.StatusNotFound)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			status := http.StatusBadRequest
			if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, "unreadable body", status)
			return
		}
		if err := b.verify(r.Header, body); err != nil {
			b.cfg.Log.Warn("a request to the Slack endpoint was not signed by Slack", "from", r.RemoteAddr, "err", err)
			http.Error(w, "signature refused", http.StatusUnauthorized)
			return
		}
		next(w, r, body)
	}
}

// verify checks Slack's v0 signature (docs.slack.dev, verifying requests from Slack).
func (b *Bot) verify(header http.Header, body []byte) error {
	v, err := slack.NewSecretsVerifier(header, b.cfg.SigningSecret)
	if err != nil {
		return err
	}
	if _, err := v.Write(body); err != nil {
		return err
	}
	return v.Ensure()
}

func (b *Bot) interaction(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	var ic slack.InteractionCallback
	if err == nil {
		err = json.Unmarshal([]byte(form.Get("payload")), &ic)
	}
	if err != nil {
		http.Error(w, "malformed payload", http.StatusBadRequest)
		return
	}
	// A replay within the five minutes has the same body, and the body of no other click: each holds
	// a trigger of its own. (The signature would not do: its hex may be written in capitals.)
	delivery := fmt.Sprintf("body %x", sha256.Sum256(body))
	if c, ours := submission(ic); ours {
		answered, taken := b.answer(delivery, func(ctx context.Context) any { return b.submit(ctx, c) }, b.submitLate(c))
		respond(w, r, answered, taken, nil)
		return
	}
	if !b.receive(delivery, ic) {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (b *Bot) slashCommand(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "malformed payload", http.StatusBadRequest)
		return
	}
	answered, taken := b.command(fmt.Sprintf("body %x", sha256.Sum256(body)), slack.SlashCommand{
		TeamID: form.Get("team_id"), IsEnterpriseInstall: form.Get("is_enterprise_install") == "true",
		ChannelID: form.Get("channel_id"), UserID: form.Get("user_id"), Command: form.Get("command"), Text: form.Get("text"),
	})
	respond(w, r, answered, taken, stillWorking)
}

// respond waits for the answer and gives it as JSON; nothing to say is an empty body.
func respond(w http.ResponseWriter, r *http.Request, answered *reply, taken bool, meanwhile any) {
	if !taken {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	payload := answered.wait(r.Context(), meanwhile)
	if payload == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(payload) // Slack may have gone
}
