package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

const keepRules = `
people: [{name: alice, groups: [sre], keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKnCpNCkkAXPY0ZfN7CqfRZyCVkDVE9jA9Kk1LOJhg8"]}]
hosts: [{name: db1, address: "10.0.0.1:22", logins: [root], host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKnCpNCkkAXPY0ZfN7CqfRZyCVkDVE9jA9Kk1LOJhg8"]}]
rules:
  - {name: short, who: {groups: [sre]}, hosts: {names: [db1]}, logins: [root], allow: [shell], record: {keep: 30d}}
`

// Recordings go when their rule's time, or the server's, is over: not before,
// and not while they are held.
func TestKeeperKeepsAndDeletes(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	clock := func() time.Time { return now }
	s, err := store.Open(t.Context(), store.Config{Path: dir + "/db", BastionID: "b1", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := recorder.New(recorder.Config{Dir: dir + "/recordings", KeyDir: dir + "/keys", BastionID: "b1", Index: s, Reserve: -1, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]access.Session{}
	for _, name := range []string{"short", "held", "long"} {
		rule := name
		if name == "held" {
			rule = "short"
		}
		rec, err := r.Start(t.Context(), access.Session{ID: access.SessionID(ulid.Make().String()), Person: "alice", Rule: rule, Command: "cat secret",
			Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindExec}, recorder.Shape{})
		if err != nil {
			t.Fatal(err)
		}
		if made[name], err = rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
			t.Fatal(err)
		}
	}
	p, _, err := policy.Parse("access.yaml", []byte(keepRules))
	if err != nil {
		t.Fatal(err)
	}
	hold := access.Hold{Session: made["held"].ID, Reason: "case 1", By: "carol", Via: access.ViaConsole, At: now}
	if err := s.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	k := &keeper{365 * 24 * time.Hour, policy.NewLive(p), s, r, clock, slog.New(slog.DiscardHandler)}
	there := func(when string, want map[string]bool) {
		t.Helper()
		if err := k.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, want := range want {
			v, err := recorder.Verify(r.Folder(made[name].Recording), r.Keys().Trust())
			if err != nil || (v.Verdict == recorder.Intact) != want || v.Deleted == want {
				t.Errorf("%s, %s: %+v, %v; there: want %v", when, name, v, err, want)
			}
		}
	}
	there("at once", map[string]bool{"short": true, "held": true, "long": true})
	now = now.Add(31 * 24 * time.Hour)
	there("after a month", map[string]bool{"short": false, "held": true, "long": true})
	if got, err := s.Session(t.Context(), made["short"].ID); err != nil || got.Command != "" || got.Person != "alice" {
		t.Errorf("the row of a deleted one: %+v, %v", got, err)
	}
	if err := s.Hold(t.Context(), access.Hold{Session: made["short"].ID, Reason: "late", By: "carol", Via: access.ViaConsole, At: now}); err == nil {
		t.Error("what is deleted was held")
	}
	if err := s.Unhold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	there("let go", map[string]bool{"short": false, "held": false, "long": true})
	now = now.Add(365 * 24 * time.Hour)
	there("after a year", map[string]bool{"long": false})

	kinds := map[string]int{}
	rows, err := s.Audit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		e, err := row.Event()
		if err != nil {
			t.Fatal(err)
		}
		kinds[string(e.Kind)]++
	}
	if kinds["recording.deleted"] != 3 || kinds["recording.held"] != 1 || kinds["recording.unheld"] != 1 {
		t.Errorf("events %v", kinds)
	}
}
