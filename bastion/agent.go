package bastion

import (
	"slices"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// maxX11Payload bounds an x11-req: a cookie and two names.
const maxX11Payload = 4 << 10

// lending is a request of a session's that has the host open channels back to
// the client: the agent or the display.
type lending struct {
	request string
	may     access.Capability
	channel string // of the host
}

var lendings = []lending{
	{"auth-agent-req@openssh.com", access.MayAgentForward, "auth-agent@openssh.com"},
	{"x11-req", access.MayX11, "x11"},
}

// lend passes on what the client wants to lend to the host, as far as the rule
// allows it. ssh goes on without, and so do we: the person is told.
func (s *session) lend(host gossh.Channel, setup setup, pass *access.Pass, rec *recorder.Recording) {
	for _, wanted := range setup.lent {
		i := slices.IndexFunc(lendings, func(l lending) bool { return l.request == wanted.Type })
		l := lendings[i]
		if !pass.Allow.Has(l.may) {
			s.event(audit.ChannelRefused, pass, map[string]string{"request": l.request})
			s.say("sallyport: the rule " + pass.Rule + " allows no " + string(l.may) + "; the session goes on without")
			continue
		}
		ok, err := host.SendRequest(l.request, true, wanted.Payload)
		if err != nil || !ok {
			s.say("sallyport: the host takes no " + string(l.may))
			continue
		}
		s.c.accept(acceptance{kind: l.channel, s: s, rec: rec})
	}
}

// accept lets the host open channels of a kind for as long as the session is.
func (c *connection) accept(a acceptance) {
	c.forwards.mu.Lock()
	defer c.forwards.mu.Unlock()
	if a.s.ctx.Err() != nil {
		return // it ended while the host took its time
	}
	c.forwards.accepted = append(c.forwards.accepted, a)
}

// unaccept ends what a session accepted.
func (c *connection) unaccept(s *session) {
	c.forwards.mu.Lock()
	defer c.forwards.mu.Unlock()
	c.forwards.accepted = slices.DeleteFunc(c.forwards.accepted, func(a acceptance) bool { return a.s == s })
}

// fromHost takes what a host says by itself, until its connection is over:
// channels that it opens, and requests, none of which passes for ours (the
// rotation of its keys and such).
func (c *connection) fromHost(chans <-chan gossh.NewChannel, reqs <-chan *gossh.Request) {
	for chans != nil || reqs != nil {
		select {
		case ch, ok := <-chans:
			if !ok {
				chans = nil
				continue
			}
			c.openedByHost(ch)
		case r, ok := <-reqs:
			if !ok {
				reqs = nil
				continue
			}
			if r.WantReply {
				_ = r.Reply(false, nil) // fails when the connection is over
			}
		}
	}
}

// openedByHost takes a channel that a host opens. None waits for another:
// parallel uses of an agent would hang.
func (c *connection) openedByHost(ch gossh.NewChannel) {
	select {
	case c.places <- struct{}{}:
	default:
		c.refuseHost(ch)
		return
	}
	go func() {
		defer func() { <-c.places }()
		switch gateHostChannel(ch.ChannelType()) {
		case passForwarded:
			c.forwarded(ch)
		case passLent:
			c.lent(ch)
		default:
			c.refuseHost(ch)
		}
	}()
}

// lent opens an agent's or a display's channel at the client, for the session
// that lent it last.
func (c *connection) lent(nc gossh.NewChannel) {
	c.forwards.mu.Lock()
	var a *acceptance
	for i := range c.forwards.accepted {
		if c.forwards.accepted[i].kind == nc.ChannelType() {
			found := c.forwards.accepted[i]
			a = &found
		}
	}
	c.forwards.mu.Unlock()
	if a == nil {
		c.refuseHost(nc)
		return
	}
	host, client, err := join(nc, c.ssh)
	if err != nil {
		_ = nc.Reject(gossh.ConnectionFailed, "the client refused") // a host that is gone misses it
		return
	}
	passage{visit: &a.s.visit, log: a.rec.Event, kind: nc.ChannelType()}.carry(client, host)
}

// refuseHost turns down what a host opens by itself.
func (c *connection) refuseHost(nc gossh.NewChannel) {
	c.event(audit.ChannelRefused, map[string]string{"channel": access.Plain(nc.ChannelType(), 40), "by": "host"})
	_ = nc.Reject(gossh.Prohibited, "not allowed") // a host that is gone misses it
}
