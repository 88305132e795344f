package slackbot_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/internal/slacktest"
)

// states are all that a card can come to, by name; in the order of a life.
func states() []state {
	now := time.Now()
	with := func(name string, n slackbot.Notice, change func(*slackbot.Notice)) state {
		if change != nil {
			change(&n)
		}
		return state{name, n}
	}
	approvedBy := func(names ...access.PersonName) []access.Decision {
		var list []access.Decision
		for _, p := range names {
			list = append(list, access.Decision{Person: p, Verdict: access.VerdictApprove, Via: access.ViaSlack, At: now})
		}
		return list
	}
	grant := func(s access.GrantState) func(*slackbot.Notice) {
		return func(n *slackbot.Notice) {
			n.Request.Grant = &access.Grant{
				State: s, For: time.Hour, UseBy: now.Add(time.Hour), StartedAt: now, NotAfter: now.Add(time.Hour), EndedAt: now.Add(40 * time.Minute),
			}
			if s == access.GrantReady {
				return
			}
			n.Usage = access.Usage{Sessions: 3, Live: 1, Last: []access.Recorded{{
				Session: "01K9QZJ6X6RS0V3S3B9W3H4D2T", Digest: "9c355a36f4e2209cba2c0fdd226e6a9480a85ec0a8b5de5b499485d06f6d88f2",
			}}}
			if !s.Live() {
				n.Usage.Live = 0
				n.EndedWhy = map[access.GrantState]string{
					access.GrantRevoked: "revoked by bob: the work is done", access.GrantExpired: "its time was over",
					access.GrantReleased: "given back", access.GrantLapsed: "not used in time",
				}[s]
			}
			if s == access.GrantLapsed {
				n.Usage = access.Usage{}
			}
		}
	}
	ended := func(s access.RequestState, cause string, decisions ...access.Decision) func(*slackbot.Notice) {
		return func(n *slackbot.Notice) {
			n.Request.State, n.Request.DecidedAt, n.Cause, n.Request.Decisions = s, now, cause, decisions
		}
	}
	list := []state{
		with("pending", pending(), nil),
		with("half", pending(), func(n *slackbot.Notice) { n.Missing, n.Request.Decisions = 1, approvedBy("bob") }),
		with("unconfirmed", pending(), func(n *slackbot.Notice) {
			n.Request.Decisions = approvedBy("bob")
			n.Request.Decisions[0].Unconfirmed = true
		}),
		with("extension", pending(), func(n *slackbot.Notice) {
			n.Request.Extends, n.Request.Kind, n.Request.For, n.Request.Command = "01J00000000000000000000000", "", 30*time.Minute, ""
		}),
		with("nobody", pending(), func(n *slackbot.Notice) { n.Asked, n.Request.Reason, n.Risks = nil, "", nil }),
		with("approved for less", decided(), func(n *slackbot.Notice) { grant(access.GrantReady)(n); n.Request.Grant.For = 15 * time.Minute }),
		with("approved by two", decided(), func(n *slackbot.Notice) { n.Request.Decisions = approvedBy("bob", "eve"); grant(access.GrantReady)(n) }),
		with("break-glass", decided(), func(n *slackbot.Notice) {
			n.Request.Decisions = []access.Decision{{Person: "local:0", Verdict: access.VerdictApprove, Via: access.ViaSocket, Reason: "pager dead, INC-4711", At: now}}
		}),
		with("emergency", decided(), func(n *slackbot.Notice) {
			n.Request.BreakGlass, n.Request.Decisions = true, nil
			grant(access.GrantActive)(n)
		}),
		with("reviewed", decided(), func(n *slackbot.Notice) {
			n.Request.BreakGlass, n.Request.Decisions = true, nil
			n.Request.Review = access.Review{By: "bob", Note: "only what was needed", At: now}
			grant(access.GrantExpired)(n)
		}),
		with("denied", pending(), ended(access.RequestDenied, "", access.Decision{Person: "eve", Verdict: access.VerdictDeny, Reason: "use the replica", At: now})),
		with("cancelled", pending(), ended(access.RequestCancelled, "alice stopped waiting")),
		with("lapsed request", pending(), ended(access.RequestLapsed, "nobody decided")),
	}
	for _, s := range []access.GrantState{access.GrantActive, access.GrantExpired, access.GrantReleased, access.GrantRevoked, access.GrantLapsed} {
		list = append(list, with(string(s), decided(), grant(s)))
	}
	return list
}

