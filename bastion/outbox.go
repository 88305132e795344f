package bastion

import (
	"context"

	gossh "golang.org/x/crypto/ssh"
)

// maxOutbox bounds requests of a running session that wait for the host.
const maxOutbox = 256

// outbox carries a client's requests to the host, off the client's request
// loop: a host that takes nothing must not stop the reading of the client's
// connection (invariant 12). Answers go back in the order of the questions,
// ours among the host's, since they carry no number (RFC 4254, section 5.4).
type outbox struct {
	ctx   context.Context // when it ends nothing more is carried
	host  gossh.Channel
	reply func(*gossh.Request, bool)
	queue queue[letter]
}

// letter is a request and whether it goes to the host; if not, the answer is
// no.
type letter struct {
	r      *gossh.Request
	toHost bool
}

func newOutbox(ctx context.Context, host gossh.Channel, reply func(*gossh.Request, bool)) *outbox {
	o := &outbox{ctx: ctx, host: host, reply: reply}
	o.queue.do, o.queue.most = o.carry, maxOutbox
	return o
}

// put queues a request and reports whether there was room. Of several changes
// of the window in a row only the last one counts.
func (o *outbox) put(r *gossh.Request, toHost bool) bool {
	if !toHost && !r.WantReply {
		return true
	}
	q := &o.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.items); n > 0 && resizes(r) && resizes(q.items[n-1].r) {
		q.items[n-1].r = r
		return true
	}
	return q.add(letter{r, toHost})
}

func resizes(r *gossh.Request) bool {
	return gateRequest(r.Type) == resizeTerminal && !r.WantReply
}

// carry brings one request to the host. The host's end, whichever way, fails
// what is under way.
func (o *outbox) carry(l letter) {
	if o.ctx.Err() != nil {
		return
	}
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
