package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"
)

// A response_url takes five answers within thirty minutes.
const (
	responseUses = 5
	responseLife = 30 * time.Minute
)

// responseURL is where the app may answer one interaction.
type responseURL struct {
	channel, ts, userID string // ts is the message interacted with; empty for a command
	expires             time.Time
	left                int
}

func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	target, refused := s.takeResponseURL(r.PathValue("id"))
	if refused == nil {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAPIBody))
		var answer object
		if err != nil || json.Unmarshal(body, &answer) != nil {
			refused = refuse("invalid_payload")
		} else {
			refused = s.respond(target, answer)
		}
	}
	if refused != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(object{"ok": false, "error": refused.code})
		return
	}
	_, _ = io.WriteString(w, "ok")
}

func (s *Server) takeResponseURL(id string) (*responseURL, *apiError) {
	s.ws.mu.Lock()
	defer s.ws.mu.Unlock()
	r := s.ws.responses[id]
	switch {
	case r == nil, s.ws.expired(r.expires):
		return nil, refuse("expired_url")
	case r.left == 0:
		return nil, refuse("used_url")
	}
	r.left--
	return r, nil
}

// respond shows what the app answered: a new message, ephemeral unless asked otherwise, or a change
// to the one interacted with.
func (s *Server) respond(to *responseURL, answer object) *apiError {
	args := map[string]string{"text": str(answer, "text")}
	if answer["blocks"] != nil {
		raw, err := json.Marshal(answer["blocks"])
		if err != nil {
			return refuse("invalid_payload")
		}
		args["blocks"] = string(raw)
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channelLocked(to.channel)
	if c == nil {
		return refuse("channel_not_found")
	}
	original := c.find(to.ts)
	if answer["delete_original"] == true && original != nil {
		c.messages = slices.DeleteFunc(c.messages, func(o *Message) bool { return o == original })
		w.changedLocked()
		return nil
	}
	text, blocks, refused := content(args, maxPostText)
	if refused != nil {
		return refused
	}
	if answer["replace_original"] == true && original != nil {
		w.editLocked(original, text, emptyAsNil(blocks))
		return nil
	}
	m := &Message{User: s.cfg.Bot.UserID, Text: text, Blocks: emptyAsNil(blocks), ThreadTS: str(answer, "thread_ts")}
	if str(answer, "response_type") != "in_channel" {
		m.EphemeralTo = to.userID
	}
	w.addLocked(c, m)
	return nil
}
