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

// tell shows how the waiting goes, a line at each change: who is asked and until
// when, then each approval. On a terminal it is a [panel] that shows it.
func (s *session) tell(w access.Waiting) { s.say(waitingLine(w, s.srv.Now())) }

func waitingLine(w access.Waiting, now time.Time) string {
	left := w.Until.Sub(now).Round(time.Second)
	until := fmt.Sprintf("until %s (%s left)", w.Until.UTC().Format("15:04:05 UTC"), left)
	var b strings.Builder
	switch {
	case w.BreakGlass:
		fmt.Fprintf(&b, "sallyport: BREAK-GLASS: you let yourself in, everybody is told and a review is owed; connecting to %s", w.Target)
	case w.Auto != "":
		fmt.Fprintf(&b, "sallyport: nobody had to be asked (%s); connecting to %s", w.Auto, w.Target)
	case w.Missing == 0:
		fmt.Fprintf(&b, "sallyport: approved by %s; connecting to %s", people(w.Approved), w.Target)
	case len(w.Approved) > 0:
		fmt.Fprintf(&b, "sallyport: approved by %s; %d more needed for %s%s %s", people(w.Approved), w.Missing, w.Target, toConfirm(w), until)
	default:
		verb := "waiting for approval of"
		if w.Joined {
			verb = "joined your pending request for"
		}
		asked := people(w.Asked)
		if w.Missing > 1 {
			asked += fmt.Sprintf(" (%d needed)", w.Missing)
		}
		fmt.Fprintf(&b, "sallyport: %s %s; asked: %s%s; %s. Ctrl-C withdraws", verb, w.Target, asked, toConfirm(w), until)
	}
	fmt.Fprintf(&b, " (%s)", w.Request)
	return b.String()
}

// toConfirm names those whose click does not count yet.
func toConfirm(w access.Waiting) string {
	if len(w.Unconfirmed) == 0 {
		return ""
	}
	return "; " + people(w.Unconfirmed) + " must still confirm with a key"
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
