package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Message is one message as the workspace holds it.
type Message struct {
	Channel  string // where it is; "D…" for a direct message
	TS       string // its identity within the channel
	ThreadTS string // the parent's TS, for a reply
	User     string // who wrote it: the app, or a user
	Text     string
	Blocks   json.RawMessage // the array as posted, with block IDs filled in; nil when there are none
	Metadata json.RawMessage
	// EphemeralTo is the one user who sees it; empty for ordinary messages.
	EphemeralTo string
	// UnfurlLinks and UnfurlMedia are what the call asked for; Slack's default for each is true.
	UnfurlLinks, UnfurlMedia bool
	// Edits are the earlier versions, oldest first.
	Edits []Edit
}

// Edit is what a message said before it was changed.
type Edit struct {
	Text   string
	Blocks json.RawMessage
}

func (m *Message) clone() Message {
	c := *m
	c.Edits = slices.Clone(m.Edits)
	return c
}

// Element is an interactive element within a message or a modal.
type Element struct {
	BlockID, ActionID string
	Type              string // button, static_select, …
	Text              string // a button's label
	Value             string // a button's value
	Style             string // "", primary or danger
	Options           []string
	raw               object
}

// Elements lists the interactive elements of the message, in the order they show.
func (m Message) Elements() []Element { return elementsOf(m.Blocks) }

// Element finds an interactive element by its action ID.
func (m Message) Element(actionID string) (Element, bool) {
	return findElement(m.Elements(), actionID)
}

// Shown is everything the message's blocks and text would show, one line per text object: what a
// test looks through for text that must, or must not, be there.
func (m Message) Shown() string {
	var lines []string
	if m.Text != "" {
		lines = append(lines, m.Text)
	}
	walkObjects(m.Blocks, func(o object) {
		if t, ok := o["text"].(string); ok {
			lines = append(lines, t)
		}
	})
	return strings.Join(lines, "\n")
}

// Messages lists a channel's messages, oldest first: replies and ephemeral ones included. The
// channel may be a user ID, for the app's direct messages with that user.
func (s *Server) Messages(channelID string) []Message {
	s.ws.mu.Lock()
	defer s.ws.mu.Unlock()
	return s.ws.messagesLocked(channelID)
}

func (w *workspace) messagesLocked(channelID string) []Message {
	c := w.channelLocked(channelID)
	if c == nil {
		c = w.channelLocked("D" + channelID)
	}
	if c == nil {
		return nil
	}
	out := make([]Message, 0, len(c.messages))
	for _, m := range c.messages {
		out = append(out, m.clone())
	}
	return out
}

// WaitMessage returns the first message of the channel that satisfies ok, waiting for one until ctx
// ends. ok must not call the server.
func (s *Server) WaitMessage(ctx context.Context, channelID string, ok func(Message) bool) (Message, error) {
	var found Message
	err := s.ws.wait(ctx, func() bool {
		for _, m := range s.ws.messagesLocked(channelID) {
			if ok(m) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return Message{}, fmt.Errorf("slacktest: no such message in %s: %w", channelID, err)
	}
	return found, nil
}

func (c *channel) find(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// addLocked appends a message, dropping the oldest beyond what is kept.
func (w *workspace) addLocked(c *channel, m *Message) {
	m.Channel, m.TS = c.ID, w.nextTSLocked()
	c.messages = append(c.messages, m)
	if n := len(c.messages) - keepMessages; n > 0 {
		c.messages = slices.Delete(c.messages, 0, n)
	}
	w.changedLocked()
}

// editLocked replaces a message's content and remembers what it was.
func (w *workspace) editLocked(m *Message, text string, blocks json.RawMessage) {
	m.Edits = append(m.Edits, Edit{Text: m.Text, Blocks: m.Blocks})
	if n := len(m.Edits) - keepEdits; n > 0 {
		m.Edits = slices.Delete(m.Edits, 0, n)
	}
	m.Text, m.Blocks = text, blocks
	w.changedLocked()
}

// wire is the message object as the Web API and interaction payloads carry it.
func (w *workspace) wire(m *Message) object {
	o := object{"type": "message", "ts": m.TS, "user": m.User, "text": m.Text, "team": w.cfg.Team.ID}
	if m.User == w.cfg.Bot.UserID {
		o["bot_id"], o["app_id"] = w.cfg.Bot.BotID, w.cfg.Bot.AppID
	}
	if m.ThreadTS != "" {
		o["thread_ts"] = m.ThreadTS
	}
	if m.Blocks != nil {
		o["blocks"] = m.Blocks
	}
	if m.Metadata != nil {
		o["metadata"] = m.Metadata
	}
	if len(m.Edits) > 0 {
		o["edited"] = object{"user": m.User, "ts": m.TS}
	}
	return o
}
