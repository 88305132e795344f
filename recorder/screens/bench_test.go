package screens_test

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
)

// BenchmarkRead reads a recording of 8 MiB: what playing costs, with the text,
// and into the index.
func BenchmarkRead(b *testing.B) {
	w := newTown(b)
	s := w.long(b, 8<<20)
	fi, err := os.Stat(w.folder(s) + "/session.cast")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("text", func(b *testing.B) {
		b.SetBytes(fi.Size())
		for b.Loop() {
			out, err := screens.Reading{Text: func(access.TextSegment) error { return nil }, Keyframes: true}.Play(b.Context(), w.folder(s), s)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(out.Text)/float64(fi.Size()), "text/byte")
		}
	})
	b.Run("index", func(b *testing.B) {
		b.SetBytes(fi.Size())
		for b.Loop() {
			var batch []access.TextSegment
			if err := w.BeginReading(b.Context(), s.ID); err != nil {
				b.Fatal(err)
			}
			_, err := screens.Reading{Keyframes: true, Text: func(g access.TextSegment) error {
				batch = append(batch, g)
				if len(batch) < 2 {
					return nil
				}
				err := w.AddText(b.Context(), s.ID, batch)
				batch = batch[:0]
				return err
			}}.Play(b.Context(), w.folder(s), s)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSeek goes to moments of a recording of ten hours and 100 MiB, drawn
// at random, as a player does. It reports the median and the 95th percentile.
func BenchmarkSeek(b *testing.B) {
	w := newTown(b)
	s := w.hours(b, 10*time.Hour, 100<<20)
	folder := w.folder(s)
	k := keyframes(b, w, s)
	cast, err := recorder.Open(folder)
	if err != nil {
		b.Fatal(err)
	}
	defer cast.Close()
	rnd := rand.New(rand.NewSource(6))
	var took []time.Duration
	b.ResetTimer()
	for b.Loop() {
		begun := time.Now()
		at := time.Duration(rnd.Int63n(int64(10 * time.Hour)))
		screen, offset := vt.New(80, 24), int64(0)
		if f, ok := k.Before(at); ok {
			snapshot, err := k.Snapshot(f)
			if err == nil {
				screen, err = vt.Restore(snapshot)
			}
			if err != nil {
				b.Fatal(err)
			}
			offset = f.Offset
		}
		for e, err := range cast.EventsAt(offset) {
			if err != nil {
				b.Fatal(err)
			}
			if e.At > at {
				break
			}
			screen.Write([]byte(e.Data))
		}
		took = append(took, time.Since(begun))
	}
	b.ReportMetric(float64(len(k.Frames())), "frames")
	percentiles(b, took, 50, 95)
}

// hours records evenly for a time; the clock is moved by hand.
func (w *town) hours(b *testing.B, long time.Duration, size int) access.Session {
	rnd := rand.New(rand.NewSource(7))
	const each = 2000
	var moments []moment
	for n := 0; n < size; n += each {
		out := fmt.Sprintf("\x1b[%d;1H", 1+rnd.Intn(24))
		if rnd.Intn(5) == 0 {
			out = "\x1b[2J\x1b[H"
		}
		for len(out) < each {
			out += fmt.Sprintf("\x1b[1;3%dm%08x\x1b[m some text of a screen\r\n", rnd.Intn(8), rnd.Uint32())
		}
		moments = append(moments, moment{time.Duration(int64(long) * each / int64(size)), out, 0, 0})
	}
	return w.record(b, w.session(), moments...)
}

func percentiles(b *testing.B, took []time.Duration, which ...int) {
	slices.Sort(took)
	for _, p := range which {
		b.ReportMetric(float64(took[min(len(took)*p/100, len(took)-1)].Microseconds())/1000, "ms-p"+strconv.Itoa(p))
	}
}

// BenchmarkSearch looks for lines in 100,000 sessions of a few segments each
// (SALLYPORT_SESSIONS says another number): a term that is in one of them, one
// in a hundredth, one in all, and a regular expression. Making them takes
// minutes, so it is skipped unless SALLYPORT_SOAK is set.
func BenchmarkSearch(b *testing.B) {
	if os.Getenv("SALLYPORT_SOAK") == "" {
		b.Skip("takes minutes: set SALLYPORT_SOAK=1")
	}
	sessions := 100_000
	if n, err := strconv.Atoi(os.Getenv("SALLYPORT_SESSIONS")); err == nil {
		sessions = n
	}
	w := newTown(b)
	begun := time.Now()
	text := w.fill(b, sessions)
	took := time.Since(begun)
	size := int64(0)
	for _, name := range []string{"/sallyport.db", "/sallyport.db-wal"} {
		if fi, err := os.Stat(w.dir + name); err == nil {
			size += fi.Size()
		}
	}
	b.Logf("%d sessions, %d MB of text in %v (%.1f MB/s); the database has %d MB", sessions, text/1e6, took.Round(time.Second),
		float64(text)/1e6/took.Seconds(), size/1e6)
	for _, c := range []struct {
		name string
		q    access.SearchQuery
	}{
		{"rare", access.SearchQuery{Text: "needle-of-one"}},
		{"some", access.SearchQuery{Text: "needle-of-hundred"}},
		{"all", access.SearchQuery{Text: "connection"}},
		{"none", access.SearchQuery{Text: "nowhere to be found"}},
		{"regexp", access.SearchQuery{Regexp: `needle-of-o.e\b`}},
		{"person", access.SearchQuery{Text: "connection", Person: "nobody"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				found := w.find(b, c.q)
				took = append(took, time.Since(begun))
				b.ReportMetric(float64(len(found.Hits)), "hits")
			}
			percentiles(b, took, 50, 99)
		})
	}
}

// fill puts the text of sessions into the index, without recordings, and says
// how many bytes it was.
func (w *town) fill(b *testing.B, sessions int) (bytes int64) {
	rnd := rand.New(rand.NewSource(8))
	words := make([]string, 20_000)
	for i := range words {
		word := make([]byte, 3+rnd.Intn(8))
		for j := range word {
			word[j] = byte('a' + rnd.Intn(26))
		}
		words[i] = string(word)
	}
	all := make([]access.Session, sessions)
	texts := make([][]access.TextLine, sessions)
	for i := range sessions {
		all[i] = w.session(func(s *access.Session) { s.Kind, s.State = access.KindShell, access.SessionSealed })
		for j := range 25 {
			line := "connection from 10.0." + strconv.Itoa(rnd.Intn(256))
			for range 6 {
				line += " " + words[rnd.Intn(len(words))]
			}
			if j == 7 && i == sessions/3 {
				line += " needle-of-one"
			}
			if j == 9 && i%(sessions/100) == 0 {
				line += " needle-of-hundred"
			}
			texts[i] = append(texts[i], access.TextLine{At: time.Duration(j) * time.Second, Text: line})
			bytes += int64(len(line))
		}
	}
	var workers errgroup.Group // those that meet share a commit
	for from := range 16 {
		workers.Go(func() error {
			for i := from; i < sessions; i += 16 {
				if _, err := w.AdoptSession(b.Context(), recorder.Adoption{Session: all[i]}); err != nil {
					return err
				}
				if err := w.AddText(b.Context(), all[i].ID, []access.TextSegment{{Source: access.TextScreen, Lines: texts[i]}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		b.Fatal(err)
	}
	return bytes
}
