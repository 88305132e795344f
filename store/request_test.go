package store_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

// request is a new one, each of a different person.
func (f *fixture) request() access.Request {
	id := f.id()
	return access.Request{
		ID: access.RequestID(id), Person: access.PersonName("p" + id[20:]), Target: access.Target{Login: "root", Host: "db1"},
		Kinds: []access.Kind{access.KindSFTP, access.KindShell}, Kind: access.KindShell, Command: "ls; 'x'", Reason: "disk full",
		For: time.Hour, Rule: "prod", PolicyDigest: "d1", Fingerprint: "SHA256:abc", Source: "127.0.0.1:5", BastionID: "bastion-1",
		State: access.RequestPending, RequestedAt: f.now, WaitUntil: f.now.Add(30 * time.Minute),
	}
}

func (f *fixture) grantOf(r access.Request) access.Grant {
	return access.Grant{
		ID: access.GrantID(f.id()), RequestID: r.ID, Person: r.Person, Target: r.Target, Rule: r.Rule, Kinds: r.Kinds,
		Fingerprint: r.Fingerprint, State: access.GrantReady, For: r.For, ReadyAt: f.now, UseBy: f.now.Add(time.Hour),
	}
}

func TestRequestsComeBackWhole(t *testing.T) {
	f := newFixture(t)
	r := f.request()
	bob := access.Decision{Person: "bob", Verdict: access.VerdictApprove, Via: access.ViaConsole, At: f.now.Add(time.Microsecond)}
	eve := access.Decision{Person: "eve", Verdict: access.VerdictApprove, Reason: "ok", Via: access.ViaSlack, At: f.now.Add(time.Minute)}
	g := f.grantOf(r)
	f.write(func(tx *store.Tx) error { return tx.InsertRequest(r) })
	f.write(func(tx *store.Tx) error { return tx.AddDecision(r.ID, bob) })
	f.write(func(tx *store.Tx) error {
		if err := tx.AddDecision(r.ID, eve); err != nil {
			return err
		}
		if err := tx.EndRequest(r.ID, access.RequestApproved, f.now, "approved"); err != nil {
			return err
		}
		return tx.InsertGrant(g)
	})
	f.reopen()
	want := r
	want.State, want.DecidedAt, want.Decisions, want.Grant = access.RequestApproved, f.now, []access.Decision{bob, eve}, &g
	got, err := f.Request(t.Context(), r.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	live, err := f.Grants(t.Context(), access.GrantQuery{Live: true, Person: r.Person})
	if err != nil || len(live) != 1 || !reflect.DeepEqual(live[0], g) {
		t.Errorf("got %+v, %v\nwant %+v", live, err, g)
	}
}

func TestIdenticalRequestsAreNeverBothPending(t *testing.T) {
	f := newFixture(t)
	r := f.request()
	f.write(func(tx *store.Tx) error { return tx.InsertRequest(r) })
	again := r
	again.ID = access.RequestID(f.id())
	again.Kinds = []access.Kind{access.KindShell, access.KindSFTP} // the same set
	if err := f.Write(t.Context(), func(tx *store.Tx) error { return tx.InsertRequest(again) }); err == nil {
		t.Error("two identical requests are pending")
	}
	f.write(func(tx *store.Tx) error {
		found, ok, err := tx.IdenticalPending(again)
		if err != nil || !ok || found.ID != r.ID {
			t.Errorf("found %v %v, %v", found.ID, ok, err)
		}
		otherKey := again
		otherKey.Fingerprint = "SHA256:other"
		if _, ok, err := tx.IdenticalPending(otherKey); ok || err != nil {
			t.Errorf("another key joined: %v", err)
		}
		return tx.EndRequest(r.ID, access.RequestDenied, f.now, "no")
	})
	f.write(func(tx *store.Tx) error { return tx.InsertRequest(again) })
}

func TestRowsMoveOnlyFromWhereTheyStand(t *testing.T) {
	f := newFixture(t)
	r := f.request()
	g := f.grantOf(r)
	bob := access.Decision{Person: "bob", Verdict: access.VerdictApprove, Via: access.ViaConsole, At: f.now}
	f.write(func(tx *store.Tx) error { return tx.InsertRequest(r) })
	f.write(func(tx *store.Tx) error { return tx.AddDecision(r.ID, bob) })
	refused := func(what string, do func(*store.Tx) error) {
		t.Helper()
		if err := f.Write(t.Context(), do); err == nil {
			t.Errorf("%s went through", what)
		}
	}
	refused("a second word of one person", func(tx *store.Tx) error { return tx.AddDecision(r.ID, bob) })
	refused("becoming pending", func(tx *store.Tx) error { return tx.EndRequest(r.ID, access.RequestPending, f.now, "") })
	f.write(func(tx *store.Tx) error {
		if err := tx.EndRequest(r.ID, access.RequestApproved, f.now, ""); err != nil {
			return err
		}
		return tx.InsertGrant(g)
	})
	refused("a second end", func(tx *store.Tx) error { return tx.EndRequest(r.ID, access.RequestDenied, f.now, "") })
	refused("a late word", func(tx *store.Tx) error {
		return tx.AddDecision(r.ID, access.Decision{Person: "eve", Verdict: access.VerdictDeny, Via: access.ViaSlack, At: f.now})
	})
	refused("a second grant", func(tx *store.Tx) error {
		second := g
		second.ID = access.GrantID(f.id())
		return tx.InsertGrant(second)
	})

	used := g
	used.State, used.StartedAt, used.NotAfter = access.GrantActive, f.now, f.now.Add(g.For)
	f.write(func(tx *store.Tx) error { return tx.MoveGrant(access.GrantReady, used, "") })
	refused("starting the clock again", func(tx *store.Tx) error { return tx.MoveGrant(access.GrantReady, used, "") })
	lapsed := used
	lapsed.State, lapsed.EndedAt = access.GrantLapsed, f.now
	refused("an active grant lapsing", func(tx *store.Tx) error { return tx.MoveGrant(access.GrantActive, lapsed, "") })
}

func TestDeadlinesAreRows(t *testing.T) {
	f := newFixture(t)
	if _, ok, err := f.NextDeadline(t.Context()); ok || err != nil {
		t.Fatalf("an empty database has a deadline: %v", err)
	}
	r := f.request()
	f.write(func(tx *store.Tx) error { return tx.InsertRequest(r) })
	f.reopen()
	if at, ok, err := f.NextDeadline(t.Context()); !ok || !at.Equal(r.WaitUntil) || err != nil {
		t.Errorf("got %v %v, %v; want %v", at, ok, err, r.WaitUntil)
	}
	due := func(now time.Time) (requests, grants int) {
		f.write(func(tx *store.Tx) error {
			rs, err := tx.DueRequests(now)
			if err != nil {
				return err
			}
			gs, err := tx.DueGrants(now)
			requests, grants = len(rs), len(gs)
			return err
		})
		return requests, grants
	}
	if n, _ := due(r.WaitUntil.Add(-time.Microsecond)); n != 0 {
		t.Error("due before its time")
	}
	if n, _ := due(r.WaitUntil); n != 1 {
		t.Error("not due at its time")
	}
	g := f.grantOf(r)
	f.write(func(tx *store.Tx) error {
		if err := tx.EndRequest(r.ID, access.RequestApproved, f.now, ""); err != nil {
			return err
		}
		return tx.InsertGrant(g)
	})
	if at, _, _ := f.NextDeadline(t.Context()); !at.Equal(g.UseBy) {
		t.Errorf("got %v, want use-by %v", at, g.UseBy)
	}
	if n, m := due(g.UseBy); n != 0 || m != 1 {
		t.Errorf("%d requests and %d grants are due, want 0 and 1", n, m)
	}
	g.State, g.StartedAt, g.NotAfter = access.GrantActive, f.now, f.now.Add(4*time.Hour)
	f.write(func(tx *store.Tx) error { return tx.MoveGrant(access.GrantReady, g, "") })
	if at, _, _ := f.NextDeadline(t.Context()); !at.Equal(g.NotAfter) {
		t.Errorf("got %v, want not-after %v", at, g.NotAfter)
	}
}

func TestRequestQueries(t *testing.T) {
	f := newFixture(t)
	a, b := f.request(), f.request()
	b.Target.Host, b.RequestedAt = "db2", f.now.Add(time.Hour)
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(a); err != nil {
			return err
		}
		if err := tx.InsertRequest(b); err != nil {
			return err
		}
		return tx.EndRequest(a.ID, access.RequestDenied, f.now, "")
	})
	for name, c := range map[string]struct {
		q    access.RequestQuery
		want []access.RequestID
	}{
		"all":    {access.RequestQuery{}, []access.RequestID{b.ID, a.ID}},
		"person": {access.RequestQuery{Person: a.Person}, []access.RequestID{a.ID}},
		"host":   {access.RequestQuery{Host: "db2"}, []access.RequestID{b.ID}},
		"state":  {access.RequestQuery{State: access.RequestDenied}, []access.RequestID{a.ID}},
		"since":  {access.RequestQuery{Since: b.RequestedAt}, []access.RequestID{b.ID}},
		"limit":  {access.RequestQuery{Limit: 1}, []access.RequestID{b.ID}},
		"none":   {access.RequestQuery{Person: "x' OR 1=1 --"}, nil},
	} {
		list, err := f.Requests(t.Context(), c.q)
		var got []access.RequestID
		for _, r := range list {
			got = append(got, r.ID)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, c.want)
		}
	}
	if _, err := f.Request(t.Context(), "nope\x1b[31m"); access.AsError(err).Reason != access.ReasonNotFound {
		t.Errorf("got %v", err)
	}
}

