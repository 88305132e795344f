package slackbot_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/slacktest"
)

func TestClicks(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, nil)
		at := w.post(t, pending())
		for action, verdict := range map[string]access.Verdict{"approve": access.VerdictApprove, "deny": access.VerdictDeny} {
			if _, err := w.Click(deadline(t), bob, channel, at.TS, action); err != nil {
				t.Fatal(err)
			}
			w.happened(t)
			if d := w.decisions(); d[len(d)-1] != (decision{User: bob, ID: reqID, Verdict: verdict}) {
				t.Errorf("%s: %+v", action, d)
			}
		}
		if len(w.events()) != 0 || len(w.Messages(channel)) != 1 {
			t.Error("a click that counts needs no words")
		}
	})
}

// TestOnlyMembersDecide: each account that is not a full, confirmed member of our own workspace is
// refused with a private reason and an audit event, and the desk never hears of it.
func TestOnlyMembersDecide(t *testing.T) {
	refused := map[string]string{
		"U0GUEST": "guests", "U0SINGLE": "guests", "U0STRANGER": "another workspace", "U0OTHER": "another workspace",
		"U0GONE": "deactivated", "U0ROBOT": "apps cannot decide", "U0NEW": "not confirmed",
	}
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, nil)
		at := w.post(t, pending())
		for user, why := range refused {
			if _, err := w.Click(deadline(t), user, channel, at.TS, "approve"); err != nil {
				t.Fatal(user, err)
			}
			w.happened(t)
			w.answered(t, user, why)
			e := w.events()[len(w.events())-1]
			if e.Kind != audit.DecisionRefused || e.Request != string(reqID) || !strings.HasSuffix(e.Actor, "/"+user) || e.Detail["verdict"] != "approve" {
				t.Errorf("%s: event %+v", user, e)
			}
		}
		// Somebody the workspace does not know, and an identity of another workspace that claims ours.
		for claim, change := range map[string]func(p map[string]any){
			"unknown":      func(p map[string]any) { p["user"].(map[string]any)["id"] = "U0NOBODY" },
			"other team":   func(p map[string]any) { p["team"] = map[string]any{"id": "T0OTHER"} },
			"no team":      func(p map[string]any) { p["team"] = nil },
			"foreign user": func(p map[string]any) { p["user"].(map[string]any)["team_id"] = "T0OTHER" },
			"claims ours": func(p map[string]any) {
				p["user"] = map[string]any{"id": "U0OTHER", "team_id": w.Team().ID}
			},
		} {
			p, err := w.ActionPayload(bob, channel, at.TS, "approve", "")
			if err != nil {
				t.Fatal(err)
			}
			change(p)
			if _, err := w.Deliver(deadline(t), slacktest.Interactive, p); err != nil {
				t.Fatal(claim, err)
			}
			w.happened(t)
		}
		if d := w.decisions(); len(d) != 0 {
			t.Errorf("the desk heard %+v", d)
		}
		if n := len(w.events()); n != len(refused)+5 {
			t.Errorf("%d events", n)
		}
	})
}

// TestFailsClosed: while Slack cannot say who somebody is, their click does not count.
func TestFailsClosed(t *testing.T) {
	w := start(t, slackbot.ModeSocket, nil)
	at := w.post(t, pending())
	for _, f := range []slacktest.Fault{{Status: 500}, {RetryAfter: time.Second}, {Error: "internal_error"}, {DropResponse: true}} {
		f.Method = "users.info"
		w.Inject(f)
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
	}
	w.answered(t, bob, "could not ask Slack who you are")
	if len(w.decisions()) != 0 || len(w.events()) != 4 {
		t.Errorf("decisions %+v, events %+v", w.decisions(), w.events())
	}
}

