package slacktest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/slacktest"
)

// TestBlockKit holds the limits: each case is one thing Slack refuses, beside a twin it accepts.
func TestBlockKit(t *testing.T) {
	long := func(n int) string { return strings.Repeat("é", n) }
	plain := func(n int) string { return fmt.Sprintf(`{"type":"plain_text","text":%q}`, long(n)) }
	button := func(rest string) string {
		return `[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Go"}` + rest + `}]}]`
	}
	many := func(n int, one string) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	for _, c := range []struct{ name, good, bad string }{
		{"an array", `[]`, `{}`},
		{"50 blocks", many(50, `{"type":"divider"}`), many(51, `{"type":"divider"}`)},
		{"known types", `[{"type":"divider"}]`, `[{"type":"carousel-of-dreams"}]`},
		{"section text", `[{"type":"section","text":` + plain(3000) + `}]`, `[{"type":"section","text":` + plain(3001) + `}]`},
		{"section has something", `[{"type":"section","fields":[` + plain(2000) + `]}]`, `[{"type":"section"}]`},
		{"text is not empty", `[{"type":"section","text":` + plain(1) + `}]`, `[{"type":"section","text":` + plain(0) + `}]`},
		{"field text", `[{"type":"section","fields":[` + plain(2000) + `]}]`, `[{"type":"section","fields":[` + plain(2001) + `]}]`},
		{"10 fields", `[{"type":"section","fields":` + many(10, plain(1)) + `}]`, `[{"type":"section","fields":` + many(11, plain(1)) + `}]`},
		{"header is plain", `[{"type":"header","text":` + plain(150) + `}]`, `[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`},
		{"header length", `[{"type":"header","text":` + plain(150) + `}]`, `[{"type":"header","text":` + plain(151) + `}]`},
		{"10 in a context", `[{"type":"context","elements":` + many(10, plain(1)) + `}]`, `[{"type":"context","elements":` + many(11, plain(1)) + `}]`},
		{"actions not empty", button(``), `[{"type":"actions","elements":[]}]`},
		{"button text", button(``), `[{"type":"actions","elements":[{"type":"button","text":` + plain(76) + `}]}]`},
		{"button text is plain", button(``), `[{"type":"actions","elements":[{"type":"button","text":{"type":"mrkdwn","text":"x"}}]}]`},
		{"button value", button(`,"value":"` + long(2000) + `"`), button(`,"value":"` + long(2001) + `"`)},
		{"action ID", button(`,"action_id":"` + long(255) + `"`), button(`,"action_id":"` + long(256) + `"`)},
		{"style", button(`,"style":"danger"`), button(`,"style":"loud"`)},
		{"block ID", `[{"type":"divider","block_id":"` + long(255) + `"}]`, `[{"type":"divider","block_id":"` + long(256) + `"}]`},
		{"block IDs differ", `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"b"}]`, `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`},
		{"emoji only in plain text", `[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]`, `[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`},
		{
			"select has options", `[{"type":"actions","elements":[{"type":"static_select","options":[{"text":` + plain(1) + `,"value":"1"}]}]}]`,
			`[{"type":"actions","elements":[{"type":"static_select","options":[]}]}]`,
		},
		{
			"rich text", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]`,
			`[{"type":"rich_text","elements":[{"type":"text","text":"x"}]}]`,
		},
		{
			"all text together", `[{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"text","text":"` + long(13000) + `"}]}]}]`,
			`[{"type":"section","text":` + plain(3000) + `},{"type":"section","text":` + plain(3000) + `},{"type":"section","text":` + plain(3000) + `},{"type":"section","text":` + plain(3000) + `},{"type":"section","text":` + plain(1001) + `}]`,
		},
		{
			"input elements stay in inputs", `[{"type":"input","label":` + plain(1) + `,"element":{"type":"plain_text_input","action_id":"a"}}]`,
			`[{"type":"actions","elements":[{"type":"plain_text_input","action_id":"a"}]}]`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if faults := slacktest.CheckBlocks(json.RawMessage(c.good)); len(faults) > 0 {
				t.Errorf("refused the good twin: %v", faults)
			}
			if faults := slacktest.CheckBlocks(json.RawMessage(c.bad)); len(faults) == 0 {
				t.Errorf("accepted %.200s", c.bad)
			}
		})
	}
}

func TestViews(t *testing.T) {
	view := func(rest string) json.RawMessage {
		return json.RawMessage(`{"type":"modal","title":{"type":"plain_text","text":"Deny"}` + rest + `}`)
	}
	input := `,"blocks":[{"type":"input","label":{"type":"plain_text","text":"Why"},"element":{"type":"plain_text_input"}}]`
	if faults := slacktest.CheckView(view(`,"submit":{"type":"plain_text","text":"Deny"}` + input)); len(faults) > 0 {
		t.Error(faults)
	}
	for name, bad := range map[string]string{
		"no submit": input, "no blocks": "", "metadata": `,"blocks":[],"private_metadata":"` + strings.Repeat("x", 3001) + `"`,
	} {
		if len(slacktest.CheckView(view(bad))) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}
