package bastion

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
)

// panel shows on a terminal how a wait goes, drawn again in place each second
// and at each change. It ends with its wait, and what it showed last stays.
// Everything in it is made of names and numbers: nothing that a host or another
// person wrote.
type panel struct {
	write func(string)
	size  func() (cols, rows int)
	now   access.Clock
	stop  chan struct{}
	over  sync.WaitGroup

	mu    sync.Mutex // held while drawing, so that nothing comes between
	state access.Waiting
	rows  int // drawn above the cursor
	cols  int // when they were
}

// panelEvery is how often the time left is drawn again.
const panelEvery = time.Second

// newPanel starts to draw what it is told. close must be called before anything
// else writes.
func (s *session) newPanel() *panel {
	p := &panel{write: s.write, size: s.windowSize, now: s.srv.Now, stop: make(chan struct{})}
	p.over.Go(p.run)
	return p
}

func (p *panel) run() {
	ticker := time.NewTicker(panelEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// tell draws a change.
func (p *panel) tell(w access.Waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = w
	p.draw()
	if w.Missing == 0 {
		p.state = access.Waiting{} // the last word
	}
}

func (p *panel) close() {
	close(p.stop)
	p.over.Wait()
}

// draw puts the panel where it was. A terminal that has changed its width has
// folded what stood there: it is drawn below then.
func (p *panel) draw() {
	if p.state.Request == "" {
		return
	}
	cols, rows := p.size()
	lines := panelLines(p.state, p.now())
	lines = lines[:min(len(lines), max(1, rows-1))]
	var b strings.Builder
	if p.rows > 0 && cols == p.cols {
		fmt.Fprintf(&b, "\r\x1b[%dA\x1b[J", p.rows)
	}
	for _, line := range lines {
		// What folds could not be drawn over. The last word never is, and is
		// told whole, with the ID that it ends in.
		if cut := []rune(line); len(cut) >= cols && p.state.Missing > 0 {
			line = string(cut[:max(0, cols-1)])
		}
		b.WriteString(line + "\r\n")
	}
	p.rows, p.cols = len(lines), cols
	p.write(b.String())
}

// panelLines say how a wait stands: the first one that matters on top.
func panelLines(w access.Waiting, now time.Time) []string {
	if w.Missing == 0 {
		return []string{waitingLine(w, now)}
	}
	verb := "waiting for approval of"
	if w.Joined {
		verb = "joined your pending request for"
	}
	lines := []string{
		fmt.Sprintf("sallyport: %s %s; %s left. Ctrl-C withdraws", verb, w.Target, max(0, w.Until.Sub(now)).Round(time.Second)),
		"  asked      " + people(w.Asked),
	}
	approved := "nobody yet"
	if len(w.Approved) > 0 {
		approved = people(w.Approved)
	}
	lines = append(lines, fmt.Sprintf("  approved   %s; %d more needed", approved, w.Missing))
	if len(w.Unconfirmed) > 0 {
		lines = append(lines, "  to confirm "+people(w.Unconfirmed)+", with a key")
	}
	return append(lines, "  request    "+string(w.Request))
}
