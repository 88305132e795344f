package screens_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// followed is an index that tells when sessions are begun and done.
type followed struct {
	*town
	begun, done func(access.SessionID)
}

func (f followed) BeginReading(ctx context.Context, id access.SessionID) error {
	f.begun(id)
	return f.town.BeginReading(ctx, id)
}

func (f followed) EndReading(ctx context.Context, id access.SessionID, r screens.Read) error {
	err := f.town.EndReading(ctx, id, r)
	f.done(id)
	return err
}

// slowClock takes a whole turn for each piece of work.
type slowClock struct{ *handClock }

func (c slowClock) Now() time.Time {
	for range 4 {
		c.handClock.Now()
	}
	return c.handClock.Now()
}

// order reads all sessions beside busy ones, and gives the order in which they
// were done. Late is called when a session is begun.
func (w *town) order(t *testing.T, late func(access.SessionID)) (done []access.SessionID) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	clock := slowClock{&handClock{now: w.now, load: func(time.Duration) float64 { return 0.5 }, drained: stop}}
	index := followed{w, late, func(id access.SessionID) { done = append(done, id) }}
	screens.NewIndexer(screens.Config{Index: index, Folder: w.recorder.Folder, Every: everyIdle, Clock: clock}).Run(ctx)
	return done
}

// Who floods a terminal delays what others did by a few turns, not until the
// flood is read: neither those that ended before it was begun nor later ones.
func TestFloodDelaysNobody(t *testing.T) {
	w := newTown(t)
	newlines := slices.Repeat([]moment{{time.Millisecond, strings.Repeat("\r\n", 8<<10), 0, 0}}, 6<<20/(16<<10))
	flood := w.record(t, w.session(), newlines...)
	second := w.record(t, w.session(), newlines...)
	other := w.record(t, w.session(), moment{time.Second, "needle one\r\n", 0, 0})
	var late access.Session
	done := w.order(t, func(id access.SessionID) {
		if id == flood.ID {
			late = w.record(t, w.session(), moment{time.Second, "needle two\r\n", 0, 0})
		}
	})
	if want := []access.SessionID{other.ID, late.ID, flood.ID, second.ID}; !slices.Equal(done, want) {
		t.Errorf("read in the order %v, want %v", done, want)
	}
	if found := w.find(t, access.SearchQuery{Text: "needle"}); len(found.Hits) != 2 || found.Waiting != 0 {
		t.Errorf("%+v", found)
	}
}

// Small output may cost much, too. What takes more turns than others goes on
// behind them; where another one does that already, it begins anew there, and
// nothing of it is there twice.
func TestCostlyRecordingsDelayNobody(t *testing.T) {
	w := newTown(t)
	costly := []moment{{time.Second, "needle at first\r\n", 0, 0}}
	for i := range 40_000 {
		costly = append(costly, moment{0, "", 20 + i%2, 4})
	}
	costly = append(costly, moment{time.Second, "needle at last\r\n", 0, 0})
	first := w.record(t, w.session(), costly...)
	second := w.record(t, w.session(), costly...)
	other := w.record(t, w.session(), moment{time.Second, "needle\r\n", 0, 0})
	begun := map[access.SessionID]int{}
	done := w.order(t, func(id access.SessionID) { begun[id]++ })
	if want := []access.SessionID{other.ID, first.ID, second.ID}; !slices.Equal(done, want) {
		t.Errorf("read in the order %v, want %v", done, want)
	}
	if begun[first.ID] != 1 || begun[second.ID] != 2 {
		t.Errorf("begun %v", begun)
	}
	if found := w.find(t, access.SearchQuery{Text: "needle", Source: access.TextScreen}); len(found.Hits) != 5 {
		t.Errorf("%+v", found)
	}
}
