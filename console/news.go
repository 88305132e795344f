package console

import (
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
)

// news is what a person was told of their affairs. It tells of a change once.
type news struct {
	decide map[access.RequestID]bool
	mine   map[access.RequestID]access.RequestState
	grants map[access.GrantID]access.GrantState
	ends   map[access.GrantID]time.Time // as it was when its near end was told
}

// soon is when the end of a grant is worth a word; live sessions are warned then,
// too.
const soon = 5 * time.Minute

// since gives a line for each change from what was told before, and takes now
// for told. The first time all is told already.
func (n *news) since(c *call, now affairs) (lines []string) {
	first := n.mine == nil
	before := *n
	*n = news{
		decide: map[access.RequestID]bool{}, mine: map[access.RequestID]access.RequestState{},
		grants: map[access.GrantID]access.GrantState{}, ends: map[access.GrantID]time.Time{},
	}
	say := func(format string, args ...any) {
		if !first {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	for _, r := range now.decide {
		n.decide[r.ID] = true
		if !before.decide[r.ID] {
			say("New request that waits for your word, %s", c.tell(r))
		}
	}
	for _, r := range now.mine {
		n.mine[r.ID] = r.State
		if old, known := before.mine[r.ID]; r.State != access.RequestPending && (old == access.RequestPending || !known) {
			say("Your request for %s: %s", r.Target, decided(r))
		}
	}
	for _, g := range now.grants {
		n.grants[g.ID] = g.State
		if old, known := before.grants[g.ID]; !g.State.Live() && (old.Live() || !known) {
			say("Your grant for %s is over: %s", g.Target, g.State)
		}
		if g.State == access.GrantActive && g.NotAfter.Sub(c.page.now) < soon {
			n.ends[g.ID] = g.NotAfter
			if !before.ends[g.ID].Equal(g.NotAfter) {
				say("Your grant for %s ends in %s", g.Target, c.left(g.NotAfter))
			}
		}
	}
	return lines
}

// decided says what became of a request, and who said so why.
func decided(r access.Request) string {
	text := string(r.State)
	if r.Auto != "" {
		text += ", " + r.Auto
	}
	for _, d := range r.Decisions {
		if (d.Verdict == access.VerdictDeny) != (r.State == access.RequestDenied) {
			continue
		}
		text += " by " + string(d.Person)
		if d.Reason != "" {
			text += " (" + d.Reason + ")"
		}
	}
	return text
}
