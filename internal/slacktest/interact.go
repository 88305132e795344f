package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrNoElement says that the message does not show what was to be clicked, or not to this user.
var ErrNoElement = errors.New("slacktest: no such element for this user")

// Click presses a button as a user and waits for the app's acknowledgement.
func (s *Server) Click(ctx context.Context, userID, channelID, ts, actionID string) (Receipt, error) {
	return s.Choose(ctx, userID, channelID, ts, actionID, "")
}

// Choose picks an option of a select, radio group or overflow menu by its value.
func (s *Server) Choose(ctx context.Context, userID, channelID, ts, actionID, value string) (Receipt, error) {
	p, err := s.ActionPayload(userID, channelID, ts, actionID, value)
	if err != nil {
		return Receipt{}, err
	}
	return s.Deliver(ctx, Interactive, p)
}

// ActionPayload builds the block_actions payload of a click without sending it. A button that the
// message showed only in an earlier version still works, as for a person who looks at an old screen.
func (s *Server) ActionPayload(userID, channelID, ts, actionID, value string) (map[string]any, error) {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.userLocked(userID)
	if u == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownUser, userID)
	}
	c, m := w.visibleLocked(userID, channelID, ts)
	if m == nil {
		return nil, ErrNoElement
	}
	seen := m.clone()
	e, ok := seen.Element(actionID)
	for i := len(m.Edits) - 1; !ok && i >= 0; i-- {
		seen.Text, seen.Blocks = m.Edits[i].Text, m.Edits[i].Blocks
		e, ok = seen.Element(actionID)
	}
	if !ok {
		return nil, ErrNoElement
	}
	action, err := s.actionOf(e, value)
	if err != nil {
		return nil, err
	}
	p := s.payloadLocked("block_actions", u)
	p["container"] = object{
		"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": m.EphemeralTo != "",
	}
	p["channel"] = object{"id": c.ID, "name": c.payloadName()}
	p["state"] = object{"values": object{}}
	p["response_url"] = s.newResponseURLLocked(c, m, userID)
	p["actions"] = []any{action}
	if m.EphemeralTo == "" { // Slack sends no message along with a click on an ephemeral one
		p["message"] = w.wire(&seen)
	}
	return p, nil
}

// visibleLocked finds a message that this user can see.
func (w *workspace) visibleLocked(userID, channelID, ts string) (*channel, *Message) {
	c := w.channelLocked(channelID)
	if c == nil {
		c = w.channelLocked("D" + channelID)
	}
	if c == nil || !c.has(userID) {
		return nil, nil
	}
	m := c.find(ts)
	if m == nil || m.EphemeralTo != "" && m.EphemeralTo != userID {
		return nil, nil
	}
	return c, m
}

func (c *channel) payloadName() string {
	if c.dmWith != "" {
		return "directmessage"
	}
	return c.Name
}

// actionOf is the element of actions[] in the payload.
func (s *Server) actionOf(e Element, value string) (object, error) {
	a := object{
		"action_id": e.ActionID, "block_id": e.BlockID, "type": e.Type,
		"action_ts": fmt.Sprintf("%d.000000", s.cfg.Now().Unix()),
	}
	switch e.Type {
	case "button":
		a["text"] = e.raw["text"]
		if e.Value != "" {
			a["value"] = e.Value
		}
		if e.Style != "" {
			a["style"] = e.Style
		}
	case "checkboxes":
		o, ok := e.chosen(value)
		if !ok {
			return nil, fmt.Errorf("%w: option %q", ErrNoElement, value)
		}
		a["selected_options"] = []any{o}
	default:
		o, ok := e.chosen(value)
		if !ok {
			return nil, fmt.Errorf("%w: option %q", ErrNoElement, value)
		}
		a["selected_option"] = o
	}
	return a, nil
}

