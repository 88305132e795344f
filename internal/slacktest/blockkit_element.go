package slacktest

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// textKind says which text objects a place accepts.
type textKind bool

const (
	anyText   textKind = false
	plainOnly textKind = true
)

// place says where an element stands: some live only within an input block.
type place bool

const (
	inMessage place = false
	inInput   place = true
)

// text checks a text object: type, and 1 to limit characters.
func (c *checker) text(p string, v any, limit int, kind textKind) {
	o, ok := v.(object)
	if !ok {
		c.fault(p, "missing required field")
		return
	}
	switch t := str(o, "type"); {
	case t == "plain_text":
		if o["verbatim"] != nil && o["verbatim"] != false {
			c.fault(p+"/verbatim", "only allowed in mrkdwn")
		}
	case t == "mrkdwn" && kind == anyText:
		if o["emoji"] != nil && o["emoji"] != false {
			c.fault(p+"/emoji", "only allowed in plain_text")
		}
	default:
		c.fault(p+"/type", "must be plain_text%s, not %q", map[textKind]string{anyText: " or mrkdwn"}[kind], t)
	}
	c.requiredString(p+"/text", o["text"], limit)
	c.chars += utf8.RuneCountInString(str(o, "text"))
}

func (c *checker) requiredString(p string, v any, limit int) {
	s, ok := v.(string)
	switch n := utf8.RuneCountInString(s); {
	case !ok:
		c.fault(p, "missing required field")
	case n == 0:
		c.fault(p, "must be more than 0 characters")
	case n > limit:
		c.fault(p, "must be less than %d characters", limit+1)
	}
}

// optionalString checks a member that may be absent, and returns it.
func (c *checker) optionalString(p string, v any, limit int) string {
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		c.fault(p, "must be a string")
	} else if utf8.RuneCountInString(s) > limit {
		c.fault(p, "must be less than %d characters", limit+1)
	}
	return s
}

var inputOnly = []string{"plain_text_input", "number_input", "email_text_input", "url_text_input"}

// element checks an interactive element; ids are the action IDs its block has already used.
func (c *checker) element(p string, e object, where place, ids map[string]bool) {
	if id := c.optionalString(p+"/action_id", e["action_id"], maxID); id != "" {
		if ids[id] {
			c.fault(p+"/action_id", "action_id %q already exists in this block", id)
		}
		ids[id] = true
	}
	if e["confirm"] != nil {
		c.confirm(p+"/confirm", sub(e, "confirm"))
	}
	if e["placeholder"] != nil {
		c.text(p+"/placeholder", e["placeholder"], 150, plainOnly)
	}
	switch t := str(e, "type"); {
	case t == "button" && where == inMessage:
		c.button(p, e)
	case t == "static_select":
		c.options(p, e, 100, plainOnly)
	case t == "overflow" && where == inMessage:
		c.options(p, e, 5, plainOnly)
	case t == "radio_buttons", t == "checkboxes":
		c.options(p, e, 10, anyText)
	case slices.Contains(inputOnly, t) && where == inInput:
		c.optionalString(p+"/initial_value", e["initial_value"], 3000)
		if t == "number_input" && e["is_decimal_allowed"] == nil {
			c.fault(p+"/is_decimal_allowed", "missing required field")
		}
	default:
		c.fault(p+"/type", "unsupported type: %q", t)
	}
}

func (c *checker) button(p string, e object) {
	c.text(p+"/text", e["text"], 75, plainOnly)
	c.optionalString(p+"/value", e["value"], 2000)
	c.optionalString(p+"/url", e["url"], 3000)
	c.optionalString(p+"/accessibility_label", e["accessibility_label"], 75)
	c.style(p+"/style", e["style"])
}

func (c *checker) style(p string, v any) {
	if v != nil && v != "primary" && v != "danger" {
		c.fault(p, "must be primary or danger")
	}
}

func (c *checker) confirm(p string, o object) {
	c.text(p+"/title", o["title"], 100, plainOnly)
	c.text(p+"/text", o["text"], 300, anyText)
	c.text(p+"/confirm", o["confirm"], 30, plainOnly)
	c.text(p+"/deny", o["deny"], 30, plainOnly)
	c.style(p+"/style", o["style"])
}

// options checks a choice: 1 to limit options (or groups of them), distinct values, and an initial
// option that is one of them.
func (c *checker) options(p string, e object, limit int, kind textKind) {
	all := options(e)
	if len(all) == 0 || len(all) > limit {
		c.fault(p+"/options", "must have between 1 and %d items", limit)
	}
	values := map[string]bool{}
	for i, o := range all {
		at := fmt.Sprintf("%s/options/%d", p, i)
		c.text(at+"/text", o["text"], 75, kind)
		c.requiredString(at+"/value", o["value"], 150)
		if o["description"] != nil {
			c.text(at+"/description", o["description"], 75, kind)
		}
		if v := str(o, "value"); values[v] {
			c.fault(at+"/value", "value %q is used twice", v)
		}
		values[str(o, "value")] = true
	}
	for i, g := range list(e, "option_groups") {
		c.text(fmt.Sprintf("%s/option_groups/%d/label", p, i), g["label"], 75, plainOnly)
	}
	initial := list(e, "initial_options")
	if o := sub(e, "initial_option"); o != nil {
		initial = append(initial, o)
	}
	for _, o := range initial {
		if !values[str(o, "value")] {
			c.fault(p+"/initial_option", "must be one of the options")
		}
	}
}
