package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The limits of Block Kit (docs.slack.dev, reference/block-kit/blocks and /block-elements); text is
// counted in characters.
const (
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxSectionText   = 3000
	maxFieldText     = 2000
	maxFields        = 10
	maxHeaderText    = 150
	maxContext       = 10
	maxActions       = 25
	maxID            = 255
	maxMessageChars  = 13000 // of all blocks together; observed, answered with msg_blocks_too_long
	maxViewTitle     = 24
	maxMetadata      = 3000
	maxRichDepth     = 8 // ours: nothing legal nests deeper
)

// CheckBlocks lists what Slack would refuse in the blocks of a message; empty means legal.
func CheckBlocks(raw json.RawMessage) []string {
	c := &checker{}
	c.blocks("/blocks", raw, maxMessageBlocks)
	if c.chars > maxMessageChars && len(c.faults) == 0 {
		c.fault("/blocks", "%s", errBlocksTooLong)
	}
	return c.faults
}

// CheckView lists what Slack would refuse in a modal.
func CheckView(raw json.RawMessage) []string {
	c := &checker{}
	v, err := decode(raw)
	view, ok := v.(object)
	if err != nil || !ok {
		c.fault("/view", "must be a JSON object")
		return c.faults
	}
	if t := str(view, "type"); t != "modal" {
		c.fault("/view/type", "unsupported type: %q", t)
	}
	c.text("/view/title", view["title"], maxViewTitle, plainOnly)
	for _, key := range []string{"submit", "close"} {
		if view[key] != nil {
			c.text("/view/"+key, view[key], maxViewTitle, plainOnly)
		}
	}
	c.optionalString("/view/private_metadata", view["private_metadata"], maxMetadata)
	c.optionalString("/view/callback_id", view["callback_id"], maxID)
	c.optionalString("/view/external_id", view["external_id"], maxID)
	blocks, err := json.Marshal(view["blocks"])
	if err != nil {
		c.fault("/view/blocks", "%v", err)
		return c.faults
	}
	c.blocks("/view/blocks", blocks, maxViewBlocks)
	if c.inputs > 0 && view["submit"] == nil {
		c.fault("/view/submit", "a modal with input blocks needs a submit button")
	}
	return c.faults
}

// errBlocksTooLong marks the one fault that Slack reports under a name of its own.
const errBlocksTooLong = "blocks carry too much text"

// checker collects faults, each with a JSON pointer as in Slack's response_metadata.
type checker struct {
	faults []string
	chars  int
	inputs int
}

func (c *checker) fault(pointer, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("[ERROR] "+format+" [json-pointer:%s]", append(args, pointer)...))
}

func (c *checker) blocks(at string, raw json.RawMessage, limit int) {
	v, err := decode(raw)
	items, ok := v.([]any)
	if err != nil || !ok {
		c.fault(at, "must be a JSON array")
		return
	}
	if len(items) > limit {
		c.fault(at, "no more than %d items allowed", limit)
		return
	}
	seen := map[string]bool{}
	for i, it := range items {
		p := fmt.Sprintf("%s/%d", at, i)
		b, ok := it.(object)
		if !ok {
			c.fault(p, "must be an object")
			continue
		}
		if id := c.optionalString(p+"/block_id", b["block_id"], maxID); id != "" {
			if seen[id] {
				c.fault(p+"/block_id", "block_id %q already exists", id)
			}
			seen[id] = true
		}
		c.block(p, b)
	}
}

func (c *checker) block(p string, b object) {
	switch t := str(b, "type"); t {
	case "section":
		c.section(p, b)
	case "header":
		c.text(p+"/text", b["text"], maxHeaderText, plainOnly)
	case "divider":
	case "context":
		c.each(p, b, maxContext, func(p string, e object) {
			if str(e, "type") == "image" {
				c.image(p, e)
				return
			}
			c.text(p, e, maxFieldText, anyText)
		})
	case "actions":
		ids := map[string]bool{}
		c.each(p, b, maxActions, func(p string, e object) { c.element(p, e, inMessage, ids) })
	case "image":
		c.image(p, b)
	case "input":
		c.inputs++
		c.text(p+"/label", b["label"], 2000, plainOnly)
		if b["hint"] != nil {
			c.text(p+"/hint", b["hint"], 2000, plainOnly)
		}
		c.element(p+"/element", sub(b, "element"), inInput, map[string]bool{})
	case "rich_text":
		c.richText(p, b, 0)
	default:
		c.fault(p+"/type", "unsupported type: %q", t)
	}
}

func (c *checker) section(p string, b object) {
	if b["text"] == nil && b["fields"] == nil {
		c.fault(p, "missing required field: text or fields")
	}
	if b["text"] != nil {
		c.text(p+"/text", b["text"], maxSectionText, anyText)
	}
	if b["fields"] != nil {
		fields, _ := b["fields"].([]any)
		if len(fields) == 0 || len(fields) > maxFields {
			c.fault(p+"/fields", "must have between 1 and %d items", maxFields)
		}
		for i, f := range fields {
			c.text(fmt.Sprintf("%s/fields/%d", p, i), f, maxFieldText, anyText)
		}
	}
	if b["accessory"] != nil {
		a := sub(b, "accessory")
		if str(a, "type") == "image" {
			c.image(p+"/accessory", a)
			return
		}
		c.element(p+"/accessory", a, inMessage, map[string]bool{})
	}
}

// each checks a block's elements array: 1 to limit objects.
func (c *checker) each(p string, b object, limit int, check func(string, object)) {
	items, _ := b["elements"].([]any)
	if len(items) == 0 || len(items) > limit {
		c.fault(p+"/elements", "must have between 1 and %d items", limit)
		return
	}
	for i, it := range items {
		e, ok := it.(object)
		if !ok {
			c.fault(fmt.Sprintf("%s/elements/%d", p, i), "must be an object")
			continue
		}
		check(fmt.Sprintf("%s/elements/%d", p, i), e)
	}
}

func (c *checker) image(p string, b object) {
	if str(b, "image_url") == "" && b["slack_file"] == nil {
		c.fault(p+"/image_url", "missing required field")
	}
	c.requiredString(p+"/alt_text", b["alt_text"], 2000)
}

// richContainers and richLeaves are the element types of a rich_text block that this fake knows.
var (
	richContainers = []string{"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
	richLeaves     = []string{"text", "link", "user", "usergroup", "channel", "emoji", "date", "broadcast", "color", "team"}
)

func (c *checker) richText(p string, b object, depth int) {
	items, ok := b["elements"].([]any)
	if !ok || depth > maxRichDepth {
		c.fault(p+"/elements", "must be an array, nested no deeper than Slack allows")
		return
	}
	for i, it := range items {
		at := fmt.Sprintf("%s/elements/%d", p, i)
		e, _ := it.(object)
		t := str(e, "type")
		switch {
		case slices.Contains(richContainers, t) && (depth == 0 || t == "rich_text_section"):
			c.richText(at, e, depth+1)
		case depth > 0 && t == "text":
			// An empty run is refused by Slack; a list of none is not.
			c.requiredString(at+"/text", e["text"], maxMessageChars)
			c.chars += utf8.RuneCountInString(str(e, "text"))
		case depth > 0 && slices.Contains(richLeaves, t):
		default:
			c.fault(at+"/type", "unsupported type: %q", t)
		}
	}
}
