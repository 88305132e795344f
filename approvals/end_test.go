package approvals_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// session lets one in under an approved request.
func (w *world) session(key, to string) *access.Pass {
	w.t.Helper()
	w.approve("dave", w.asked(key, to))
	return w.open(key, to, access.KindShell).admitted()
}

// Invariant 8: a grant's end ends its sessions, after warnings.
func TestExpiryWarnsAndEnds(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	warned := func(want time.Duration) {
		t.Helper()
		select {
		case got := <-p.Warnings:
			if got.Left != want || got.Grant != p.Grant || !got.NotAfter.Equal(p.NotAfter) {
				t.Fatalf("warned %+v, want %v", got, want)
			}
		default:
			if want != 0 {
				t.Fatalf("no warning of %v", want)
			}
		}
	}
	next := func(want time.Duration) {
		t.Helper()
		at, ok, err := w.Tick(t.Context())
		if err != nil || !ok || !at.Equal(start.Add(want)) {
			t.Fatalf("next at %v %v, %v; want %v", at, ok, err, start.Add(want))
		}
	}
	next(55 * time.Minute)
	w.pass(55*time.Minute - time.Microsecond)
	warned(0)
	w.pass(time.Microsecond)
	warned(5 * time.Minute)
	next(59 * time.Minute)
	w.pass(4 * time.Minute)
	warned(time.Minute)
	next(time.Hour)
	late := w.open("alice", "root@db1", access.KindShell).admitted()
	w.tick()
	if got := <-late.Warnings; got.Left != time.Minute || len(late.Warnings) != 0 {
		t.Errorf("the late session was warned of %v, and %d more", got.Left, len(late.Warnings))
	}
	w.pass(time.Minute - time.Microsecond)
	w.alive(p)
	w.pass(time.Microsecond)
	for _, p := range []*access.Pass{p, late} {
		if e := w.ended(p, access.ReasonExpired); e.ID != string(p.Grant) || !strings.Contains(e.Line(), "1h on root@db1") {
			t.Errorf("line %q", e.Line())
		}
	}
	if n := len(w.events(audit.GrantExpired)); n != 1 {
		t.Errorf("%d events", n)
	}
	// And it opens nothing any more.
	w.open("alice", "root@db1", access.KindShell).waits()
}

func TestAnExpiredGrantOpensNothingEvenIfNobodyNoticed(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.mu.Lock()
	w.now = p.NotAfter
	w.mu.Unlock()
	w.open("alice", "root@db1", access.KindShell).waits()
}

// A session lives while any grant covers it.
func TestOverlappingGrants(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	other := w.open("alice", "root@db1", access.KindShell).admitted()
	w.pass(50 * time.Minute)
	w.approve("bob", w.asked("alice", "root@db1")) // the second, ready
	w.pass(6 * time.Minute)
	<-p.Warnings            // of the first
	w.pass(4 * time.Minute) // which is over
	w.alive(p)
	w.alive(other)
	if got := <-p.Warnings; !got.Moved || got.Left != time.Hour || !got.NotAfter.Equal(start.Add(2*time.Hour)) {
		t.Errorf("told %+v", got)
	}
	if n, m := len(w.events(audit.GrantExpired)), len(w.events(audit.GrantActivated)); n != 1 || m != 2 {
		t.Errorf("%d expired, %d activated", n, m)
	}
	w.pass(59 * time.Minute)
	if got := <-p.Warnings; got.Moved || !got.NotAfter.Equal(start.Add(2*time.Hour)) {
		t.Errorf("warned %+v", got)
	}
	w.pass(time.Minute)
	w.ended(p, access.ReasonExpired)
	w.ended(other, access.ReasonExpired)
}

// A commit that fails changes nothing in memory either.
func TestAFullDiskUndoesWhatWasTold(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.pass(50 * time.Minute)
	w.approve("bob", w.asked("alice", "root@db1"))
	w.mu.Lock()
	w.now = p.NotAfter
	w.mu.Unlock()
	w.full.Store(true)
	if _, _, err := w.Tick(t.Context()); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	other := w.open("alice", "root@db1", access.KindShell)
	other.over()
	if access.AsError(other.err).Class != access.Failed {
		t.Errorf("let in although nothing could be written: %v", other.err)
	}
	w.full.Store(false)
	w.alive(p)
	w.tick()
	w.alive(p)
	if n, m := len(w.events(audit.GrantExpired)), len(w.events(audit.GrantActivated)); n != 1 || m != 2 {
		t.Errorf("%d expired, %d activated", n, m)
	}
	w.pass(time.Hour)
	w.ended(p, access.ReasonExpired)
}

