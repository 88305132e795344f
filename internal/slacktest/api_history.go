package slacktest

import (
	"slices"
	"strconv"
	"strings"
)

// readableLocked is a conversation whose history the app may read: each kind has a scope of its own.
func (s *Server) readableLocked(args map[string]string) (*channel, *apiError) {
	c, refused := s.ws.conversationLocked(args["channel"])
	if refused != nil {
		return nil, refused
	}
	scope := "channels:history"
	if c.dmWith != "" {
		scope = "im:history"
	}
	if !slices.Contains(s.cfg.Scopes, scope) {
		return nil, &apiError{"missing_scope", object{"needed": scope, "provided": strings.Join(s.cfg.Scopes, ",")}}
	}
	return c, nil
}

// pageOf is what a call asks for of messages that are in order.
func (w *workspace) pageOf(args map[string]string, messages []*Message, wanted func(*Message) bool) object {
	limit, err := strconv.Atoi(args["limit"])
	if err != nil || limit < 1 || limit > 999 {
		limit = 100
	}
	found := []object{}
	for _, m := range messages {
		if m.EphemeralTo != "" || !wanted(m) || m.TS <= args["oldest"] || args["latest"] != "" && m.TS >= args["latest"] {
			continue
		}
		if len(found) == limit {
			return object{"messages": found, "has_more": true}
		}
		o := w.wire(m)
		if all := args["include_all_metadata"]; all != "true" && all != "1" {
			delete(o, "metadata")
		}
		found = append(found, o)
	}
	return object{"messages": found, "has_more": false}
}

// conversationsHistory is what stands in a channel, newest first.
func (s *Server) conversationsHistory(args map[string]string) (object, *apiError) {
	s.ws.mu.Lock()
	defer s.ws.mu.Unlock()
	c, refused := s.readableLocked(args)
	if refused != nil {
		return nil, refused
	}
	newest := slices.Clone(c.messages)
	slices.Reverse(newest)
	return s.ws.pageOf(args, newest, func(m *Message) bool { return m.ThreadTS == "" }), nil
}

// conversationsReplies is a thread, oldest first, its parent included whatever the bounds.
func (s *Server) conversationsReplies(args map[string]string) (object, *apiError) {
	s.ws.mu.Lock()
	defer s.ws.mu.Unlock()
	c, refused := s.readableLocked(args)
	if refused != nil {
		return nil, refused
	}
	parent := c.find(args["ts"])
	if parent == nil {
		return nil, refuse("thread_not_found")
	}
	page := s.ws.pageOf(args, c.messages, func(m *Message) bool { return m.ThreadTS == args["ts"] })
	page["messages"] = append([]object{s.ws.wire(parent)}, page["messages"].([]object)...)
	return page, nil
}
