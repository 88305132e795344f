package approvals_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// watched is a world whose rule prod wants a second person who watches; erin
// audits.
func watched(t *testing.T) *world {
	w := newWorld(t)
	w.reload(w.watchedFile())
	return w
}

func (w *world) watchedFile(more ...string) *policy.Policy {
	return w.edited(append([]string{
		`    allow: [shell, exec, {local-forward: ["127.0.0.1:5432"]}]` + "\n    approval: {by: {groups: [leads]}, wait: 30m}",
		"    watch: required\n    allow: [shell, exec]\n    approval: {by: {groups: [leads]}, wait: 30m}",
		"admins:", "auditors: {groups: [platform]}\nadmins:",
	}, more...)...)
}

// inside opens a shell of alice's on db1, approved by bob.
func (w *world) inside() (*access.Pass, access.SessionID) {
	w.t.Helper()
	v := w.open("alice", "root@db1", access.KindShell, func(a *access.Application) {
		a.AskReason = func(context.Context) (string, error) { return "because", nil }
	})
	w.approve("bob", v.waits().Request)
	p := v.admitted()
	if p.Vigil == nil || p.Vigil.Kept() {
		w.t.Fatal("no vigil, or one that is kept already")
	}
	p.Vigil.Begun(w.t.Context())
	return p, v.id
}

func (w *world) watch(by string, id access.SessionID) *access.Watching {
	w.t.Helper()
	look, err := w.Watch(w.t.Context(), w.by(by), id, true)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(look.Leave)
	return look
}

func (w *world) detail(kind audit.Kind, key string) string {
	w.t.Helper()
	var list []string
	for _, e := range w.events(kind) {
		list = append(list, e.Actor+":"+e.Detail[key])
	}
	return strings.Join(list, " ")
}

// A vigil is kept while a second person sees the session, and each change is
// in the chain.
func TestVigil(t *testing.T) {
	w := watched(t)
	p, id := w.inside()
	if got := strings.Join(asStrings(p.Vigil.May), " "); got != "bob dave erin" {
		t.Errorf("they may watch: %q", got) // carol has no key that decides
	}

	bob := w.watch("bob", id)
	if p.Vigil.Kept() {
		t.Error("who has not said that they see it keeps the vigil")
	}
	bob.Shown(true)
	if !p.Vigil.Kept() {
		t.Error("the vigil is not kept")
	}
	erin := w.watch("erin", id)
	erin.Shown(true)
	bob.Leave()
	if names, _ := p.Vigil.Now(); len(names) != 1 || names[0] != "erin" {
		t.Errorf("%v watch", names)
	}
	erin.Shown(false) // went back in it, or her client does not answer
	if p.Vigil.Kept() {
		t.Error("the vigil is kept by somebody who looks elsewhere")
	}
	erin.Shown(true)
	if !p.Vigil.Kept() {
		t.Error("the vigil is not kept again")
	}
	erin.Leave()
	erin.Shown(true)
	if p.Vigil.Kept() {
		t.Error("the vigil is kept by somebody who left")
	}
	if got := w.detail(audit.SessionPaused, "cause"); got != "alice:start erin:left erin:left" {
		t.Errorf("paused: %q", got)
	}
	if got := w.detail(audit.SessionResumed, "watchers"); got != "bob:bob erin:erin" {
		t.Errorf("resumed: %q", got)
	}
	if len(told(p)) != 0 {
		t.Error("the desk told of those who count, which the front door does")
	}
	if got := w.Vigils(); len(got) != 1 || len(got[id]) != 0 {
		t.Errorf("vigils: %v", got)
	}
	p.Done()
	if got := w.Vigils(); len(got) != 0 {
		t.Errorf("vigils: %v", got)
	}
}

func asStrings(names []access.PersonName) []string {
	var list []string
	for _, n := range names {
		list = append(list, string(n))
	}
	return list
}

