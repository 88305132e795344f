package screens_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// handClock moves by hand: each look at it takes a millisecond, and waiting
// takes no time at all. Meanwhile sessions use the processor as load says.
type handClock struct {
	mu      sync.Mutex
	now     time.Time
	spent   time.Duration
	load    func(waited time.Duration) float64 // cores
	waited  time.Duration
	rests   int
	drained func() // there is nothing to do
}

const everyIdle = 77 * time.Second // no rest is so long

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.spent = c.now.Add(time.Millisecond), c.spent+time.Millisecond
	return c.now
}

func (c *handClock) Spent() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spent
}

func (c *handClock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d == everyIdle {
		c.drained()
		return context.Canceled
	}
	c.spent += time.Duration(c.load(c.waited) * float64(d))
	c.now, c.waited = c.now.Add(d), c.waited+d
	c.rests++
	return context.Cause(ctx)
}

// drainUnder makes the index of some recordings under a load, and tells how
// long the indexer waited.
func drainUnder(t *testing.T, load func(waited time.Duration) float64) *handClock {
	t.Helper()
	w := newTown(t)
	for i := range 3 {
		var b strings.Builder
		for line := range 4000 {
			fmt.Fprintf(&b, "line %d of %d, which is like no other\r\n", line, i)
		}
		w.record(t, w.session(), moment{time.Second, b.String() + "needle\r\n", 0, 0})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c := &handClock{now: w.now, load: load, drained: stop}
	screens.NewIndexer(screens.Config{Index: w.Store, Folder: w.recorder.Folder, Every: everyIdle, Clock: c}).Run(ctx)
	if found := w.find(t, access.SearchQuery{Text: "needle"}); len(found.Hits) != 3 || found.Waiting != 0 {
		t.Fatalf("after %v: %+v", c.waited, found)
	}
	return c
}

// The indexer works at once when nothing else goes on, makes way for sessions,
// and still ends when they never do.
func TestIndexerMakesWay(t *testing.T) {
	quiet := drainUnder(t, func(time.Duration) float64 { return 0 })
	if quiet.rests < 3 || quiet.waited > time.Duration(quiet.rests)*100*time.Millisecond {
		t.Errorf("with nothing else to do it waited for %v in %d rests", quiet.waited, quiet.rests)
	}
	typing := drainUnder(t, func(time.Duration) float64 { return 0.02 })
	if typing.waited > 2*quiet.waited {
		t.Errorf("beside somebody who types it waited for %v, else for %v", typing.waited, quiet.waited)
	}
	busy := drainUnder(t, func(time.Duration) float64 { return 0.5 })
	turns := busy.rests / 3 // one, and two lulls
	if busy.rests%3 != 0 || turns != quiet.rests || busy.waited < time.Duration(turns)*2*time.Second {
		t.Errorf("beside busy sessions it waited for %v in %d rests; in %d with nothing else to do", busy.waited, busy.rests, quiet.rests)
	}
	over := drainUnder(t, func(waited time.Duration) float64 {
		if waited < 5*time.Second {
			return 1
		}
		return 0
	})
	if over.waited < 5*time.Second || over.waited > 8*time.Second {
		t.Errorf("with sessions for 5 s it waited for %v", over.waited)
	}
}

// What repeats and what is no text costs no work and hides nothing: the lines
// around it are found.
func TestTextOfBulk(t *testing.T) {
	w := newTown(t)
	exec := func(s *access.Session) { s.Kind, s.Terminal = access.KindExec, false }
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(i*7919>>3) | 0x80
	}
	for _, c := range []struct {
		name    string
		moments []moment
		want    []string
	}{
		{"repeats", []moment{{s1, "first\n" + strings.Repeat("yes\n", 2_000), 0, 0}, {s1, strings.Repeat("yes\n", 2_000) + "last\n", 0, 0}}, []string{"first", "yes", "last"}},
		{"repeats in pieces", []moment{{s1, "yes\nye", 0, 0}, {s1, "s\nyes\nyes", 0, 0}, {s1, " sir\n", 0, 0}}, []string{"yes", "yes sir"}},
		{"a line that moves", []moment{{s1, "up\x1b[3;3H\nup\x1b[3;3H\n", 0, 0}}, []string{"up"}},
		{"zeroes", []moment{{s1, "first\n", 0, 0}, {s1, strings.Repeat("\x00", 100_000), 0, 0}, {s1, "\nlast\n", 0, 0}}, []string{"first", "last"}},
		{"noise", []moment{{s1, "first\n", 0, 0}, {s1, string(noise), 0, 0}, {s1, "\nlast\n", 0, 0}}, []string{"first", "last"}},
		{"some zeroes", []moment{{s1, "one\x00two\x00three\x00four\n", 0, 0}}, []string{"onetwothreefour"}},
		{"other alphabets", []moment{{s1, "größe\nпароль\n秘密\n", 0, 0}}, []string{"größe", "пароль", "秘密"}},
	} {
		got := texts(w.read(t, w.record(t, w.session(exec), c.moments...))[access.TextScreen])
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