// TestOncePerClick: whatever arrives twice is worked on once.
func TestOncePerClick(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		faults := []slacktest.DeliveryFault{{Duplicate: true}}
		if mode == slackbot.ModeSocket { // Slack repeats nothing over HTTP
			faults = append(faults, slacktest.DeliveryFault{LoseAck: true}, slacktest.DeliveryFault{Disconnect: true})
		}
		for _, f := range faults {
			w := start(t, mode, nil)
			at := w.post(t, pending())
			w.InjectDelivery(f)
			if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
				t.Fatal(f, err)
			}
			w.happened(t)
			// Another click, after which everything before it has been taken from the queue.
			if _, err := w.Click(deadline(t), eve, channel, at.TS, "deny"); err != nil {
				t.Fatal(f, err)
			}
			w.happened(t)
			d := w.decisions()
			if n := len(slices.DeleteFunc(slices.Clone(d), func(d decision) bool { return d.User != bob })); n != 1 {
				t.Errorf("%+v: %d decisions of one click", f, n)
			}
		}
	})
}

// TestSecondClick: the desk's refusal reaches who clicked, in private.
func TestSecondClick(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, nil)
		at := w.post(t, pending())
		w.decide = func(d decision) (access.Request, error) {
			if d.User == bob {
				return decided().Request, nil
			}
			return access.Request{}, access.Refuse(access.ReasonDecided, "bob approved this already", "").About(string(d.ID))
		}
		for _, user := range []string{bob, eve} {
			if _, err := w.Click(deadline(t), user, channel, at.TS, "approve"); err != nil {
				t.Fatal(err)
			}
			w.happened(t)
		}
		w.answered(t, eve, "Bob approved this already. ("+string(reqID)+")")
		for _, m := range w.Messages(channel) {
			if m.EphemeralTo == bob {
				t.Errorf("bob was told %q", m.Text)
			}
		}
		// The tracked card is the outbox's to rewrite, and an old screen still has its buttons.
		if _, err := w.bot.Update(deadline(t), at, decided()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Click(deadline(t), eve, channel, at.TS, "deny"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		if n := len(w.Calls("chat.update")); n != 1 {
			t.Errorf("%d updates", n)
		}
	})
}

// TestInternalErrorsStayInternal: what was not meant for a person is not shown to one.
func TestInternalErrorsStayInternal(t *testing.T) {
	w := start(t, slackbot.ModeSocket, nil)
	at := w.post(t, pending())
	w.decide = func(decision) (access.Request, error) { return access.Request{}, http.ErrBodyNotAllowed }
	if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
		t.Fatal(err)
	}
	w.answered(t, bob, "The bastion could not do this.")
}

// TestAcknowledgedIsWorkedOn: a click that Slack believes delivered is not lost when the bot stops.
func TestAcknowledgedIsWorkedOn(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, func(c *slacktest.Config) { c.AckWithin = time.Second })
		at := w.post(t, pending())
		w.Inject(slacktest.Fault{Method: "users.info", Delay: 200 * time.Millisecond})
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.stop()
		if n := len(w.decisions()); n != 1 {
			t.Errorf("%d decisions", n)
		}
		if _, err := w.Click(deadline(t), eve, channel, at.TS, "approve"); !errors.Is(err, slacktest.ErrNotAcknowledged) {
			t.Errorf("a stopped bot acknowledged: %v", err)
		}
	})
}

// TestTooManyClicks: what cannot be queued is not acknowledged, and counts when it comes again.
func TestTooManyClicks(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	at := w.post(t, pending())
	release := make(chan struct{})
	w.decide = func(decision) (access.Request, error) { <-release; return access.Request{}, nil }
	accepted := 0
	var turnedAway slacktest.Delivery
	for range 100 {
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
			sent := w.Deliveries()
			turnedAway = sent[len(sent)-1]
			break
		}
		accepted++
	}
	if turnedAway.Status != http.StatusServiceUnavailable || accepted < 64 {
		t.Fatalf("accepted %d, then status %d", accepted, turnedAway.Status)
	}
	close(release)
	for range accepted {
		w.happened(t)
	}
	if again, err := w.Send(deadline(t), turnedAway); err != nil || again.Status != http.StatusOK {
		t.Fatal(again.Status, err)
	}
	w.happened(t)
}

