package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// trip is a session to a host in the interface's place.
type trip struct {
	to  access.Trip
	on  Lent
	out *lentOut // on.Out
}

// connect goes to a host: the program ends, and Run goes on with the trip. It
// is called in the update loop, and not a byte that is typed from here on is the
// interface's.
func (s *shared) connect(to access.Trip) tea.Cmd {
	if s.trip != nil {
		return nil // on its way out
	}
	s.trip = s.lender.lend(to)
	return tea.Quit
}

// restored puts a terminal back that a session may have left in any state, as
// one that was ended in vim does: out of a sequence half sent and of the other
// screen, modes and colours as they were, the margins at the edges. The cursor
// stays where it is.
const restored = "\x18" + // cancels a sequence (ECMA-48, CAN)
	"\x1b[?1047l" + // the first screen; no word on the cursor, as 1049 has
	"\x1b[!p" + // soft reset (DECSTR)
	"\x1b[m\x1b(B\x0f\x1b[4l\x1b[?7h\x1b[?5l\x1b[?25h\x1b[?1l\x1b>\x1b[0 q" +
	"\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?2026l" +
	"\x1b[>4m\x1b[=0u" + // keys as they are: xterm's, and kitty's
	"\x1b7\x1b[r\x1b8" // margins move the cursor

// travel goes on the trip, while no program has the terminal, and says on the
// status line how it ended.
func (r *root) travel() {
	t := r.shared.trip
	defer func() {
		r.shared.lender.takeBack(t.on)
		r.shared.trip, r.resumed = nil, true
	}()
	// An error means that the client is gone, which ends all.
	_, _ = fmt.Fprintf(t.on.Out, "sallyport: connecting to %s\r\n", access.Plain(t.to.Target.String(), 120))
	back := r.shared.cfg.Connect(r.shared.ctx, t.to, t.on)
	t.out.end(restored)
	if back.Err != nil {
		r.fail(back.Err)
		return
	}
	how := fmt.Sprintf("exit %d", back.Status)
	if back.Signal != "" {
		how = "ended by signal " + access.Plain(back.Signal, 20)
	}
	r.status = fmt.Sprintf("%s: %s · session %s", access.Plain(t.to.Target.String(), 120), how, back.Session)
	r.bad = back.Status != 0
}
