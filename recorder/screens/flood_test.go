package screens_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// BenchmarkFlood reads what somebody might record to keep the indexer busy.
func BenchmarkFlood(b *testing.B) {
	colours := func(n int) string {
		var s strings.Builder
		for i := 0; s.Len() < n; i++ {
			s.WriteString("\x1b[38;2;" + string(rune('1'+i%9)) + ";" + string(rune('1'+i%7)) + ";3m#\x1b[48;2;9;8;" + string(rune('1'+i%8)) + "m\n")
		}
		return s.String()
	}
	for _, c := range []struct {
		name string
		out  string
	}{
		{"newlines", strings.Repeat("\n", 4<<10)},
		{"pty newlines", strings.Repeat("\r\n", 2<<10)},
		{"colours", colours(4 << 10)},
		{"rep", strings.Repeat("x\x1b[99999b", 4<<10/9)},
		{"resize", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newTown(b)
			var moments []moment
			const size = 1 << 20
			if c.out == "" {
				for i := range 10_000 {
					moments = append(moments, moment{0, "", 80 + i%400, 24 + i%150})
				}
			}
			for n := 0; c.out != "" && n < size; n += len(c.out) {
				moments = append(moments, moment{time.Millisecond, c.out, 0, 0})
			}
			s := w.record(b, w.session(), moments...)
			b.SetBytes(size)
			longest := time.Duration(0)
			for b.Loop() {
				last := time.Now()
				_, err := screens.Reading{Text: func(access.TextSegment) error { return nil }, Keyframes: true, Pause: func() error {
					longest = max(longest, time.Since(last))
					last = time.Now()
					return nil
				}}.Play(b.Context(), w.folder(s), s)
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
		})
	}
}
