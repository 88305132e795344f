package slacktest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/internal/slacktest"
)

func modal(metadata string) slack.ModalViewRequest {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
	}
	why := slack.NewInputBlock("why", plain("Why"), nil, slack.NewPlainTextInputBlockElement(nil, "text"))
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain("Deny"), Submit: plain("Deny"), Close: plain("Cancel"), CallbackID: "deny",
		PrivateMetadata: metadata, Blocks: slack.Blocks{BlockSet: []slack.Block{why}}, NotifyOnClose: true,
	}
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestTriggers(t *testing.T) {
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	s := start(t, func(cfg *slacktest.Config) { cfg.Now = c.Now })
	connect(t, s, nil)
	api := client(s)
	ts := post(t, api, slack.MsgOptionText("f", false), card("R1"))
	click := func() string {
		r, err := s.Click(deadline(t), bob, channel, ts, "deny")
		if err != nil {
			t.Fatal(err)
		}
		return r.TriggerID
	}
	open := func(id string) string {
		if _, err := api.OpenViewContext(deadline(t), id, modal("R1")); err != nil {
			return err.Error()
		}
		return ""
	}
	id := click()
	for _, want := range []string{"", "exchanged_trigger_id"} {
		if got := open(id); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	id = click()
	c.Add(3100 * time.Millisecond)
	if got := open(id); got != "expired_trigger_id" {
		t.Errorf("late: %q", got)
	}
	if got := open("made up"); got != "invalid_trigger_id" {
		t.Errorf("made up: %q", got)
	}
}

func TestModal(t *testing.T) {
	s := start(t, nil)
	answers := map[string]any{"response_action": "errors", "errors": map[string]string{"why": "say more"}}
	events := connect(t, s, answers)
	api := client(s)
	ts := post(t, api, slack.MsgOptionText("f", false), card("R1"))
	r, err := s.Click(deadline(t), bob, channel, ts, "deny")
	if err != nil {
		t.Fatal(err)
	}
	next(t, events)
	opened, err := api.OpenViewContext(deadline(t), r.TriggerID, modal("R1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SubmitView(deadline(t), bob, opened.ID, nil); err == nil {
		t.Error("an empty required input was sent")
	}
	if _, err := s.SubmitView(deadline(t), alice, opened.ID, nil); err == nil {
		t.Error("alice submitted bob's modal")
	}
	values := slacktest.ViewValues{"why": {"text": "not today"}}
	if _, err := s.SubmitView(deadline(t), bob, opened.ID, values); err != nil {
		t.Fatal(err)
	}
	c := next(t, events)
	if c.Type != slack.InteractionTypeViewSubmission || c.View.PrivateMetadata != "R1" || c.View.CallbackID != "deny" || c.View.State.Values["why"]["text"].Value != "not today" {
		t.Errorf("submission: %+v", c.View)
	}
	if v, ok := s.View(bob); !ok || v.Errors["why"] != "say more" {
		t.Errorf("errors: %+v", v)
	}
	if _, err := api.UpdateViewContext(deadline(t), modal("R2"), "", opened.Hash, opened.ID); err != nil {
		t.Error(err)
	}
	if _, err := api.UpdateViewContext(deadline(t), modal("R3"), "", opened.Hash, opened.ID); err == nil || err.Error() != "hash_conflict" {
		t.Errorf("an old hash: %v", err)
	}
	if _, err := s.CloseView(deadline(t), bob, opened.ID); err != nil {
		t.Fatal(err)
	}
	if c := next(t, events); c.Type != slack.InteractionTypeViewClosed || c.View.PrivateMetadata != "R2" {
		t.Errorf("close: %+v", c)
	}
	if _, ok := s.View(bob); ok {
		t.Error("the modal is still there")
	}
}
