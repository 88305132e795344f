package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// stateOf is view.state.values for the inputs given, and the required ones that are missing.
func stateOf(v *View, values ViewValues) (state object, missing map[string]string) {
	state, missing = object{}, map[string]string{}
	var full struct {
		Blocks json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal(v.Raw, &full) != nil {
		return state, missing
	}
	optional := map[string]bool{}
	blocks, _ := decode(full.Blocks) // was decoded before it was stored
	for _, b := range objects(blocks) {
		optional[str(b, "block_id")] = str(b, "type") != "input" || b["optional"] == true
	}
	for _, e := range elementsOf(full.Blocks) {
		given := values[e.BlockID][e.ActionID]
		value := inputValue(e, given)
		if value == nil {
			continue // a button
		}
		if given == "" && !optional[e.BlockID] {
			missing[e.BlockID] = "Please complete this required field."
		}
		block, _ := state[e.BlockID].(object)
		if block == nil {
			block = object{}
		}
		block[e.ActionID] = value
		state[e.BlockID] = block
	}
	return state, missing
}

func inputValue(e Element, given string) object {
	o := object{"type": e.Type}
	switch e.Type {
	case "button", "overflow":
		return nil
	case "static_select", "radio_buttons":
		o["selected_option"] = nil
		if opt, ok := e.chosen(given); ok {
			o["selected_option"] = opt
		}
	case "checkboxes":
		picked := []any{}
		for value := range strings.SplitSeq(given, "\n") {
			if opt, ok := e.chosen(value); ok {
				picked = append(picked, opt)
			}
		}
		o["selected_options"] = picked
	default:
		o["value"] = nil
		if given != "" {
			o["value"] = given
		}
	}
	return o
}

// afterSubmit does what the app answered to a submission: without an answer the modal closes.
func (s *Server) afterSubmit(userID, viewID string, answer object) error {
	w := s.ws
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.viewLocked(func(v *View) bool { return v.ID == viewID })
	if v == nil {
		return nil // closed meanwhile
	}
	action := str(answer, "response_action")
	var next *View
	if action == "update" || action == "push" {
		raw, err := json.Marshal(answer["view"])
		if err != nil {
			return err
		}
		var refused *apiError
		if next, refused = parseView(string(raw)); refused != nil {
			return fmt.Errorf("slacktest: the submission's answer was refused: %s %v", refused.code, refused.extra)
		}
	}
	switch action {
	case "errors":
		v.Errors = map[string]string{}
		for block, text := range sub(answer, "errors") {
			v.Errors[block] = fmt.Sprint(text)
		}
	case "update":
		w.replaceViewLocked(v, next)
	case "push":
		if refused := w.pushViewLocked(userID, next); refused != nil {
			return fmt.Errorf("slacktest: %s", refused.code)
		}
	case "clear":
		delete(w.views, userID)
	default:
		w.popViewLocked(v)
	}
	w.changedLocked()
	return nil
}

func (w *workspace) popViewLocked(v *View) {
	w.views[v.UserID] = slices.DeleteFunc(w.views[v.UserID], func(o *View) bool { return o == v })
	if len(w.views[v.UserID]) == 0 {
		delete(w.views, v.UserID)
	}
	w.changedLocked()
}

// WaitView returns the modal on top for a user, waiting for one until ctx ends.
func (s *Server) WaitView(ctx context.Context, userID string) (View, error) {
	var top View
	err := s.ws.wait(ctx, func() bool {
		stack := s.ws.views[userID]
		if len(stack) == 0 {
			return false
		}
		top = *stack[len(stack)-1]
		return true
	})
	return top, err
}
