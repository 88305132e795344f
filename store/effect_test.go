package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

// shownRequest makes a request that has a message.
func (f *fixture) shownRequest() access.Request {
	f.t.Helper()
	r := f.request()
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(r); err != nil {
			return err
		}
		return tx.Show(r.ID)
	})
	_, through, _ := f.next()
	if err := f.NoticeShown(f.t.Context(), r.ID, through, "C1", "1.1"); err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) effects(limit int) ([]access.Effect, int) {
	f.t.Helper()
	list, attempts, err := f.NextEffects(f.t.Context(), f.now, limit)
	if err != nil {
		f.t.Fatal(err)
	}
	return list, attempts
}

// TestEffectsAreToldInOrder: what belongs to one place comes together and in
// order, fails together, and survives a restart.
func TestEffectsAreToldInOrder(t *testing.T) {
	f := newFixture(t)
	r := f.shownRequest()
	tell := func(list ...access.Effect) {
		f.write(func(tx *store.Tx) error {
			for _, e := range list {
				if err := tx.Tell(e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	tell(access.Effect{Request: r.ID, Kind: access.EffectDecided}, access.Effect{Request: r.ID, Kind: access.EffectReviewed, Person: "bob", Text: "fine"},
		access.Effect{Request: r.ID, Kind: access.EffectGrantEnded}, access.Effect{Request: r.ID, Kind: access.EffectAuto, Due: f.now.Add(time.Hour)})
	f.reopen()
	direct, _ := f.effects(20)
	if len(direct) != 1 || direct[0].Kind != access.EffectDecided || direct[0].Number == 0 || !direct[0].At.Equal(f.now) {
		t.Fatalf("first: %+v", direct)
	}
	if err := f.EffectsFailed(t.Context(), direct[0], f.now.Add(time.Minute), "429"); err != nil {
		t.Fatal(err)
	}
	thread, _ := f.effects(20)
	if len(thread) != 2 || thread[0].Kind != access.EffectReviewed || thread[0].Text != "fine" || thread[1].Kind != access.EffectGrantEnded {
		t.Fatalf("then: %+v", thread)
	}
	if err := f.EffectsTold(t.Context(), thread[:1]); err != nil {
		t.Fatal(err)
	}
	if rest, _ := f.effects(20); len(rest) != 1 || rest[0].Number != thread[1].Number {
		t.Errorf("what was not told: %+v", rest)
	}
	if err := f.EffectsTold(t.Context(), thread[1:]); err != nil {
		t.Fatal(err)
	}
	if none, _ := f.effects(20); len(none) != 0 {
		t.Errorf("before its time: %+v", none)
	}
	f.now = f.now.Add(time.Minute)
	if again, attempts := f.effects(20); len(again) != 1 || attempts != 1 {
		t.Errorf("again: %+v after %d", again, attempts)
	}
	if err := f.EffectsGivenUp(t.Context(), direct, "gone"); err != nil {
		t.Fatal(err)
	}
	if at, ok, err := f.NextEffectsAt(t.Context()); err != nil || !ok || !at.Equal(f.now.Add(59*time.Minute)) {
		t.Errorf("the digest is due at %v, %v, %v", at, ok, err)
	}
}

// TestNoThreadWithoutAMessage: what belongs below a message waits for it, and
// goes when it is known that there will be none.
func TestNoThreadWithoutAMessage(t *testing.T) {
	for name, end := range map[string]func(f *fixture, id access.RequestID, through int64) error{
		"skipped": func(f *fixture, id access.RequestID, n int64) error { return f.NoticeSkipped(f.t.Context(), id, n) },
		"given up": func(f *fixture, id access.RequestID, n int64) error {
			return f.NoticeGivenUp(f.t.Context(), id, n, "x")
		},
	} {
		f := newFixture(t)
		r := f.request()
		f.write(func(tx *store.Tx) error {
			if err := tx.InsertRequest(r); err != nil {
				return err
			}
			if err := tx.Tell(access.Effect{Request: r.ID, Kind: access.EffectReviewed}); err != nil {
				return err
			}
			return tx.Show(r.ID)
		})
		if list, _ := f.effects(20); len(list) != 0 {
			t.Errorf("%s: told without a message: %+v", name, list)
		}
		_, through, _ := f.next()
		if err := end(f, r.ID, through); err != nil {
			t.Fatal(err)
		}
		if n, err := f.PruneOutbox(t.Context(), f.now.Add(time.Hour), 10); err != nil || n != 2 {
			t.Errorf("%s: %d rows are over, %v; want both", name, n, err)
		}
	}
}

// TestSessionsAreTold: the card and the thread of a request hear of each
// session under it, and of the proof that it left; others do not.
func TestSessionsAreTold(t *testing.T) {
	f := newFixture(t)
	r := f.shownRequest()
	other := f.session()
	if err := f.OpenSession(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	s := f.session()
	s.RequestID = r.ID
	if err := f.OpenSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if u, err := f.Usage(t.Context(), r.ID); err != nil || u.Sessions != 1 || u.Live != 1 || len(u.Last) != 0 {
		t.Errorf("usage %+v, %v", u, err)
	}
	status := 3
	s.State, s.EndedAt, s.ExitStatus, s.EndCause = access.SessionSealed, f.now.Add(time.Minute), &status, access.EndExit
	if _, _, err := f.seal(s, "m"); err != nil {
		t.Fatal(err)
	}
	const digest = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a" // of "m"
	list, _ := f.effects(20)
	if len(list) != 2 || list[0].Kind != access.EffectSession || list[1].Kind != access.EffectSealed || list[1].Digest != digest ||
		list[1].For != time.Minute || list[1].Text != "exit 3" || list[1].Session != s.ID {
		t.Errorf("told %+v", list)
	}
	if id, _, _ := f.next(); id != r.ID {
		t.Errorf("%q is to be shown anew", id)
	}
	u, err := f.Usage(t.Context(), r.ID)
	if err != nil || u.Sessions != 1 || u.Live != 0 || len(u.Last) != 1 || u.Last[0].Digest != digest {
		t.Errorf("usage %+v, %v", u, err)
	}
}

// TestHistory: what was before a request, and nothing of after it or of others.
func TestHistory(t *testing.T) {
	f := newFixture(t)
	at := f.now
	open := func(ago time.Duration, change func(*access.Session)) {
		s := f.session()
		s.StartedAt = at.Add(-ago)
		change(&s)
		if err := f.OpenSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	as := func(person access.PersonName, host, source, key string) func(*access.Session) {
		return func(s *access.Session) { s.Person, s.Target.Host, s.Source, s.Fingerprint = person, host, source, key }
	}
	r := f.request()
	r.Person, r.Target, r.Source, r.Fingerprint = "alice", access.Target{Login: "root", Host: "db1"}, "[2001:db8::1]:99", "K"
	r.RequestedAt = at
	history := func(what string, want access.History) {
		t.Helper()
		got, err := f.History(t.Context(), r)
		got.Hours = [24]int{}
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %+v, %v\nwant %+v", what, got, err, want)
		}
	}
	history("nothing", access.History{})
	open(time.Hour, as("mallory", "db1", r.Source, "K"))
	open(-time.Hour, as("alice", "db1", r.Source, "K")) // later
	history("others, and later", access.History{})
	open(100*24*time.Hour, as("alice", "db1", r.Source, "K"))
	history("long ago", access.History{OnHost: 1, LastOnHost: at.Add(-100 * 24 * time.Hour)})
	open(2*time.Hour, as("alice", "db1", "[2001:db8::10]:99", "L"))
	history("like it", access.History{Sessions: 1, OnHost: 2, LastOnHost: at.Add(-2 * time.Hour)})
	open(time.Hour, as("alice", "web1", "[2001:db8::1]:7", "K"))
	history("known", access.History{Sessions: 2, OnHost: 2, LastOnHost: at.Add(-2 * time.Hour), FromAddress: true, WithKey: true})
	got, err := f.History(t.Context(), r)
	if hour := at.Add(-time.Hour).UTC().Hour(); err != nil || got.Hours[hour] != 1 {
		t.Errorf("hours %v, %v", got.Hours, err)
	}

	denied := f.request()
	denied.Person, denied.Target, denied.RequestedAt = "alice", r.Target, at.Add(-time.Hour)
	word := access.Decision{Person: "bob", Verdict: access.VerdictDeny, Reason: "no", At: at.Add(-time.Minute)}
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(denied); err != nil {
			return err
		}
		if err := tx.AddDecision(denied.ID, word); err != nil {
			return err
		}
		return tx.EndRequest(denied.ID, access.RequestDenied, at.Add(-time.Minute), "no")
	})
	if got, err := f.History(t.Context(), r); err != nil || got.Asked != 1 || got.Denied.Person != "bob" || got.Denied.Reason != "no" {
		t.Errorf("denied: %+v, %v", got, err)
	}
}