// Who does not count: themselves, with whatever key; the socket; who has no key
// that decides, or comes from a host; who looks on without a screen; and anybody
// else.
func TestVigilIsKeptByASecondPersonOnly(t *testing.T) {
	w := watched(t)
	w.reload(w.watchedFile("{name: alice, groups: [sre]", "{name: alice, groups: [sre, platform]", "{name: robot, owner: bob, groups: [sre]", "{name: robot, owner: alice, groups: [sre, leads]"))
	p, id := w.inside()
	fromHost := w.by("bob")
	fromHost.Identity.Source = netip.MustParseAddrPort("10.0.0.12:50000")
	lent := w.by("bob")
	lent.Identity.InnerUnproven = true
	for _, c := range []struct {
		name   string
		actor  access.Actor
		screen bool
		want   access.Reason // empty: let in, and does not count
	}{
		{"herself", w.by("alice"), true, access.ReasonSelf},
		{"herself with another key", w.by("alice2"), true, access.ReasonSelf},
		{"her own robot", w.by("robot"), true, access.ReasonSelf},
		{"no key that decides", w.by("carol"), true, access.ReasonNotAllowed},
		{"from a host of the inventory", fromHost, true, access.ReasonNotAllowed},
		{"an identity that was lent", lent, true, access.ReasonNotAllowed},
		{"an approver without a screen", w.by("bob"), false, access.ReasonNotAllowed},
		{"an auditor without a screen", w.by("erin"), false, ""},
		{"the socket", local, true, ""},
	} {
		look, err := w.Watch(t.Context(), c.actor, id, c.screen)
		if c.want != "" {
			if err == nil || access.AsError(err).Reason != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		look.Shown(true)
		if p.Vigil.Kept() {
			t.Errorf("%s keeps the vigil", c.name)
		}
		look.Leave()
	}
	if len(w.events(audit.SessionResumed)) != 0 {
		t.Error("it went on")
	}
	// An approver may watch nothing else.
	other := w.open("bob", "root@web1", access.KindShell)
	other.admitted()
	_, err := w.Watch(t.Context(), w.by("dave"), other.id, true)
	w.refusal(err, access.ReasonNotAllowed)
	_, err = w.Watch(t.Context(), w.by("dave"), "01J00000000000000000009999", true)
	w.refusal(err, access.ReasonNotAllowed)
}

// Whatever takes the watcher away pauses the session at once.
func TestVigilEndsWithItsWatcher(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(w *world, cancel func())
	}{
		{"the connection is lost", func(_ *world, cancel func()) { cancel() }},
		{"locked", func(w *world, _ func()) {
			if err := w.Lock(t.Context(), local, access.Subject{Kind: access.SubjectPerson, Name: "dave"}, "stolen laptop"); err != nil {
				t.Fatal(err)
			}
		}},
		{"the key is gone", func(w *world, _ func()) {
			w.reload(w.watchedFile(`{name: dave, groups: [leads], keys: ["$dave"]}`, `{name: dave, groups: [leads], keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"]}`))
		}},
		{"no approver any more", func(w *world, _ func()) {
			w.reload(w.watchedFile(`{name: dave, groups: [leads]`, `{name: dave, groups: [sre]`))
		}},
		{"the key decides no more", func(w *world, _ func()) {
			w.reload(w.watchedFile(`{name: dave, groups: [leads], keys: ["$dave"]}`, `{name: dave, groups: [leads], keys: [{key: "$dave", use: [login]}]}`))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := watched(t)
			p, id := w.inside()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			look, err := w.Watch(ctx, w.by("dave"), id, true)
			if err != nil {
				t.Fatal(err)
			}
			look.Shown(true)
			if !p.Vigil.Kept() {
				t.Fatal("the vigil is not kept")
			}
			_, changed := p.Vigil.Now()
			c.end(w, cancel)
			select {
			case <-changed:
			case <-time.After(patience):
			}
			if p.Vigil.Kept() {
				t.Error("the vigil is kept by somebody who is gone")
			}
			if p.Context.Err() != nil {
				t.Errorf("the session ended: %v", context.Cause(p.Context))
			}
			select {
			case <-look.Context.Done():
			case <-time.After(patience):
				t.Error("they go on looking")
			}
			look.Shown(true)
			if p.Vigil.Kept() {
				t.Error("the vigil is kept again")
			}
		})
	}
}

