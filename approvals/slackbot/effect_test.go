package slackbot_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

func withHistory(c *slacktest.Config) {
	c.Scopes = []string{"chat:write", "users:read", "im:write", "im:history", "channels:history"}
	c.Users = append(c.Users, slacktest.User{ID: "U0ALICE", Name: "alice"})
}

// TestEffectsAreToldOnce: an answer that was lost does not tell it twice, where the app may look;
// nor when more has gathered meanwhile.
func TestEffectsAreToldOnce(t *testing.T) {
	for name, kind := range map[string]access.EffectKind{
		"thread": access.EffectReviewed, "private": access.EffectDecided, "digest": access.EffectAuto,
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, slackbot.ModeHTTP, withHistory)
			at := w.post(t, decided())
			three := telling(decided(), at, access.Effect{Kind: kind}, access.Effect{Kind: kind}, access.Effect{Kind: kind})
			two := three
			two.Effects = three.Effects[:2]
			if kind == access.EffectAuto {
				two.Requests = three.Requests[:2]
			}
			w.Inject(slacktest.Fault{Method: "chat.postMessage", DropResponse: true})
			if _, err := w.bot.Tell(deadline(t), two); err == nil {
				t.Fatal("a lost answer passed for success")
			}
			three.Again = true
			if told, err := w.bot.Tell(deadline(t), three); err != nil || told != 2 {
				t.Fatalf("told %d, %v; want the two that were", told, err)
			}
			rest := three
			rest.Effects, rest.Again = three.Effects[2:], false
			if told, err := w.bot.Tell(deadline(t), rest); err != nil || told != 1 {
				t.Fatalf("told %d, %v", told, err)
			}
			if n := len(w.Calls("chat.postMessage")); n != 3 { // the card and the two
				t.Errorf("%d posts", n)
			}
		})
	}
}

// TestOthersDoNotCount: a message of another bastion, with the same numbers, is not ours.
func TestOthersDoNotCount(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, withHistory)
	n, other := decided(), decided()
	other.Request.ID = "01JABCDEFGHJKMNPQRSTVWXYZ1"
	for _, n := range []slackbot.Notice{n, other} {
		tell := telling(n, slackbot.MessageRef{}, access.Effect{Kind: access.EffectAuto})
		tell.Again = true
		if told, err := w.bot.Tell(deadline(t), tell); err != nil || told != 1 {
			t.Fatal(told, err)
		}
	}
	if m := w.Messages(channel); len(m) != 2 {
		t.Errorf("%d messages", len(m))
	}
}

// TestWithoutScopes: an app that may not look, nor open a conversation, tells all the same.
func TestWithoutScopes(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, func(c *slacktest.Config) { c.Users = append(c.Users, slacktest.User{ID: "U0ALICE", Name: "alice"}) })
	tell := telling(decided(), slackbot.MessageRef{}, access.Effect{Kind: access.EffectDecided})
	tell.Again = true
	if told, err := w.bot.Tell(deadline(t), tell); err != nil || told != 1 {
		t.Fatal(told, err)
	}
	if m := w.Messages("U0ALICE"); len(m) != 1 || !strings.Contains(m[0].Shown(), "ssh root@db1@bastion") {
		t.Errorf("alice reads %+v", m)
	}
	if h := w.bot.Health(); !h.OK {
		t.Errorf("a scope that is missing is no fault: %+v", h)
	}
}

// TestEveryStateHoldsSlacksLimits: the worst that a request, a person or a host can hold, in every
// state and for every effect, alone and twenty at once.
func TestEveryStateHoldsSlacksLimits(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, withHistory)
	var first slackbot.MessageRef
	for i, s := range states() {
		n := worst(s.Notice)
		n.Request.ID = access.RequestID("01J" + strings.Repeat("0", 21) + string(rune('A'+i%6)) + string(rune('0'+i%10)))
		at := w.post(t, n)
		if i == 0 {
			first = at
		}
		fits(t, s.name, find(t, w, at))
	}
	before := len(w.Messages(channel))
	for _, e := range effects(reqID) {
		e.Text, e.Person = hostile, access.PersonName(hostile)
		var twenty []access.Effect
		for range 20 {
			twenty = append(twenty, e)
		}
		for _, s := range states() {
			tell := telling(worst(s.Notice), first, twenty...)
			if _, err := w.bot.Tell(deadline(t), tell); err != nil {
				t.Fatalf("%s, %s: %v", e.Kind, s.name, err)
			}
		}
	}
	for _, where := range []string{channel, "U0ALICE"} {
		for i, m := range w.Messages(where) {
			if where != channel || i >= before {
				fits(t, "effects", m)
			}
		}
	}
}

// worst fills everything that people and hosts write.
func worst(n slackbot.Notice) slackbot.Notice {
	r := &n.Request
	r.Person, r.Rule, r.Source, r.Command, r.Reason = access.PersonName(hostile), hostile, hostile, hostile, hostile
	r.Target = access.Target{Login: hostile, Host: hostile}
	r.Auto = hostile
	r.Decisions = append([]access.Decision{}, r.Decisions...)
	for i := range r.Decisions {
		r.Decisions[i].Person, r.Decisions[i].Reason = access.PersonName(hostile), hostile
	}
	n.Host = access.Host{Name: hostile, Labels: map[string]string{}}
	for i := range 40 {
		n.Host.Labels[hostile[:i+1]] = hostile
	}
	for range 100 {
		n.Asked = append(n.Asked, access.Person{Name: access.PersonName(hostile), Slack: "U0EVE> <!channel>"})
		n.Risks = append(n.Risks, access.Risk{Text: hostile, Raised: len(n.Risks)%2 == 0})
	}
	n.Cause, n.EndedWhy = hostile, hostile
	n.Usage.Last = []access.Recorded{{Session: access.SessionID(hostile), Digest: hostile}}
	return n
}

// fits checks what a message may not be.
func fits(t *testing.T, name string, m slacktest.Message) {
	t.Helper()
	if faults := slacktest.CheckBlocks(m.Blocks); len(faults) > 0 {
		t.Errorf("%s: %v", name, faults)
	}
	if strings.Contains(string(m.Blocks), "mrkdwn") || strings.Contains(string(m.Blocks), `"broadcast"`) || strings.ContainsAny(m.Text, "<>") {
		t.Errorf("%s: a place for markup: %.2000s", name, m.Blocks)
	}
	if !json.Valid(m.Blocks) || len(m.Blocks) > 60_000 || len(m.Metadata) > 1000 {
		t.Errorf("%s: %d bytes", name, len(m.Blocks))
	}
}

// TestAWatcherIsWanted: the command to type is there, and nobody is called to watch what is over.
func TestAWatcherIsWanted(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	n := decided()
	n.Usage = access.Usage{Sessions: 1, Live: 1}
	at := w.post(t, n)
	const id = "01JABCDEFGHJKMNPQRSTVWXYZ2"
	for _, live := range []int{1, 0} {
		n.Usage.Live = live
		tell := telling(n, at, access.Effect{Kind: access.EffectUnwatched, Session: id})
		tell.Asked = []access.Person{{Name: "carol", Slack: "U0CAROL"}}
		if told, err := w.bot.Tell(deadline(t), tell); err != nil || told != 1 {
			t.Fatal(told, err)
		}
	}
	replies := slices.DeleteFunc(w.Messages(channel), func(m slacktest.Message) bool { return m.ThreadTS == "" })
	if len(replies) != 1 || !strings.Contains(replies[0].Shown(), "ssh -t bastion watch "+id) || !strings.Contains(string(replies[0].Blocks), "U0CAROL") {
		t.Errorf("%+v", replies)
	}
}
