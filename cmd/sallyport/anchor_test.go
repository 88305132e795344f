package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// begun is a live session whose recording has closed a block.
func begun(t *testing.T, r *recorder.Recorder, s access.Session, shown string) *recorder.Recording {
	t.Helper()
	rec, err := r.Start(t.Context(), s, recorder.Shape{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Stdout(bytes.Repeat([]byte(shown), 300_000/len(shown))); err != nil { // 256 KiB close one
		t.Fatal(err)
	}
	return rec
}

func aSession() access.Session {
	return access.Session{
		ID: access.SessionID(ulid.Make().String()), Person: "alice", Kind: access.KindShell, Terminal: true,
		Target: access.Target{Login: "root", Host: "db1"}, StartedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// heads are those that the audit chain anchors.
func heads(t *testing.T, s *store.Store) (all []recorder.Head) {
	t.Helper()
	rows, err := s.Audit(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		e, err := row.Event()
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == audit.RecordingHead {
			block, err := strconv.ParseUint(e.Detail["block"], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, recorder.Head{Session: access.SessionID(e.Session), Block: block, Chain: e.Detail["head"]})
		}
	}
	return all
}

// anchoring runs it, and gives what a minute is: it returns when all that there
// is to anchor is.
func anchoring(t *testing.T, h *house) (minute, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	tick, done := make(chan time.Time), make(chan struct{})
	go func() { defer close(done); h.anchorHeads(ctx, tick) }()
	minute = func() {
		tick <- time.Time{}
		tick <- time.Time{} // it takes this one when it is done with the first, and finds nothing
	}
	return minute, func() { cancel(); <-done }
}

// Each minute the heads of live recordings that grew enter the audit chain,
// each once.
func TestHeadsAreAnchoredEachMinute(t *testing.T) {
	if anchorEvery != time.Minute {
		t.Errorf("every %v", anchorEvery)
	}
	p := newPlace(t)
	err := p.start(func(h *house) {
		minute, stop := anchoring(t, h)
		defer stop()
		minute()
		if got := heads(t, h.store); got != nil {
			t.Errorf("anchored %v of nothing", got)
		}
		first := begun(t, h.recorder, aSession(), "x")
		minute()
		if got := heads(t, h.store); len(got) != 1 || got[0] != h.recorder.Heads()[0] {
			t.Errorf("anchored %v, the heads are %v", got, h.recorder.Heads())
		}
		minute()
		second := begun(t, h.recorder, aSession(), "y")
		if err := first.Stdout(bytes.Repeat([]byte("z"), 300_000)); err != nil {
			t.Fatal(err)
		}
		minute()
		got := heads(t, h.store)
		if len(got) != 3 {
			t.Fatalf("anchored %v", got)
		}
		for _, head := range h.recorder.Heads() {
			if head != got[1] && head != got[2] {
				t.Errorf("anchored %v, and not %v", got, head)
			}
		}
		for _, rec := range []*recorder.Recording{first, second} {
			if _, err := rec.Seal(t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
				t.Fatal(err)
			}
		}
		minute()
		if more := heads(t, h.store); len(more) != 3 {
			t.Errorf("anchored %v when all had ended", more[3:])
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Root on the bastion kills it and rewrites a recording that was live, cast and
// chain alike, so that all agree; the next start closes and signs what it
// finds. Without a head in the audit chain nobody could tell. With one, verify
// does.
func TestRewrittenLiveRecordingShows(t *testing.T) {
	for _, c := range []struct {
		anchored bool
		blocks   int // of the forged one; the true one has two
		want     string
	}{
		{false, 2, "recovered"},
		{true, 2, "altered"},
		{true, 3, "altered"},
		{true, 1, "altered"},
	} {
		t.Run(c.want+" "+strconv.Itoa(c.blocks), func(t *testing.T) {
			p := newPlace(t)
			s := aSession()
			err := p.start(func(h *house) {
				rec := begun(t, h.recorder, s, "rm -rf /srv\r\n")
				if err := rec.Stdout(bytes.Repeat([]byte("x"), 300_000)); err != nil {
					t.Fatal(err)
				}
				if !c.anchored {
					return
				}
				minute, stop := anchoring(t, h)
				minute()
				stop()
			}) // and it is not sealed
			if err != nil {
				t.Fatal(err)
			}
			forge(t, p, s, c.blocks)
			status, said := p.verify()
			if !strings.Contains(said, c.want+" ") || status != 1 {
				t.Errorf("status %d: %s", status, said)
			}
		})
	}
}

// forge puts another recording in the place of that of s.
func forge(t *testing.T, p *place, s access.Session, blocks int) {
	t.Helper()
	dir := t.TempDir()
	index, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), BastionID: p.config.BastionID, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	r, err := recorder.New(recorder.Config{Dir: filepath.Join(dir, "recordings"), KeyDir: p.config.keys(), BastionID: p.config.BastionID, Index: index, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	rec := begun(t, r, s, "ls\r\n")
	for range blocks - 1 {
		if err := rec.Stdout(bytes.Repeat([]byte("y"), 300_000)); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(p.config.recordings(), filepath.FromSlash(rec.Session().Recording))
	err = os.RemoveAll(to)
	if err = errors.Join(err, os.CopyFS(to, os.DirFS(r.Folder(rec.Session().Recording)))); err != nil {
		t.Fatal(err)
	}
}

// verify runs the server and has it verify all.
func (p *place) verify() (status int, said string) {
	p.t.Helper()
	err := p.start(func(h *house) {
		ctx, stop := context.WithCancel(p.t.Context())
		ready, over := make(chan struct{}), make(chan error, 1)
		go func() { over <- h.run(ctx, func() { close(ready) }) }()
		<-ready
		out, errs, code := p.run("verify")
		status, said = code, out+errs
		stop()
		if err := <-over; err != nil {
			p.t.Error(err)
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return status, said
}

// The server does it by itself, on the real clock.
func TestServerAnchorsHeads(t *testing.T) {
	if os.Getenv("SALLYPORT_SOAK") == "" {
		t.Skip("takes a minute")
	}
	p := newPlace(t)
	err := p.start(func(h *house) {
		ctx, stop := context.WithCancel(t.Context())
		ready, over := make(chan struct{}), make(chan error, 1)
		go func() { over <- h.run(ctx, func() { close(ready) }) }()
		<-ready
		begun(t, h.recorder, aSession(), "x")
		for deadline := time.Now().Add(90 * time.Second); len(heads(t, h.store)) == 0; time.Sleep(time.Second) {
			if time.Now().After(deadline) {
				t.Error("nothing is anchored")
				break
			}
		}
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
