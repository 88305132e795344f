package slacktest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

const (
	maxViewBytes = 250 << 10
	maxViewStack = 3
)

// View is a modal that a user has before them.
type View struct {
	ID, RootID, PreviousID, Hash string
	UserID                       string
	CallbackID, ExternalID       string
	PrivateMetadata              string
	Raw                          json.RawMessage // as the app sent it, block IDs filled in
	// Errors are what the app answered to a submission, by block ID; shown at the inputs.
	Errors map[string]string
}

// trigger lets the app open one modal, soon: 3 s.
type trigger struct {
	userID  string
	expires time.Time
	used    bool
}

// newTriggerLocked hands out a trigger_id and forgets those long expired.
func (w *workspace) newTriggerLocked(userID string) string {
	for id, t := range w.triggers {
		if w.expired(t.expires.Add(time.Minute)) {
			delete(w.triggers, id)
		}
	}
	id := fmt.Sprintf("%d.%d.%s", w.cfg.Now().UnixMilli(), len(w.triggers), rand.Text())
	w.triggers[id] = &trigger{userID: userID, expires: w.cfg.Now().Add(w.cfg.TriggerTTL)}
	return id
}

func (w *workspace) exchangeLocked(id string) (string, *apiError) {
	t := w.triggers[id]
	switch {
	case t == nil:
		return "", refuse("invalid_trigger_id")
	case t.used:
		return "", refuse("exchanged_trigger_id")
	case w.expired(t.expires):
		return "", refuse("expired_trigger_id")
	}
	t.used = true
	return t.userID, nil
}

// parseView checks a modal and makes a View of it, without its place in a stack.
func parseView(raw string) (*View, *apiError) {
	if len(raw) > maxViewBytes {
		return nil, refuse("view_too_large")
	}
	if faults := CheckView(json.RawMessage(raw)); len(faults) > 0 {
		return nil, invalidBlocks("invalid_arguments", faults)
	}
	v, err := decode([]byte(raw))
	if err != nil {
		return nil, refuse("invalid_arguments")
	}
	o := v.(object) // CheckView saw to it
	items, _ := o["blocks"].([]any)
	o["blocks"] = withBlockIDs(items)
	full, err := json.Marshal(o)
	if err != nil {
		return nil, refuse("invalid_arguments")
	}
	return &View{
		ID: "V" + rand.Text()[:10], Hash: rand.Text()[:12], Raw: full,
		CallbackID: str(o, "callback_id"), ExternalID: str(o, "external_id"), PrivateMetadata: str(o, "private_metadata"),
	}, nil
}

func (s *Server) viewsOpen(args map[string]string) (object, *apiError) {
	return s.showView(args, false)
}
func (s *Server) viewsPush(args map[string]string) (object, *apiError) { return s.showView(args, true) }

func (s *Server) showView(args map[string]string, push bool) (object, *apiError) {
	view, refused := parseView(args["view"])
	if refused != nil {
		return nil, refused
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	user, refused := w.exchangeLocked(args["trigger_id"])
	if refused != nil {
		return nil, refused
	}
	if !push {
		delete(w.views, user)
	}
	if refused := w.pushViewLocked(user, view); refused != nil {
		return nil, refused
	}
	return object{"view": w.viewWire(view, nil)}, nil
}

func (w *workspace) pushViewLocked(user string, view *View) *apiError {
	stack := w.views[user]
	if len(stack) >= maxViewStack {
		return refuse("push_limit_reached")
	}
	view.UserID, view.RootID = user, view.ID
	if len(stack) > 0 {
		view.RootID, view.PreviousID = stack[0].ID, stack[len(stack)-1].ID
	}
	w.views[user] = append(stack, view)
	w.changedLocked()
	return nil
}

func (s *Server) viewsUpdate(args map[string]string) (object, *apiError) {
	next, refused := parseView(args["view"])
	if refused != nil {
		return nil, refused
	}
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.viewLocked(func(v *View) bool {
		return v.ID == args["view_id"] || args["external_id"] != "" && v.ExternalID == args["external_id"]
	})
	switch {
	case old == nil:
		return nil, refuse("not_found")
	case args["hash"] != "" && args["hash"] != old.Hash:
		return nil, refuse("hash_conflict")
	}
	w.replaceViewLocked(old, next)
	return object{"view": w.viewWire(old, nil)}, nil
}

// replaceViewLocked gives an open modal new content; its identity and place stay.
func (w *workspace) replaceViewLocked(old, next *View) {
	next.ID, next.RootID, next.PreviousID, next.UserID = old.ID, old.RootID, old.PreviousID, old.UserID
	*old = *next
	w.changedLocked()
}

func (w *workspace) viewLocked(is func(*View) bool) *View {
	for _, stack := range w.views {
		for _, v := range stack {
			if is(v) {
				return v
			}
		}
	}
	return nil
}

// viewWire is the view object of responses and payloads, with the state of its inputs.
func (w *workspace) viewWire(v *View, state object) object {
	o := object{}
	if full, err := decode(v.Raw); err == nil {
		o = full.(object)
	}
	if state == nil {
		state = object{}
	}
	o["id"], o["team_id"], o["hash"], o["root_view_id"] = v.ID, w.cfg.Team.ID, v.Hash, v.RootID
	o["app_id"], o["bot_id"], o["app_installed_team_id"] = w.cfg.Bot.AppID, w.cfg.Bot.BotID, w.cfg.Team.ID
	o["callback_id"], o["external_id"], o["private_metadata"] = v.CallbackID, v.ExternalID, v.PrivateMetadata
	o["state"] = object{"values": state}
	o["previous_view_id"] = nil
	if v.PreviousID != "" {
		o["previous_view_id"] = v.PreviousID
	}
	return o
}

// View is the modal on top for a user; false when there is none.
func (s *Server) View(userID string) (View, bool) {
	s.ws.mu.Lock()
	defer s.ws.mu.Unlock()
	stack := s.ws.views[userID]
	if len(stack) == 0 {
		return View{}, false
	}
	return *stack[len(stack)-1], true
}