// An extension comes back with the grant that it lengthened, and is never
// taken for a request of its own.
func TestExtensions(t *testing.T) {
	f := newFixture(t)
	r := f.request()
	g := f.grantOf(r)
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(r); err != nil {
			return err
		}
		if err := tx.EndRequest(r.ID, access.RequestApproved, f.now, ""); err != nil {
			return err
		}
		return tx.InsertGrant(g)
	})
	g.State, g.StartedAt, g.NotAfter = access.GrantActive, f.now, f.now.Add(time.Hour)
	f.write(func(tx *store.Tx) error { return tx.MoveGrant(access.GrantReady, g, "") })
	own, more := r, r
	own.ID, more.ID, more.Extends = access.RequestID(f.id()), access.RequestID(f.id()), g.ID
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(own); err != nil {
			return err
		}
		return tx.InsertRequest(more)
	})
	end := g.NotAfter
	g.NotAfter = end.Add(30 * time.Minute)
	f.write(func(tx *store.Tx) error {
		if found, ok, err := tx.IdenticalPending(more); err != nil || !ok || found.ID != more.ID {
			t.Errorf("found %v %v, %v", found.ID, ok, err)
		}
		if err := tx.EndRequest(more.ID, access.RequestApproved, f.now, ""); err != nil {
			return err
		}
		return tx.ExtendGrant(end, g)
	})
	if err := f.Write(t.Context(), func(tx *store.Tx) error { return tx.ExtendGrant(end, g) }); err == nil {
		t.Error("extended from an end that it no longer has")
	}
	f.reopen()
	got, err := f.Request(t.Context(), more.ID)
	if err != nil || got.Extends != g.ID || got.Grant == nil || !reflect.DeepEqual(*got.Grant, g) {
		t.Errorf("got %+v of %+v, %v", got.Grant, got, err)
	}
	f.write(func(tx *store.Tx) error {
		list, err := tx.Extensions(g.ID)
		if err != nil || len(list) != 1 || list[0].ID != more.ID {
			t.Errorf("extensions %+v, %v", list, err)
		}
		g.State, g.EndedAt = access.GrantRevoked, f.now
		return tx.MoveGrant(access.GrantActive, g, "why not")
	})
	if _, why, err := f.Causes(t.Context(), more.ID); err != nil || why != "why not" {
		t.Errorf("its grant ended for %q, %v", why, err)
	}
}