// TestNotOurs: interactions without a click of ours are acknowledged and change nothing.
func TestNotOurs(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, nil)
		at := w.post(t, pending())
		action := func(p map[string]any) map[string]any { return p["actions"].([]any)[0].(map[string]any) }
		for name, change := range map[string]func(p map[string]any){
			"another action": func(p map[string]any) { action(p)["action_id"] = "explode" },
			"no request ID":  func(p map[string]any) { action(p)["value"] = "1 OR 1=1" },
			"two actions":    func(p map[string]any) { p["actions"] = append(p["actions"].([]any), action(p)) },
			"no user":        func(p map[string]any) { p["user"] = map[string]any{"id": "<!channel>"} },
			"another type":   func(p map[string]any) { p["type"] = "view_submission" },
		} {
			p, err := w.ActionPayload(bob, channel, at.TS, "approve", "")
			if err != nil {
				t.Fatal(err)
			}
			change(p)
			if _, err := w.Deliver(deadline(t), slacktest.Interactive, p); err != nil {
				t.Error(name, err)
			}
		}
		if _, err := w.Click(deadline(t), bob, channel, at.TS, "approve"); err != nil {
			t.Fatal(err)
		}
		w.happened(t)
		if len(w.decisions()) != 1 || len(w.events()) != 0 {
			t.Errorf("decisions %+v, events %+v", w.decisions(), w.events())
		}
	})
}

func TestSlashCommand(t *testing.T) {
	both(t, func(t *testing.T, mode slackbot.Mode) {
		w := start(t, mode, nil)
		for _, c := range []struct{ typed, answer string }{
			{"", "1 wait for your word, 0 of yours are open"},
			{"list", "root@db1 for alice, 1h: waits for approval"},
			{"help", "ask LOGIN@HOST [1h] REASON…"},
			{"explode", "ask LOGIN@HOST [1h] REASON…"},
			{"ask root@db1 30m INC-1 <!channel>", "root@db1 for alice, 1h: waits for approval"},
			{"ask root@db1 the disk is full", "waits for approval"},
			{"ask nonsense", "That needs a login and a host"},
			{"approve " + string(reqID), "is approved"},
			{"approve " + strings.ToLower(string(reqID)) + " for 15m", "is approved"},
			{"approve " + string(reqID) + " soon", "Soon is no duration"},
			{"deny " + string(reqID) + " not now", "root@db1"},
			{"deny everything", "That needs the ID of a request"},
			{"cancel " + string(reqID), "Withdrawn."},
			{"release " + string(reqID), "Given back."},
			{"revoke " + string(reqID) + " done", "Revoked."},
		} {
			if _, err := w.SlashCommand(deadline(t), bob, channel, "/access", c.typed); err != nil {
				t.Fatal(c.typed, err)
			}
			list := w.Messages(channel)
			if m := list[len(list)-1]; m.EphemeralTo != bob || !strings.Contains(m.Shown(), c.answer) || len(slacktest.CheckBlocks(m.Blocks)) > 0 {
				t.Errorf("%q: %+v, shown %q", c.typed, m, m.Shown())
			}
		}
		want := []decision{
			{User: bob, Verb: "ask", For: 30 * time.Minute, Reason: "root@db1 INC-1 <!channel>"},
			{User: bob, Verb: "ask", Reason: "root@db1 the disk is full"},
			{User: bob, ID: reqID, Verdict: access.VerdictApprove},
			{User: bob, ID: reqID, Verdict: access.VerdictApprove, For: 15 * time.Minute},
			{User: bob, ID: reqID, Verdict: access.VerdictDeny, Reason: "not now"},
			{User: bob, ID: reqID, Verb: "cancel"}, {User: bob, ID: reqID, Verb: "release"},
			{User: bob, ID: reqID, Verb: "revoke", Reason: "done"},
		}
		if d := w.decisions(); !slices.Equal(d, want) {
			t.Errorf("the desk heard %+v", d)
		}
		// Who is no member gets an answer, and nothing else.
		if _, err := w.SlashCommand(deadline(t), "U0GUEST", channel, "/access", "approve "+string(reqID)); err != nil {
			t.Fatal(err)
		}
		w.answered(t, "U0GUEST", "guests of the workspace cannot decide")
		if len(w.decisions()) != len(want) || len(w.events()) != 1 {
			t.Errorf("decisions %+v, events %+v", w.decisions(), w.events())
		}
	})
}
