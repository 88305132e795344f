package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// watched is a watch on a real file whose clock the test moves.
type watched struct {
	*accessWatch
	t      *testing.T
	now    time.Time
	events []audit.Event
	full   bool // the audit log takes nothing more
	ended  int
	of     int
}

// people is an access file with these people and nothing else.
func people(names ...string) string {
	var b strings.Builder
	b.WriteString("people:\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  - {name: %s}\n", n)
	}
	return b.String() + "hosts: []\nrules: []\n"
}

func watch(t *testing.T, content string) *watched {
	t.Helper()
	w := &watched{t: t, now: time.Unix(1_000_000, 0)}
	path := write(t, filepath.Join(t.TempDir(), "access.yaml"), content)
	first, _, err := loadAccess(path)
	if err != nil {
		t.Fatal(err)
	}
	w.accessWatch = &accessWatch{
		Path:  path,
		Live:  policy.NewLive(first),
		Ended: func(*policy.Policy) (int, int) { return w.ended, w.of },
		Record: func(_ context.Context, e audit.Event) error {
			if w.full {
				return errors.New("the disk is full")
			}
			w.events = append(w.events, e)
			return nil
		},
		Log:    slog.New(slog.DiscardHandler),
		judged: first.Digest,
	}
	return w
}

// after lets d pass and looks.
func (w *watched) after(d time.Duration) {
	w.now = w.now.Add(d)
	w.look(w.t.Context(), w.now)
}

// settle looks until whatever is there has settled.
func (w *watched) settle() {
	for range 4 {
		w.after(lookEvery)
	}
}

func (w *watched) put(content string) {
	w.t.Helper()
	write(w.t, w.Path, content)
}

// want checks the epoch in force and the events since the last call.
func (w *watched) want(epoch uint64, kinds ...audit.Kind) {
	w.t.Helper()
	if got := w.Live.Current().Epoch; got != epoch {
		w.t.Errorf("epoch %d in force, want %d", got, epoch)
	}
	var got []audit.Kind
	for _, e := range w.events {
		got = append(got, e.Kind)
	}
	if fmt.Sprint(got) != fmt.Sprint(kinds) {
		w.t.Errorf("events %v, want %v", got, kinds)
	}
	w.events = nil
}

func TestWatchTakesAChangeOnceSettled(t *testing.T) {
	w := watch(t, people("alice"))
	w.settle()
	w.want(1)
	w.put(people("alice", "bob"))
	w.after(lookEvery)
	w.want(1) // read once
	w.after(settled - time.Millisecond)
	w.want(1) // twice, but not half a second apart
	w.after(time.Millisecond)
	if _, ok := w.Live.Current().Person("bob"); !ok {
		t.Error("bob is not there")
	}
	detail := w.events[0].Detail
	if detail["digest"] != w.Live.Current().Digest || detail["epoch"] != "2" || detail["by"] != "change" || w.events[0].Actor != audit.ActorPolicy {
		t.Errorf("event %+v", w.events[0])
	}
	w.want(2, audit.PolicyReloaded)
	w.settle()
	w.want(2)
}

func TestWatchNeverTakesAHalfWrittenFile(t *testing.T) {
	w := watch(t, people("alice"))
	for i := range 20 { // longer than it takes to settle, and each a sound file
		w.put(people("alice") + strings.Repeat("# more to come\n", i+1))
		w.after(lookEvery)
	}
	w.want(1)
	w.settle()
	w.want(2, audit.PolicyReloaded)
}

func TestWatchRefusesABadFileOnce(t *testing.T) {
	w := watch(t, people("alice"))
	w.put(people("alice", "alice", "Bob"))
	w.settle()
	w.settle()
	if faults := w.events[0].Detail["faults"]; !strings.Contains(faults, "people[1].name: the person") || !strings.Contains(faults, "people[2].name") {
		t.Errorf("faults: %s", faults)
	}
	w.want(1, audit.PolicyRefused) // whole, and said once
	w.asked = true
	w.settle()
	w.want(1, audit.PolicyRefused) // and again to who asks
	w.put(people("alice"))
	w.settle()
	w.want(1) // back to what is in force
	w.put(people("alice", "bob"))
	w.settle()
	w.want(2, audit.PolicyReloaded)
}

func TestWatchKeepsTheOldOneWhenTheFileIsGone(t *testing.T) {
	w := watch(t, people("alice"))
	if err := os.Remove(w.Path); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.settle()
	w.want(1, audit.PolicyRefused)
	w.put("")
	w.settle()
	w.want(1, audit.PolicyRefused)
	w.put(people("alice"))
	w.settle()
	w.want(1)
}

func TestWatchHoldsWhatWouldEndManySessions(t *testing.T) {
	for _, c := range []struct {
		ended, of int
		held      bool
	}{
		{0, 0, false}, {1, 1, false}, {1, 3, false}, {2, 10, false}, {2, 9, true}, {3, 10, true}, {4, 4, true},
	} {
		w := watch(t, people("alice", "bob"))
		w.ended, w.of = c.ended, c.of
		w.put(people("alice"))
		w.settle()
		if !c.held {
			w.want(2, audit.PolicyReloaded)
			continue
		}
		if faults := w.events[0].Detail["faults"]; !strings.Contains(faults, fmt.Sprintf("would end the sessions of %d of %d people; send SIGHUP", c.ended, c.of)) {
			t.Errorf("faults: %s", faults)
		}
		w.want(1, audit.PolicyRefused)
		w.asked = true // SIGHUP
		w.settle()
		w.want(2, audit.PolicyReloaded)
		w.put(people("bob")) // the next change is no longer asked for
		w.settle()
		w.want(2, audit.PolicyRefused)
	}
}

func TestWatchReloadsOnAFullDisk(t *testing.T) {
	w := watch(t, people("alice", "mallory"))
	w.full = true
	w.put(people("alice"))
	w.settle()
	if _, ok := w.Live.Current().Person("mallory"); ok {
		t.Error("who is shut out must be out, evidence or not")
	}
}

func TestWatchRuns(t *testing.T) {
	w := watch(t, people("alice", "bob", "carol"))
	w.ended, w.of = 2, 2
	hup, recorded := make(chan os.Signal, 1), make(chan audit.Event, 8)
	w.HUP = hup
	w.Record = func(_ context.Context, e audit.Event) error { recorded <- e; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	changed := w.Live.Changed()
	w.put(people("alice"))
	if e := <-recorded; e.Kind != audit.PolicyRefused {
		t.Fatalf("held: %+v", e)
	}
	hup <- os.Interrupt // whichever: the channel is for SIGHUP alone
	<-changed
	if e := <-recorded; e.Kind != audit.PolicyReloaded || e.Detail["by"] != "signal" {
		t.Fatalf("by signal: %+v", e)
	}
	cancel()
	<-done
}
