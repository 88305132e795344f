package slackbot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// hostile is everything that must not work in a chat, and more of it than fits.
var hostile = "<!channel> <@U0EVE> *bold* _it_ ~s~ `code` ```pre``` <https://evil.example|click> :skull: " +
	"\x1b[31mred\x1b[0m \u202egnp.exe\u202c zero\u200bwidth\x00\r\n@here " + strings.Repeat("A", 100_000)

func TestCardStates(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	now := time.Now()
	grant := func(state access.GrantState) slackbot.Notice {
		n := decided()
		n.Request.Grant = &access.Grant{State: state, UseBy: now, StartedAt: now, NotAfter: now.Add(time.Hour), EndedAt: now}
		n.EndedWhy = "revoked by bob: the work is done"
		n.Usage = access.Usage{Sessions: 2, Live: 1, Last: []access.Recorded{{Session: "01JSESSION", Digest: "abcd"}}}
		return n
	}
	end := func(state access.RequestState, change func(*slackbot.Notice)) slackbot.Notice {
		n := pending()
		n.Request.State, n.Request.DecidedAt = state, now
		if change != nil {
			change(&n)
		}
		return n
	}
	two := pending()
	two.Missing, two.Request.Decisions = 1, decided().Request.Decisions
	more := pending()
	more.Request.Extends, more.Request.Kind = "01J00000000000000000000000", ""
	glass := decided()
	glass.Request.Decisions = []access.Decision{{Person: "local:0", Verdict: access.VerdictApprove, Via: access.ViaSocket, Reason: "pager dead, INC-4711"}}
	nobody := pending()
	nobody.Asked = nil
	for name, c := range map[string]struct {
		n       slackbot.Notice
		want    []string
		buttons bool
	}{
		"pending":     {pending(), []string{"alice wants root@db1 for 1h", "Waiting for approval", "systemctl restart postgresql", "INC-1234: the database hangs", "prod-elevation", "db1 · env prod · role db", "⚠️ First time on db1 · new address 203.0.113.9.", "Asked 4 times in the last 30 days.", "203.0.113.9\n", "In a terminal: ssh bastion approve 01J"}, true},
		"half":        {two, []string{"Approved by bob, 1 more needed"}, true},
		"extension":   {more, []string{"alice wants 1h more on root@db1"}, true},
		"nobody":      {nobody, []string{"Nobody can approve this"}, true},
		"approved":    {decided(), []string{"Approved by bob", "Ready to be used until"}, false},
		"break-glass": {glass, []string{"🚨 root@db1 for alice", "Approved by break-glass (local:0): pager dead, INC-4711", "on the bastion itself"}, false},
		"in use":      {grant(access.GrantActive), []string{"🟢 root@db1 for alice", "In use since", "2 sessions, 1 open", "ssh bastion replay 01JSESSION", "sha256:abcd"}, false},
		"revoked":     {grant(access.GrantRevoked), []string{"🏁 root@db1 for alice", "Access revoked", "the work is done"}, false},
		"lapsed":      {end(access.RequestLapsed, nil), []string{"Lapsed"}, false},
		"cancelled":   {end(access.RequestCancelled, func(n *slackbot.Notice) { n.Cause = "alice stopped waiting" }), []string{"Cancelled", "Alice stopped waiting."}, false},
		"denied": {end(access.RequestDenied, func(n *slackbot.Notice) {
			n.Request.Decisions = []access.Decision{{Person: "eve", Verdict: access.VerdictDeny, Reason: "use the replica"}}
		}), []string{"Denied by eve", "use the replica"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.n.Request.ID = access.RequestID(fmt.Sprintf("01J%023d", len(w.Messages(channel))))
			at := w.post(t, c.n)
			m := find(t, w, at)
			for _, want := range c.want {
				if !strings.Contains(m.Shown(), want) {
					t.Errorf("not shown: %q in\n%s", want, m.Shown())
				}
			}
			if loud := strings.HasPrefix(m.Text, "BREAK-GLASS: "); loud != (name == "break-glass") {
				t.Errorf("the notification says %q", m.Text)
			}
			approve, a := m.Element("approve")
			deny, d := m.Element("deny")
			if a != c.buttons || d != c.buttons {
				t.Fatalf("buttons: %v, %v", a, d)
			}
			id := string(c.n.Request.ID)
			if c.buttons && (approve.Text != "Approve" || deny.Text != "Deny" || approve.Value != id || deny.Value != id) {
				t.Errorf("buttons are contract: %+v, %+v", approve, deny)
			}
		})
	}
}

func find(t *testing.T, w *world, at slackbot.MessageRef) slacktest.Message {
	t.Helper()
	for _, m := range w.Messages(at.Channel) {
		if m.TS == at.TS {
			return m
		}
	}
	t.Fatalf("no message at %+v", at)
	panic("unreachable")
}

// TestNothingBecomesMarkup is invariant 10 towards Slack: what a person or a host wrote is never in
// a place that Slack reads markup in, holds no control or bidirectional character, and is capped.
func TestNothingBecomesMarkup(t *testing.T) {
	w := start(t, slackbot.ModeHTTP, nil)
	n := decided()
	n.Request.State = access.RequestDenied
	n.Request.Grant = &access.Grant{State: access.GrantRevoked, EndedAt: time.Now()}
	n.Request.Person, n.Request.Rule, n.Request.Source = access.PersonName(hostile), hostile, hostile
	n.Request.Target = access.Target{Login: hostile, Host: hostile}
	n.Request.Command, n.Request.Reason, n.Cause, n.EndedWhy = hostile, hostile, hostile, hostile
	n.Request.Decisions = []access.Decision{{Person: access.PersonName(hostile), Verdict: access.VerdictDeny, Reason: hostile}}
	asking := pending()
	asking.Request.ID, asking.Request.Person, asking.Request.Reason, asking.Request.Command = "01JABCDEFGHJKMNPQRSTVWXYZ1", access.PersonName(hostile), hostile, hostile
	for range 100 {
		asking.Asked = append(asking.Asked, access.Person{Name: access.PersonName(hostile), Slack: "U0EVE> <!channel>"})
	}
	glass := decided()
	glass.Request.Decisions = []access.Decision{{Person: access.PersonName(hostile), Verdict: access.VerdictApprove, Via: access.ViaSocket, Reason: hostile}}
	for _, n := range []slackbot.Notice{n, asking, glass} {
		m := find(t, w, w.post(t, n))
		if faults := slacktest.CheckBlocks(m.Blocks); len(faults) > 0 {
			t.Error(faults)
		}
		if strings.Contains(string(m.Blocks), "mrkdwn") || strings.Contains(string(m.Blocks), `"broadcast"`) {
			t.Errorf("a place for markup: %s", m.Blocks)
		}
		if strings.ContainsAny(m.Text, "<>") {
			t.Errorf("unescaped fallback: %q", m.Text)
		}
		if m.UnfurlLinks || m.UnfurlMedia {
			t.Error("unfurling is on")
		}
		for _, r := range m.Shown() {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && r != '\ufe0f' {
				t.Fatalf("shown: %U", r)
			}
		}
		var blocks []any
		if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
		if len(m.Blocks) > 20_000 {
			t.Errorf("%d bytes of card", len(m.Blocks))
		}
	}
	for _, c := range w.Calls("chat.postMessage") {
		if c.Args["mrkdwn"] != "false" || c.Args["parse"] != "none" || c.Args["link_names"] == "1" {
			t.Errorf("arguments: %v", c.Args)
		}
	}
}
