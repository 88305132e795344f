package slacktest

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text limits of the message methods, in characters.
const (
	maxPostText   = 40000
	maxUpdateText = 4000
)

// conversationLocked resolves the channel argument: a channel, or a user for a direct message.
func (w *workspace) conversationLocked(id string) (*channel, *apiError) {
	if c := w.channelLocked(id); c != nil {
		switch {
		case c.Archived:
			return nil, refuse("is_archived")
		case c.WithoutBot:
			return nil, refuse("not_in_channel")
		}
		return c, nil
	}
	switch u := w.userLocked(id); {
	case u == nil, u.Deleted:
		return nil, refuse("channel_not_found")
	case u.IsBot:
		return nil, refuse("cannot_dm_bot")
	}
	return w.dmLocked(id), nil
}

// content checks text and blocks the way Slack does, and fills in the block IDs it would.
func content(args map[string]string, textLimit int) (string, json.RawMessage, *apiError) {
	text, raw := args["text"], args["blocks"]
	if utf8.RuneCountInString(text) > textLimit {
		return "", nil, refuse("msg_too_long")
	}
	if raw == "" {
		if strings.TrimSpace(text) == "" {
			return "", nil, refuse("no_text")
		}
		return text, nil, nil
	}
	v, err := decode([]byte(raw))
	items, ok := v.([]any)
	if err != nil || !ok {
		return "", nil, refuse("invalid_blocks_format")
	}
	if len(items) == 0 {
		if strings.TrimSpace(text) == "" {
			return "", nil, refuse("no_text")
		}
		return text, json.RawMessage("[]"), nil
	}
	if faults := CheckBlocks(json.RawMessage(raw)); len(faults) > 0 {
		if strings.Contains(faults[0], errBlocksTooLong) {
			return "", nil, refuse("msg_blocks_too_long")
		}
		return "", nil, invalidBlocks("invalid_blocks", faults)
	}
	return text, withBlockIDs(items), nil
}

func invalidBlocks(code string, faults []string) *apiError {
	return &apiError{code, object{"response_metadata": object{"messages": faults}, "errors": faults}}
}

// withBlockIDs gives each block without an ID a random one, as Slack does.
func withBlockIDs(items []any) json.RawMessage {
	for _, b := range objects(items) {
		if str(b, "block_id") == "" {
			b["block_id"] = rand.Text()[:5]
		}
		for _, e := range list(b, "elements") {
			if t := str(e, "type"); str(e, "action_id") == "" && (t == "button" || t == "static_select" || t == "overflow") {
				e["action_id"] = rand.Text()[:5]
			}
		}
	}
	raw, err := json.Marshal(items)
	if err != nil {
		return nil // these were just decoded from JSON
	}
	return raw
}

func (s *Server) chatPost(args map[string]string) (object, *apiError) {
	text, blocks, refused := content(args, maxPostText)
	if refused != nil {
		return nil, refused
	}
	metadata, refused := metadataOf(args)
	if refused != nil {
		return nil, refused
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	c, refused := w.conversationLocked(args["channel"])
	if refused != nil {
		return nil, refused
	}
	thread := args["thread_ts"]
	if parent := c.find(thread); thread != "" {
		if parent == nil || parent.EphemeralTo != "" {
			return nil, refuse("thread_not_found")
		}
		if parent.ThreadTS != "" {
			thread = parent.ThreadTS // a reply to a reply joins the same thread
		}
	}
	m := &Message{
		ThreadTS: thread, User: s.cfg.Bot.UserID, Text: text, Blocks: emptyAsNil(blocks), Metadata: metadata,
		UnfurlLinks: args["unfurl_links"] != "false", UnfurlMedia: args["unfurl_media"] != "false",
	}
	w.addLocked(c, m)
	return object{"channel": c.ID, "ts": m.TS, "message": w.wire(m)}, nil
}

func emptyAsNil(blocks json.RawMessage) json.RawMessage {
	if string(blocks) == "[]" {
		return nil
	}
	return blocks
}

func metadataOf(args map[string]string) (json.RawMessage, *apiError) {
	raw := args["metadata"]
	if raw == "" {
		return nil, nil
	}
	v, err := decode([]byte(raw))
	o, ok := v.(object)
	if err != nil || !ok || str(o, "event_type") == "" || sub(o, "event_payload") == nil {
		return nil, refuse("invalid_metadata_format")
	}
	return json.RawMessage(raw), nil
}

func (s *Server) chatPostEphemeral(args map[string]string) (object, *apiError) {
	text, blocks, refused := content(args, maxPostText)
	if refused != nil {
		return nil, refused
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	c, refused := w.conversationLocked(args["channel"])
	if refused != nil {
		return nil, refused
	}
	if w.userLocked(args["user"]) == nil || !c.has(args["user"]) {
		return nil, refuse("user_not_in_channel")
	}
	m := &Message{
		ThreadTS: args["thread_ts"], User: s.cfg.Bot.UserID, Text: text, Blocks: emptyAsNil(blocks),
		EphemeralTo: args["user"],
	}
	w.addLocked(c, m)
	return object{"message_ts": m.TS}, nil
}

// ownMessageLocked finds one of the app's own ordinary messages: the only kind it may change.
func (s *Server) ownMessageLocked(args map[string]string, notOurs string) (*channel, *Message, *apiError) {
	c := s.ws.channelLocked(args["channel"])
	if c == nil {
		return nil, nil, refuse("channel_not_found")
	}
	m := c.find(args["ts"])
	switch {
	case m == nil, m.EphemeralTo != "":
		return nil, nil, refuse("message_not_found")
	case m.User != s.cfg.Bot.UserID:
		return nil, nil, refuse(notOurs)
	}
	return c, m, nil
}

func (s *Server) chatUpdate(args map[string]string) (object, *apiError) {
	text, blocks, refused := content(args, maxUpdateText)
	if refused != nil {
		return nil, refused
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	c, m, refused := s.ownMessageLocked(args, "cant_update_message")
	if refused != nil {
		return nil, refused
	}
	if blocks == nil {
		blocks = m.Blocks // absent keeps them; only an empty array takes them away
	}
	if raw, refused := metadataOf(args); refused != nil {
		return nil, refused
	} else if raw != nil {
		m.Metadata = raw
	}
	w.editLocked(m, text, emptyAsNil(blocks))
	return object{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": w.wire(m)}, nil
}

func (s *Server) chatDelete(args map[string]string) (object, *apiError) {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	c, m, refused := s.ownMessageLocked(args, "cant_delete_message")
	if refused != nil {
		return nil, refused
	}
	c.messages = slices.DeleteFunc(c.messages, func(o *Message) bool { return o == m })
	w.changedLocked()
	return object{"channel": c.ID, "ts": m.TS}, nil
}

func (s *Server) conversationsOpen(args map[string]string) (object, *apiError) {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(args["users"], ",") {
		return nil, refuse("method_not_supported_for_channel_type") // group conversations are not faked
	}
	c, refused := w.conversationLocked(args["users"])
	if refused != nil {
		return nil, refuse("user_not_found")
	}
	return object{"channel": object{"id": c.ID}}, nil
}
