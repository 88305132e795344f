package tui_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// archive has so many sessions, all sealed, newest first.
type archive struct {
	*world
	n int
}

// Sessions reads pages in the order of the index, and none backward.
func (a archive) Sessions(_ context.Context, q access.SessionQuery) (page []access.Session, err error) {
	next := a.n - 1
	if q.Before != "" {
		fmt.Sscanf(strings.TrimPrefix(string(q.Before), "01KKPVRC"), "%d", &next) // of id
		next--
	}
	for ; next >= 0 && q.State != access.SessionLive && len(page) < q.Limit; next-- {
		began := start.Add(-time.Duration(a.n-next) * time.Minute)
		page = append(page, access.Session{ID: access.SessionID(id(next)), Person: "alice", Kind: access.KindExec, State: access.SessionSealed,
			Target: access.Target{Login: "root", Host: fmt.Sprintf("host%d", next)}, StartedAt: began, EndedAt: began.Add(time.Second)})
	}
	return page, nil
}

// G goes to the last session there is, not to the last that was loaded.
func TestToTheEnd(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.Sessions = archive{w, 2345}
	p := sit(t, cfg, 80, 24)
	p.sees("200+ sessions", "root@host2344")
	p.press("G")
	p.waits("the last under the cursor", func(s string) bool {
		return strings.Contains(s, " 2345 sessions") && strings.Contains(s, "▌ alice         root@host0 ")
	})
}

// Of a very long list G loads a part, and says how to see the end.
func TestToTheEndOfMany(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	cfg.Sessions = archive{w, 12_000}
	p := sit(t, cfg, 80, 24)
	p.sees("200+ sessions")
	p.press("G")
	p.sees("sessions are loaded, and there are more: S begins at the other end")
	p.press("k", "g")
	p.sees("▌ alice         root@host11999")
}
