package slacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// object is a JSON object kept as it came, so that what a client sent is stored and shown unchanged.
type object = map[string]any

// decode reads exactly one JSON value, numbers kept as written.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// str is a string member, or "".
func str(o object, key string) string {
	v, _ := o[key].(string)
	return v
}

// sub is an object member, or nil (which reads as empty).
func sub(o object, key string) object {
	v, _ := o[key].(object)
	return v
}

// list is an array member's objects; other things in it are left out.
func list(o object, key string) []object {
	return objects(o[key])
}

func objects(v any) []object {
	items, _ := v.([]any)
	out := make([]object, 0, len(items))
	for _, it := range items {
		if o, ok := it.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// walkObjects visits every object within raw, outer before inner; members in no promised order
// except that arrays keep theirs.
func walkObjects(raw json.RawMessage, visit func(object)) {
	if raw == nil {
		return
	}
	v, err := decode(raw)
	if err != nil {
		return // stored blocks were decoded before they were stored
	}
	walk(v, visit)
}

func walk(v any, visit func(object)) {
	switch v := v.(type) {
	case []any:
		for _, it := range v {
			walk(it, visit)
		}
	case object:
		visit(v)
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			walk(v[k], visit)
		}
	}
}

// elementsOf lists the interactive elements of a blocks array.
func elementsOf(blocks json.RawMessage) []Element {
	if blocks == nil {
		return nil
	}
	v, err := decode(blocks)
	if err != nil {
		return nil // as above
	}
	var out []Element
	for _, b := range objects(v) {
		candidates := list(b, "elements")
		for _, key := range []string{"accessory", "element"} {
			if o := sub(b, key); o != nil {
				candidates = append(candidates, o)
			}
		}
		for _, o := range candidates {
			if str(o, "action_id") == "" {
				continue
			}
			out = append(out, element(str(b, "block_id"), o))
		}
	}
	return out
}

func element(blockID string, o object) Element {
	e := Element{
		BlockID: blockID, ActionID: str(o, "action_id"), Type: str(o, "type"),
		Text: str(sub(o, "text"), "text"), Value: str(o, "value"), Style: str(o, "style"), raw: o,
	}
	for _, opt := range options(o) {
		e.Options = append(e.Options, str(opt, "value"))
	}
	return e
}

// options lists a select's options, grouped ones included.
func options(o object) []object {
	out := list(o, "options")
	for _, g := range list(o, "option_groups") {
		out = append(out, list(g, "options")...)
	}
	return out
}

func findElement(all []Element, actionID string) (Element, bool) {
	for _, e := range all {
		if e.ActionID == actionID {
			return e, true
		}
	}
	return Element{}, false
}

// chosen is the option with this value, as the payload repeats it.
func (e Element) chosen(value string) (object, bool) {
	for _, o := range options(e.raw) {
		if str(o, "value") == value {
			return o, true
		}
	}
	return nil, false
}