func TestRelease(t *testing.T) {
	w := newWorld(t)
	p := w.session("alice", "root@db1")
	w.refusal(w.Release(t.Context(), w.by("bob"), p.Grant), access.ReasonNotAllowed)
	w.refusal(w.Release(t.Context(), local, p.Grant), access.ReasonNotAllowed)
	// The request's ID, which a waiting connection shows, does as well.
	if err := w.Release(t.Context(), w.by("alice"), access.GrantID(p.Request)); err != nil {
		t.Fatal(err)
	}
	w.ended(p, access.ReasonReleased)
	w.refusal(w.Release(t.Context(), w.by("alice"), p.Grant), access.ReasonDecided)
	if g := w.request(p.Request).Grant; g.State != access.GrantReleased || g.EndedAt.IsZero() {
		t.Errorf("%+v", g)
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		by access.Actor
		id func(p *access.Pass) string
	}{
		{w.by("bob"), func(p *access.Pass) string { return string(p.Grant) }},
		{w.by("erin"), func(p *access.Pass) string { return string(p.Request) }}, // an admin
		{local, func(p *access.Pass) string { return string(p.Grant) }},
		{access.Actor{Person: "carol", Via: access.ViaSlack, Slack: "U0CAROL"}, func(p *access.Pass) string { return string(p.Request) }},
	} {
		p := w.session("alice", "root@db1")
		w.refusal(w.Revoke(t.Context(), w.by("robot"), string(p.Grant), ""), access.ReasonNotAllowed)
		w.alive(p)
		if err := w.Revoke(t.Context(), c.by, c.id(p), "wrong host"); err != nil {
			t.Fatal(err)
		}
		if e := w.ended(p, access.ReasonRevoked); !strings.Contains(e.Line(), "wrong host") {
			t.Errorf("line %q", e.Line())
		}
		w.refusal(w.Revoke(t.Context(), c.by, c.id(p), ""), access.ReasonDecided)
	}
	pending := w.asked("alice", "root@db1")
	w.refusal(w.Revoke(t.Context(), w.by("bob"), string(pending), ""), access.ReasonNotFound)
	w.refusal(w.Revoke(t.Context(), w.by("bob"), "nope", ""), access.ReasonNotFound)
	if n := len(w.events(audit.GrantRevoked)); n != 4 {
		t.Errorf("%d events", n)
	}
}

func TestKill(t *testing.T) {
	w := newWorld(t)
	sessionOf := func(key, to string) (access.SessionID, *access.Pass) {
		var id access.SessionID
		p := w.open(key, to, access.KindShell, func(a *access.Application) { id = a.Session }).admitted()
		return id, p
	}
	id, p := sessionOf("alice", "root@web1")
	w.refusal(w.Kill(t.Context(), w.by("robot"), id, ""), access.ReasonNotAllowed)
	w.alive(p)
	if err := w.Kill(t.Context(), w.by("erin"), id, "runaway"); err != nil {
		t.Fatal(err)
	}
	if e := w.ended(p, access.ReasonKilled); !strings.Contains(e.Line(), "erin ended this session: runaway") || e.ID != string(id) {
		t.Errorf("line %q", e.Line())
	}
	p.Done()
	w.refusal(w.Kill(t.Context(), w.by("erin"), id, ""), access.ReasonNotFound)

	id, p = sessionOf("alice", "root@web1")
	if err := w.Kill(t.Context(), w.by("alice"), id, ""); err != nil {
		t.Fatal(err)
	}
	w.ended(p, access.ReasonKilled)

	// One that waits ends too, and takes its request with it.
	var waiting access.SessionID
	v := w.open("alice", "root@db1", access.KindShell, func(a *access.Application) { waiting = a.Session })
	request := v.waits().Request
	if err := w.Kill(t.Context(), local, waiting, ""); err != nil {
		t.Fatal(err)
	}
	v.refused(access.ReasonKilled)
	w.state(request, access.RequestCancelled)
}

// Invariant 9: deadlines hold across restarts.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	pending, decided, used := w.asked("alice", "root@db1"), w.asked("robot", "root@db1"), w.asked("alice2", "root@db1")
	w.approve("dave", decided)
	w.approve("dave", used)
	p := w.open("alice2", "root@db1", access.KindShell).admitted()
	v := w.open("alice", "root@db1", access.KindShell)
	v.waits()
	v.end(context.Canceled) // the process dies under it
	v.over()
	w.restart()
	w.state(pending, access.RequestPending)
	if p2 := w.open("alice2", "root@db1", access.KindShell).admitted(); p2.Grant != p.Grant || !p2.NotAfter.Equal(p.NotAfter) {
		t.Error("the grant did not survive")
	}
	w.approve("bob", pending) // still decidable
	again := w.asked("alice", "root@db1")

	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.store = nil
	w.now = w.now.Add(3 * time.Hour) // down for long
	w.restart()
	w.state(again, access.RequestLapsed)
	for id, want := range map[access.RequestID]access.GrantState{
		pending: access.GrantLapsed, decided: access.GrantLapsed, used: access.GrantExpired,
	} {
		if g := w.request(id).Grant; g.State != want {
			t.Errorf("the grant is %s, want %s", g.State, want)
		}
	}
}