type state struct {
	name string
	slackbot.Notice
}

// effects are all that can be told beside a card.
func effects(r access.RequestID) []access.Effect {
	now := time.Now()
	const digest = "9c355a36f4e2209cba2c0fdd226e6a9480a85ec0a8b5de5b499485d06f6d88f2"
	return []access.Effect{
		{Kind: access.EffectReminded}, {Kind: access.EffectEscalated},
		{Kind: access.EffectSession, Person: "alice", Text: "203.0.113.9:50022", SessionKind: access.KindShell, Session: "01K9QZJ6X6RS0V3S3B9W3H4D2T"},
		{Kind: access.EffectExtensionAsked, Person: "alice", Text: "the restore takes longer", For: 30 * time.Minute},
		{Kind: access.EffectExtended, Person: "bob", For: 30 * time.Minute, Until: now.Add(time.Hour)},
		{Kind: access.EffectSealed, Person: "alice", Text: "exit 0", For: 12*time.Minute + 7*time.Second, Session: "01K9QZJ6X6RS0V3S3B9W3H4D2T", Digest: digest},
		{Kind: access.EffectBreakGlass, Person: "alice", Text: "the pager is dead"}, {Kind: access.EffectReviewed, Person: "bob", Text: "only what was needed"},
		{Kind: access.EffectGrantEnded, Text: "revoked by bob: the work is done"},
		{Kind: access.EffectDecided}, {Kind: access.EffectTaken, Text: "revoked by bob: the work is done"}, {Kind: access.EffectConfirm, Person: "bob"},
		{Kind: access.EffectAuto, Person: "alice"},
	}
}

// telling makes what the desk would tell of some effects.
func telling(n slackbot.Notice, at slackbot.MessageRef, list ...access.Effect) slackbot.Telling {
	t := slackbot.Telling{Notice: n, Asked: n.Asked}
	for i, e := range list {
		e.Number, e.Request = int64(i+1), n.Request.ID
		if e.At.IsZero() {
			e.At = time.Now()
		}
		t.Effects = append(t.Effects, e)
	}
	switch t.Effects[0].Kind.Place() {
	case access.InThread:
		t.Card = at
	case access.InPrivate:
		t.Person = access.Person{Name: "alice", Slack: "U0ALICE"}
	case access.InDigest:
		for range t.Effects {
			r := n.Request
			r.Auto = "on call"
			t.Requests = append(t.Requests, r)
		}
	}
	return t
}

// TestGallery serves the page with every state, to be looked at, for as long as
// SALLYPORT_GALLERY says: each card in a channel of its own, with its thread.
func TestGallery(t *testing.T) {
	last, err := time.ParseDuration(os.Getenv("SALLYPORT_GALLERY"))
	if err != nil {
		t.Skip("set SALLYPORT_GALLERY=10m to look at it")
	}
	list := states()
	w := start(t, slackbot.ModeSocket, func(c *slacktest.Config) {
		c.Listen = "127.0.0.1:8899"
		c.Users = append(c.Users, slacktest.User{ID: "U0ALICE", Name: "alice"})
		for i, s := range list {
			c.Channels = append(c.Channels, slacktest.Channel{ID: fmt.Sprintf("C%03d", i), Name: s.name})
		}
	})
	w.open = true
	for i, s := range list {
		n := s.Notice
		n.Request.ID = access.RequestID(fmt.Sprintf("01J%023d", i))
		n.Channel = fmt.Sprintf("C%03d", i)
		at := w.post(t, n)
		for _, e := range effects(n.Request.ID) {
			if place := e.Kind.Place(); place == access.InThread || place == access.InPrivate && e.Kind == access.EffectDecided && n.Request.State.Final() {
				if _, err := w.bot.Tell(deadline(t), telling(n, at, e)); err != nil {
					t.Fatal(s.name, err)
				}
			}
		}
	}
	if _, err := w.bot.Tell(deadline(t), telling(pending(), slackbot.MessageRef{}, access.Effect{Kind: access.EffectAuto}, access.Effect{Kind: access.EffectAuto})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SlashCommand(deadline(t), bob, channel, "/access", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SlashCommand(deadline(t), bob, channel, "/access", "help"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(deadline(t), eve, "C000", w.Messages("C000")[0].TS, "deny"); err != nil {
		t.Fatal(err)
	}
	fmt.Println(w.URL() + "/?as=bob&channel=C000")
	select {
	case <-time.After(last):
	case <-t.Context().Done():
	}
}