// A session goes on only if the chain has it.
func TestVigilFailsClosed(t *testing.T) {
	w := watched(t)
	p, id := w.inside()
	look := w.watch("bob", id)
	w.full.Store(true)
	look.Shown(true)
	if p.Vigil.Kept() {
		t.Error("it went on although no event of it could be written")
	}
	w.full.Store(false)
	look.Shown(true) // comes again with each sign of life
	if !p.Vigil.Kept() {
		t.Error("it does not go on")
	}
	w.full.Store(true)
	look.Shown(false)
	if p.Vigil.Kept() {
		t.Error("it did not pause, for a full disk")
	}
	w.full.Store(false)
}

// A rule that begins to want a watcher ends what runs without one, and one that
// wants what nobody can see lets nobody in.
func TestVigilIsNotGoneAround(t *testing.T) {
	w := newWorld(t)
	w.reload(w.edited(`    allow: [shell, exec, {local-forward: ["127.0.0.1:5432"]}]`, "    allow: [shell, exec]"))
	v := w.open("alice", "root@db1", access.KindShell)
	w.approve("bob", v.waits().Request)
	p := v.admitted()
	w.reload(w.watchedFile())
	if cause := access.AsError(context.Cause(p.Context)); cause.Reason != access.ReasonRemoved {
		t.Errorf("it goes on unwatched: %v", cause)
	}
	w.open("alice", "root@db1", access.KindShell).refused(access.ReasonUnwatched) // no terminal
	w.Encrypted = true
	w.open("alice", "root@db1", access.KindExec).refused(access.ReasonUnwatched)
}

// The thread of the request hears that somebody is wanted, not of each short
// absence.
func TestVigilIsToldInTheThread(t *testing.T) {
	w := watched(t)
	_, id := w.inside()
	look := w.watch("bob", id)
	b := &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	count := func() int {
		w.deliver(b)
		w.toldTo(b) // who asked, and has no Slack
		return strings.Count(words(w.toldTo(b)), string(access.EffectUnwatched))
	}
	for range 3 {
		look.Shown(true)
		look.Shown(false)
	}
	if got := count(); got != 1 {
		t.Errorf("told %d times", got)
	}
	look.Shown(true)
	w.pass(2 * time.Minute)
	look.Shown(false)
	if got := count(); got != 2 {
		t.Errorf("told %d times", got)
	}
	last := b.tellings[len(b.tellings)-1]
	if len(last.Asked) != 3 || last.Effects[len(last.Effects)-1].Session != id {
		t.Errorf("told %+v", last)
	}
}

// Who opens session after session calls nobody each time.
func TestManySessionsCallFewTimes(t *testing.T) {
	w := watched(t)
	w.inside()
	b := &board{shown: map[approvals.MessageRef]approvals.Notice{}}
	count := func() int {
		w.deliver(b)
		w.toldTo(b) // who asked, and has no Slack
		return strings.Count(words(w.toldTo(b)), string(access.EffectUnwatched))
	}
	again := func() {
		p := w.open("alice", "root@db1", access.KindShell, func(a *access.Application) {
			a.AskReason = func(context.Context) (string, error) { return "because", nil }
		}).admitted()
		p.Vigil.Begun(t.Context())
		p.Done()
	}
	for range 10 {
		again()
	}
	if got := count(); got != 3 {
		t.Errorf("told %d times", got)
	}
	w.pass(2 * time.Minute)
	again()
	if got := count(); got != 4 {
		t.Errorf("told %d times", got)
	}
}
