package slackbot_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// denying opens the modal that a click on Deny gives.
func (w *world) denying(t *testing.T, user string, at slackbot.MessageRef) slacktest.View {
	t.Helper()
	if _, err := w.Click(deadline(t), user, at.Channel, at.TS, "deny"); err != nil {
		t.Fatal(err)
	}
	v, err := w.WaitView(deadline(t), user)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func because(reason string) slacktest.ViewValues {
	return slacktest.ViewValues{"reason": {"reason": reason}}
}

// opened is a world where the database says that requests are pending.
func opened(t *testing.T, mode slackbot.Mode) (*world, slackbot.MessageRef) {
	w := start(t, mode, nil)
	w.open = true
	return w, w.post(t, pending())
}

// TestDenyAsksWhy: the modal decides, not the click that opened it; and the reason goes with it.
func TestDenyAsksWhy(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w, at := opened(t, mode)
		v := w.denying(t, bob, at)
		if v.PrivateMetadata != string(reqID) || len(w.decisions()) != 0 || !strings.Contains(string(v.Raw), "INC-1234: the database hangs") {
			t.Fatalf("before it is sent: %+v, %+v", v, w.decisions())
		}
		if _, err := w.CloseView(deadline(t), bob, v.ID); err != nil { // second thoughts
			t.Fatal(err)
		}
		for i, reason := range []string{"use the replica", ""} {
			v := w.denying(t, bob, at)
			if _, err := w.SubmitView(deadline(t), bob, v.ID, because(reason)); err != nil {
				t.Fatal(err)
			}
			if _, open := w.View(bob); open {
				t.Error("the modal stays")
			}
			want := decision{User: bob, ID: reqID, Verdict: access.VerdictDeny, Reason: reason}
			if d := w.decisions(); len(d) != i+1 || d[i] != want {
				t.Errorf("the desk heard %+v", d)
			}
		}
	})
}

// TestDenyWithoutAModal: where Slack can show no modal, who pressed Deny has denied.
func TestDenyWithoutAModal(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		for name, f := range map[string]slacktest.Fault{
			"refused": {Error: "internal_error"}, "too late": {Error: "expired_trigger_id"}, "not a modal": {Error: "unknown_method"},
			"broken": {Status: http.StatusBadGateway}, "429": {RetryAfter: time.Second}, "slow": {Delay: 4 * time.Second},
		} {
			w, at := opened(t, mode)
			f.Method = "views.open"
			w.Inject(f)
			if _, err := w.Click(deadline(t), bob, channel, at.TS, "deny"); err != nil {
				t.Fatal(name, err)
			}
			w.happened(t)
			if d := w.decisions(); len(d) != 1 || d[0].Verdict != access.VerdictDeny {
				t.Errorf("%s: %+v", name, d)
			}
		}
	})
}

// TestModalErrors: what does not count is said in the modal, whoever sends it.
func TestModalErrors(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w, at := opened(t, mode)
		w.decide = func(d decision) (access.Request, error) {
			return access.Request{}, access.Refuse(access.ReasonDecided, "eve approved it already", "").About(string(d.ID))
		}
		v := w.denying(t, bob, at)
		if _, err := w.SubmitView(deadline(t), bob, v.ID, because("no")); err != nil {
			t.Fatal(err)
		}
		if v, open := w.View(bob); !open || v.Errors["reason"] != "Eve approved it already. ("+string(reqID)+")" {
			t.Errorf("the modal says %+v", v.Errors)
		}
		// Somebody who was deactivated with the modal open.
		v = w.denying(t, eve, at)
		w.SetUser(slacktest.User{ID: eve, Name: "eve", Deleted: true})
		if _, err := w.SubmitView(deadline(t), eve, v.ID, because("no")); err != nil {
			t.Fatal(err)
		}
		if v, open := w.View(eve); !open || !strings.Contains(v.Errors["reason"], "deactivated") {
			t.Errorf("the modal says %+v", v.Errors)
		}
		if len(w.decisions()) != 1 || len(w.events()) != 1 {
			t.Errorf("decisions %+v, events %+v", w.decisions(), w.events())
		}
	})
}

