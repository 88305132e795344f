package tui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// A session that ends while the list is sorted finds its place in that order,
// and the cursor stays on what it stood on.
func TestSortedListGoesOn(t *testing.T) {
	w := testWorld(t)
	p := sit(t, w.config(), 100, 30)
	p.sees("postgres@db2")
	p.press("s") // by length, the longest first
	p.waits("longest first", func(s string) bool {
		l := strings.Split(s, "\n")
		return strings.Contains(l[3], "took ▼") && strings.Contains(l[4], "● live") && strings.Contains(l[5], "48m49s")
	})
	p.press("j", "j")
	p.waits("cursor", func(s string) bool { return strings.Contains(strings.Split(s, "\n")[6], "▌") })
	w.mu.Lock()
	w.sessions[0].State, w.sessions[0].EndCause, w.sessions[0].EndedAt = access.SessionSealed, access.EndExit, w.sessions[0].StartedAt.Add(3*time.Hour)
	w.mu.Unlock()
	p.waits("the longest at the top, the cursor where it was", func(s string) bool {
		l := strings.Split(s, "\n")
		return strings.Contains(l[2], "20 sessions") && !strings.Contains(l[2], "live") && strings.Contains(l[4], "3h") &&
			strings.Contains(l[6], "▌") && strings.Contains(l[6], "42m32s")
	})
	p.press("S")
	p.waits("shortest first", func(s string) bool { return strings.Contains(strings.Split(s, "\n")[3], "took ▲") })
}
