package slackbot

import (
	"fmt"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Health is how the tie to Slack is, for readiness. Requests stay decidable in the console
// whatever it says.
type Health struct {
	OK      bool
	Since   time.Time // of this state
	Cause   string    // for the operator; empty while OK
	Sockets int       // Socket Mode connections that are up
}

// health gathers what each part knows.
type health struct {
	now  access.Clock
	mode Mode

	mu      sync.Mutex
	apiErr  string
	reached bool           // a call succeeded at least once
	up      map[int]bool   // sockets
	down    map[int]string // why, by socket
	last    Health
}

func newHealth(now access.Clock, mode Mode) *health {
	h := &health{now: now, mode: mode, up: map[int]bool{}, down: map[int]string{}}
	h.last = Health{Since: now(), Cause: "not connected yet"}
	return h
}

// api notes the outcome of a Web API call; an empty cause is success.
func (h *health) api(cause string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.apiErr = cause
	h.reached = h.reached || cause == ""
	h.settle()
}

// socket notes that a Socket Mode connection came up, or went down and why.
func (h *health) socket(i int, up bool, cause string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.up[i], h.down[i] = up, cause
	h.settle()
}

// settle works out the state as a whole; Since moves when OK changes.
func (h *health) settle() {
	next := Health{}
	for i, up := range h.up {
		if up {
			next.Sockets++
		} else if next.Cause == "" {
			next.Cause = fmt.Sprintf("no socket connection: %s", h.down[i])
		}
	}
	if h.mode == ModeHTTP || next.Sockets > 0 {
		next.Cause = ""
	} else if next.Cause == "" {
		next.Cause = "no socket connection yet"
	}
	switch {
	case h.apiErr != "":
		next.Cause = h.apiErr
	case !h.reached:
		next.Cause = "Slack has not answered yet"
	}
	next.OK = next.Cause == ""
	next.Since = h.last.Since
	if next.OK != h.last.OK {
		next.Since = h.now()
	}
	h.last = next
}

// Health reports how the tie to Slack is now.
func (b *Bot) Health() Health {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	return b.health.last
}