// TestSubmittedOnce: a modal that arrives twice is one decision, and gets its answer each time.
func TestSubmittedOnce(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		faults := []slacktest.DeliveryFault{{Duplicate: true}}
		if mode == slackbot.ModeSocket {
			faults = append(faults, slacktest.DeliveryFault{LoseAck: true}, slacktest.DeliveryFault{Disconnect: true})
		}
		for _, f := range faults {
			w, at := opened(t, mode)
			w.decide = func(decision) (access.Request, error) {
				return access.Request{}, access.Refuse(access.ReasonNotAllowed, "not you", "")
			}
			v := w.denying(t, bob, at)
			w.InjectDelivery(f)
			if _, err := w.SubmitView(deadline(t), bob, v.ID, because("no")); err != nil {
				t.Fatal(f, err)
			}
			if v, open := w.View(bob); !open || v.Errors["reason"] != "Not you." || len(w.decisions()) != 1 {
				t.Errorf("%+v: %+v, %+v", f, v.Errors, w.decisions())
			}
		}
	})
}

// TestASlowDesk: Slack is answered in time, and what comes of it is said later.
func TestASlowDesk(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w, at := opened(t, mode)
		release := make(chan struct{})
		w.decide = func(decision) (access.Request, error) {
			<-release
			return access.Request{}, access.Refuse(access.ReasonNotAllowed, "not you", "")
		}
		v := w.denying(t, bob, at)
		if _, err := w.SubmitView(deadline(t), bob, v.ID, because("no")); err != nil {
			t.Fatal(err)
		}
		close(release)
		_, err := w.WaitMessage(deadline(t), bob, func(m slacktest.Message) bool { return m.Text == "Not you." })
		if err != nil {
			t.Error(err)
		}
	})
}

// TestMenuAndGrantButtons: less than was asked for; and what ends a grant.
func TestMenuAndGrantButtons(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w, at := opened(t, mode)
		menu, ok := find(t, w, at).Element("approve_for")
		if !ok || !slices.Equal(menu.Options, []string{string(reqID) + " 15m", string(reqID) + " 30m"}) {
			t.Fatalf("menu %+v", menu)
		}
		if _, err := w.Choose(deadline(t), bob, channel, at.TS, "approve_for", menu.Options[1]); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		if _, err := w.bot.Update(deadline(t), at, decided()); err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"revoke", "release"} {
			if _, err := w.Click(deadline(t), bob, channel, at.TS, action); err != nil {
				t.Fatal(action, err)
			}
			w.happened(t)
		}
		want := []decision{
			{User: bob, ID: reqID, Verdict: access.VerdictApprove, For: 30 * time.Minute},
			{User: bob, ID: reqID, Verb: "revoke"}, {User: bob, ID: reqID, Verb: "release"},
		}
		if d := w.decisions(); !slices.Equal(d, want) {
			t.Errorf("the desk heard %+v", d)
		}
		// A value of somebody's own making is nobody's click.
		for _, value := range []string{"", "30m", string(reqID), string(reqID) + " -1h", string(reqID) + " 1h 2h", "x 1h"} {
			p, err := w.ActionPayload(bob, channel, at.TS, "approve_for", menu.Options[0])
			if err != nil {
				t.Fatal(err)
			}
			p["actions"].([]any)[0].(map[string]any)["selected_option"] = map[string]any{"value": value}
			if _, err := w.Deliver(deadline(t), slacktest.Interactive, p); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "revoke"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		if n := len(w.decisions()); n != 4 {
			t.Errorf("%d decisions", n)
		}
	})
}

// TestModalHoldsItsLimits: whatever the request holds, Slack takes the modal.
func TestModalHoldsItsLimits(t *testing.T) {
	w, at := opened(t, slackbot.ModeHTTP)
	w.hostile = true
	v := w.denying(t, bob, at)
	if faults := slacktest.CheckView(v.Raw); len(faults) > 0 {
		t.Error(faults)
	}
	if strings.Contains(string(v.Raw), "mrkdwn") || len(v.PrivateMetadata) > 255 {
		t.Errorf("%s", v.Raw)
	}
	if !json.Valid(v.Raw) {
		t.Error("no JSON")
	}
}