// payloadLocked is what every interaction payload carries.
func (s *Server) payloadLocked(kind string, u *User) object {
	return object{
		"type": kind, "token": "deprecated-verification-token", "api_app_id": s.cfg.Bot.AppID,
		"trigger_id": s.ws.newTriggerLocked(u.ID),
		"team":       object{"id": s.cfg.Team.ID, "domain": s.cfg.Team.Domain},
		"user":       object{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// SlashCommand types a command as a user and waits for the acknowledgement. What the app answers at
// once is shown as Slack shows it: to this user only, unless response_type is in_channel.
func (s *Server) SlashCommand(ctx context.Context, userID, channelID, command, text string) (Receipt, error) {
	if !slices.Contains(s.cfg.Commands, command) {
		return Receipt{}, fmt.Errorf("slacktest: the app has no command %q", command)
	}
	w := s.ws
	w.mu.Lock()
	u, c := w.userLocked(userID), w.channelLocked(channelID)
	if u == nil || c == nil || !c.has(userID) {
		w.mu.Unlock()
		return Receipt{}, fmt.Errorf("%w in channel %s: %s", ErrUnknownUser, channelID, userID)
	}
	p := object{
		"token": "deprecated-verification-token", "api_app_id": s.cfg.Bot.AppID,
		"team_id": s.cfg.Team.ID, "team_domain": s.cfg.Team.Domain, "is_enterprise_install": "false",
		"channel_id": c.ID, "channel_name": c.payloadName(), "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": text,
		"trigger_id": w.newTriggerLocked(u.ID), "response_url": s.newResponseURLLocked(c, nil, userID),
	}
	w.mu.Unlock()
	r, err := s.Deliver(ctx, SlashCommands, p)
	if err != nil {
		return r, err
	}
	if answer := r.answered(); str(answer, "text") != "" || answer["blocks"] != nil {
		if refused := s.respond(&responseURL{channel: channelID, userID: userID}, answer); refused != nil {
			return r, fmt.Errorf("slacktest: the command's answer was refused: %s", refused.code)
		}
	}
	return r, nil
}

// ViewValues are the inputs of a modal: by block ID, then action ID. An option is named by its
// value; several checked boxes are separated by newlines.
type ViewValues map[string]map[string]string

// SubmitView submits the modal with these inputs and does what the app answers: close, show errors
// (see [View].Errors), update, push or clear.
func (s *Server) SubmitView(ctx context.Context, userID, viewID string, values ViewValues) (Receipt, error) {
	w := s.ws
	w.mu.Lock()
	u, v := w.userLocked(userID), w.viewLocked(func(v *View) bool { return v.ID == viewID && v.UserID == userID })
	if u == nil || v == nil {
		w.mu.Unlock()
		return Receipt{}, ErrNoElement
	}
	state, missing := stateOf(v, values)
	if len(missing) > 0 {
		v.Errors = missing // the client keeps an incomplete form from being sent
		w.changedLocked()
		w.mu.Unlock()
		return Receipt{}, errors.New("slacktest: required inputs are empty")
	}
	p := s.payloadLocked("view_submission", u)
	p["view"], p["response_urls"] = w.viewWire(v, state), []any{}
	w.mu.Unlock()
	r, err := s.Deliver(ctx, Interactive, p)
	if err != nil {
		return r, err
	}
	return r, s.afterSubmit(userID, viewID, r.answered())
}

// CloseView dismisses the modal, and tells the app if it asked to be told.
func (s *Server) CloseView(ctx context.Context, userID, viewID string) (Receipt, error) {
	w := s.ws
	w.mu.Lock()
	u, v := w.userLocked(userID), w.viewLocked(func(v *View) bool { return v.ID == viewID && v.UserID == userID })
	if u == nil || v == nil {
		w.mu.Unlock()
		return Receipt{}, ErrNoElement
	}
	p := s.payloadLocked("view_closed", u)
	p["view"], p["is_cleared"] = w.viewWire(v, nil), false
	w.popViewLocked(v)
	w.mu.Unlock()
	var full object
	if json.Unmarshal(v.Raw, &full) != nil || full["notify_on_close"] != true {
		return Receipt{}, nil
	}
	return s.Deliver(ctx, Interactive, p)
}

// newResponseURLLocked hands out a response URL and forgets those long expired.
func (s *Server) newResponseURLLocked(c *channel, m *Message, userID string) string {
	w := s.ws
	for id, r := range w.responses {
		if w.expired(r.expires) {
			delete(w.responses, id)
		}
	}
	r := &responseURL{channel: c.ID, userID: userID, expires: w.cfg.Now().Add(responseLife), left: responseUses}
	if m != nil {
		r.ts = m.TS
	}
	id := rand.Text()
	w.responses[id] = r
	return s.URL() + "/actions/" + id
}
