package bastion

import (
	"context"
	"sync"

	gossh "golang.org/x/crypto/ssh"
)

// maxOutbox bounds requests of a running session that wait for the host.
const maxOutbox = 256

// outbox carries a client's requests to the host, off the client's request
// loop: a host that takes nothing must not stop the reading of the client's
// connection (invariant 12). Answers go back in the order of the questions,
// ours among the host's, since they carry no number (RFC 4254, section 5.4).
type outbox struct {
	host  gossh.Channel
	reply func(*gossh.Request, bool)

	mu    sync.Mutex
	queue []letter
	more  chan struct{} // holds one while the queue may not be empty
}

// letter is a request and whether it goes to the host; if not, the answer is
// no.
type letter struct {
	r      *gossh.Request
	toHost bool
}

func newOutbox(host gossh.Channel, reply func(*gossh.Request, bool)) *outbox {
	return &outbox{host: host, reply: reply, more: make(chan struct{}, 1)}
}

// put queues a request and reports whether there was room. Of several changes
// of the window in a row only the last one counts.
func (o *outbox) put(r *gossh.Request, toHost bool) bool {
	if !toHost && !r.WantReply {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.queue); n > 0 && resizes(r) && resizes(o.queue[n-1].r) {
		o.queue[n-1].r = r
		return true
	}
	if len(o.queue) >= maxOutbox {
		return false
	}
	o.queue = append(o.queue, letter{r, toHost})
	select {
	case o.more <- struct{}{}:
	default:
	}
	return true
}

func resizes(r *gossh.Request) bool {
	return gateRequest(r.Type) == resizeTerminal && !r.WantReply
}

// run sends one at a time until ctx ends. The host's end, whichever way, fails
// what is under way.
func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-o.more:
		case <-ctx.Done():
			return
		}
		for l, ok := o.next(); ok && ctx.Err() == nil; l, ok = o.next() {
			var yes bool
			if l.toHost {
				var err error
				yes, err = o.host.SendRequest(l.r.Type, l.r.WantReply, l.r.Payload)
				yes = yes && err == nil
			}
			if l.r.WantReply {
				o.reply(l.r, yes)
			}
		}
	}
}

func (o *outbox) next() (l letter, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue = nil
		return l, false
	}
	l, o.queue = o.queue[0], o.queue[1:]
	return l, true
}
