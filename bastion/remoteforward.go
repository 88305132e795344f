package bastion

import (
	"net"
	"strconv"
	"sync/atomic"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// tcpipForward is the payload of tcpip-forward and cancel-tcpip-forward (RFC
// 4254, section 7.1).
type tcpipForward struct {
	Host string
	Port uint32
}

// streamLocalForward is the payload of streamlocal-forward@openssh.com and its
// cancellation (PROTOCOL, section 2.4).
type streamLocalForward struct{ Path string }

// forwardedTCPIP is the payload of a forwarded-tcpip channel (RFC 4254,
// section 7.2).
type forwardedTCPIP struct {
	Host           string
	Port           uint32
	OriginatorHost string
	OriginatorPort uint32
}

// remoteDestination reads where the host is to listen, in the form of the
// rules. An empty address means every one (RFC 4254, section 7.1).
func remoteDestination(r *gossh.Request) (string, bool) {
	switch r.Type {
	case "tcpip-forward", "cancel-tcpip-forward":
		var f tcpipForward
		if gossh.Unmarshal(r.Payload, &f) != nil || f.Port > 65535 {
			return "", false
		}
		if f.Host == "" {
			f.Host = "*"
		}
		return net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))), true
	default:
		var f streamLocalForward
		ok := gossh.Unmarshal(r.Payload, &f) == nil && f.Path != "" && f.Path[0] == '/'
		return f.Path, ok
	}
}

// listen has the host listen for the client (-R), if the rule names where.
func (c *connection) listen(r *gossh.Request) (bool, []byte) {
	destination, ok := remoteDestination(r)
	if !ok || c.target == nil {
		return false, nil
	}
	f, err := c.forward(access.MayRemoteForward, destination)
	if err != nil {
		c.event(audit.ChannelRefused, map[string]string{
			"request": r.Type, "destination": access.Plain(destination, 300), "reason": string(access.AsError(err).Reason),
		})
		return false, nil
	}
	ok, answer, err := f.leg.conn.SendRequest(r.Type, true, r.Payload)
	if err != nil || !ok {
		return false, nil
	}
	here := listening{f.leg, "cancel-" + r.Type, r.Payload}
	var chosen struct{ Port uint32 } // when port 0 was asked for
	var asked tcpipForward
	if gossh.Unmarshal(answer, &chosen) == nil && chosen.Port != 0 && gossh.Unmarshal(r.Payload, &asked) == nil {
		asked.Port = chosen.Port
		here.payload = gossh.Marshal(asked)
		if host, _, err := net.SplitHostPort(destination); err == nil {
			destination = net.JoinHostPort(host, strconv.Itoa(int(chosen.Port)))
		}
	}
	c.forwards.mu.Lock()
	c.forwards.listens[destination] = here
	c.forwards.mu.Unlock()
	if f.ctx.Err() != nil { // it ended meanwhile, and did not know of this one
		c.hush()
		return false, nil
	}
	return true, answer
}

// listening is where a host listens for the client, and how that is ended.
type listening struct {
	leg     *leg
	cancel  string
	payload []byte
}

// end asks the host to listen no more. One that does not answer loses the leg.
func (l listening) end() bool {
	var ended atomic.Bool
	within(func() {
		ok, _, err := l.leg.conn.SendRequest(l.cancel, true, l.payload)
		ended.Store(ok && err == nil)
	}, l.leg.close)
	return ended.Load()
}

// hush ends all listening for the client, when what allowed it is over.
func (c *connection) hush() {
	c.forwards.mu.Lock()
	all := c.forwards.listens
	c.forwards.listens = map[string]listening{}
	c.forwards.mu.Unlock()
	for destination, l := range all {
		if !l.end() {
			c.srv.Log.Info("the host listens on", "connection", c.id, "destination", access.Plain(destination, 300))
		}
	}
}

// unlisten cancels what listen began.
func (c *connection) unlisten(r *gossh.Request) bool {
	destination, ok := remoteDestination(r)
	c.forwards.mu.Lock()
	here, known := c.forwards.listens[destination]
	delete(c.forwards.listens, destination)
	c.forwards.mu.Unlock()
	return ok && known && here.end()
}

// forwarded takes a connection that came to where the host listens for the
// client, and for no other reason.
func (c *connection) forwarded(nc gossh.NewChannel) {
	destination, ok := forwardedDestination(nc)
	c.forwards.mu.Lock()
	_, known := c.forwards.listens[destination]
	ok = ok && known
	c.forwards.mu.Unlock()
	if !ok {
		c.refuseHost(nc)
		return
	}
	f, err := c.forward(access.MayRemoteForward, destination)
	if err != nil {
		c.refuseHost(nc)
		return
	}
	host, client, err := join(nc, c.ssh)
	if err != nil {
		_ = nc.Reject(gossh.ConnectionFailed, "the client refused") // a host that is gone misses it
		return
	}
	f.carry(access.MayRemoteForward, destination, client, host)
}

// forwardedDestination reads where the host was listening.
func forwardedDestination(nc gossh.NewChannel) (string, bool) {
	if nc.ChannelType() == "forwarded-tcpip" {
		var f forwardedTCPIP
		if gossh.Unmarshal(nc.ExtraData(), &f) != nil {
			return "", false
		}
		if f.Host == "" {
			f.Host = "*"
		}
		return net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))), true
	}
	var f struct{ Path, Reserved string }
	err := gossh.Unmarshal(nc.ExtraData(), &f)
	return f.Path, err == nil
}
