package bastion

import (
	"net"
	"strconv"

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
	var chosen struct{ Port uint32 } // when port 0 was asked for
	if gossh.Unmarshal(answer, &chosen) == nil && chosen.Port != 0 {
		if host, _, err := net.SplitHostPort(destination); err == nil {
			destination = net.JoinHostPort(host, strconv.Itoa(int(chosen.Port)))
		}
	}
	c.forwards.mu.Lock()
	c.forwards.listens[destination] = true
	c.forwards.mu.Unlock()
	return true, answer
}

// unlisten cancels what listen began.
func (c *connection) unlisten(r *gossh.Request) bool {
	destination, ok := remoteDestination(r)
	c.forwards.mu.Lock()
	known := ok && c.forwards.listens[destination]
	delete(c.forwards.listens, destination)
	c.forwards.mu.Unlock()
	if !known {
		return false
	}
	l := c.leg.current()
	if l == nil {
		return false
	}
	ok, _, err := l.conn.SendRequest(r.Type, true, r.Payload)
	return ok && err == nil
}

// forwarded takes a connection that came to where the host listens for the
// client, and for no other reason.
func (c *connection) forwarded(nc gossh.NewChannel) {
	destination, ok := forwardedDestination(nc)
	c.forwards.mu.Lock()
	ok = ok && c.forwards.listens[destination]
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
