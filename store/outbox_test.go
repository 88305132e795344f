package store_test

import (
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

// next gives the notice that is due, or fails.
func (f *fixture) next() (access.RequestID, int64, int) {
	f.t.Helper()
	id, through, attempts, err := f.NextNotice(f.t.Context(), f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	return id, through, attempts
}

func TestOutboxKeepsOrderAndSurvivesRestart(t *testing.T) {
	f := newFixture(t)
	a, b := f.request(), f.request()
	show := func(ids ...access.RequestID) {
		f.write(func(tx *store.Tx) error {
			for _, id := range ids {
				if err := tx.Show(id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	f.write(func(tx *store.Tx) error {
		if err := tx.InsertRequest(a); err != nil {
			return err
		}
		return tx.InsertRequest(b)
	})
	show(a.ID, b.ID)
	f.reopen()
	id, through, _ := f.next()
	if id != a.ID {
		t.Fatalf("got %s first", id)
	}
	// It fails, and is tried again later; what is added about it waits too.
	if err := f.NoticeFailed(t.Context(), a.ID, f.now.Add(time.Minute), "429"); err != nil {
		t.Fatal(err)
	}
	show(a.ID)
	if id, _, _ := f.next(); id != b.ID {
		t.Errorf("got %q, want b: a is not due", id)
	}
	if err := f.NoticeShown(t.Context(), b.ID, through+1, "C1", "1.2"); err != nil {
		t.Fatal(err)
	}
	if id, _, _ := f.next(); id != "" {
		t.Errorf("got %q although nothing is due", id)
	}
	at, ok, err := f.NextNoticeAt(t.Context())
	if err != nil || !ok || !at.Equal(f.now.Add(time.Minute)) {
		t.Errorf("next at %v %v, %v", at, ok, err)
	}
	f.now = f.now.Add(time.Minute)
	id, through, attempts := f.next()
	if id != a.ID || attempts != 1 {
		t.Fatalf("got %s after %d attempts", id, attempts)
	}
	// Something happens while it is being shown: that is shown again.
	show(a.ID)
	if err := f.NoticeShown(t.Context(), a.ID, through, "C1", "3.4"); err != nil {
		t.Fatal(err)
	}
	if id, through, _ = f.next(); id != a.ID {
		t.Fatalf("what happened meanwhile is lost: %q", id)
	}
	if err := f.NoticeGivenUp(t.Context(), a.ID, through, "gone"); err != nil {
		t.Fatal(err)
	}
	if id, _, _ := f.next(); id != "" {
		t.Errorf("got %q after giving up", id)
	}
	if channel, ts, err := f.Message(t.Context(), a.ID); channel != "C1" || ts != "3.4" || err != nil {
		t.Errorf("message %s %s, %v", channel, ts, err)
	}
	if channel, _, err := f.Message(t.Context(), "none"); channel != "" || err != nil {
		t.Errorf("message %q, %v", channel, err)
	}
}

// What is over goes after a while, a few at a time; what waits stays, and
// where requests are shown.
func TestPruneOutbox(t *testing.T) {
	f := newFixture(t)
	shown, given, waits := f.request(), f.request(), f.request()
	f.write(func(tx *store.Tx) error {
		for _, r := range []access.Request{shown, given, waits} {
			if err := tx.InsertRequest(r); err != nil {
				return err
			}
			if err := tx.Show(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err := f.NoticeShown(t.Context(), shown.ID, 1, "C1", "1.1"); err != nil {
		t.Fatal(err)
	}
	if err := f.NoticeGivenUp(t.Context(), given.ID, 2, "no such channel"); err != nil {
		t.Fatal(err)
	}
	prune := func(before time.Time, want ...int64) {
		t.Helper()
		for _, want := range want {
			if n, err := f.PruneOutbox(t.Context(), before, 1); err != nil || n != want {
				t.Errorf("pruned %d, %v; want %d", n, err, want)
			}
		}
	}
	prune(f.now, 0)
	prune(f.now.Add(time.Microsecond), 1, 1, 0)
	if id, _, _ := f.next(); id != waits.ID {
		t.Errorf("%q waits, want %q", id, waits.ID)
	}
	if channel, ts, err := f.Message(t.Context(), shown.ID); err != nil || channel != "C1" || ts != "1.1" {
		t.Errorf("shown at %q %q, %v", channel, ts, err)
	}
}
