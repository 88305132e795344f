package bastion

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// promptTime bounds how long the prompt for a reason waits. After it the
// request goes on without one, where the rule lets it.
const promptTime = 2 * time.Minute

// askReason asks for the reason at the person's terminal.
func (s *session) askReason(ctx context.Context) (string, error) {
	answer := s.in.prompt(s.ch.Stderr()) // first: a script answers at once
	defer s.in.watch()
	s.write("sallyport: " + s.c.target.String() + " needs approval. Reason: ")
	timer := time.NewTimer(promptTime)
	defer timer.Stop()
	select {
	case line := <-answer:
		return access.Plain(line, maxReason), nil
	case <-timer.C:
		s.say("")
		return "", nil
	case <-ctx.Done():
		s.say("")
		return "", context.Cause(ctx)
	}
}

// tell shows how the waiting goes: who is asked and until when, then each
// approval.
func (s *session) tell(w access.Waiting) {
	s.mu.Lock()
	terminal := s.setup.pty != nil
	s.mu.Unlock()
	if terminal {
		s.in.watch()
	}
	s.say(waitingLine(w, s.srv.Now()))
}

func waitingLine(w access.Waiting, now time.Time) string {
	left := w.Until.Sub(now).Round(time.Second)
	until := fmt.Sprintf("until %s (%s left)", w.Until.UTC().Format("15:04:05 UTC"), left)
	var b strings.Builder
	switch {
	case w.Missing == 0:
		fmt.Fprintf(&b, "sallyport: approved by %s; connecting to %s", people(w.Approved), w.Target)
	case len(w.Approved) > 0:
		fmt.Fprintf(&b, "sallyport: approved by %s; %d more needed for %s %s", people(w.Approved), w.Missing, w.Target, until)
	default:
		verb := "waiting for approval of"
		if w.Joined {
			verb = "joined your pending request for"
		}
		fmt.Fprintf(&b, "sallyport: %s %s; asked: %s; %s. Ctrl-C withdraws", verb, w.Target, people(w.Asked), until)
	}
	fmt.Fprintf(&b, " (%s)", w.Request)
	return b.String()
}

// maxNamed is how many people a line names.
const maxNamed = 5

func people(names []access.PersonName) string {
	rest := len(names) - maxNamed
	if rest > 0 {
		names = names[:maxNamed]
	}
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	s := strings.Join(words, ", ")
	if rest > 0 {
		s += fmt.Sprintf(" and %d more", rest)
	}
	return s
}
