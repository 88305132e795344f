package bastion

import (
	"net"
	"strconv"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// streamLocal is the payload of direct-streamlocal@openssh.com (PROTOCOL,
// section 2.4).
type streamLocal struct {
	Path           string
	OriginatorHost string // reserved
	OriginatorPort uint32 // reserved
}

// localForward opens what -L, -D and -W ask for on a connection to a host, if
// the rule names its destination.
func (c *connection) localForward(nc gossh.NewChannel) {
	destination, ok := localDestination(nc)
	if !ok {
		c.reject(nc, gossh.ConnectionFailed, access.Refuse(access.ReasonMalformed, "a malformed request for a forward", ""))
		return
	}
	f, err := c.forward(access.MayLocalForward, destination)
	if err != nil {
		e := access.AsError(err)
		c.event(audit.ChannelRefused, map[string]string{"channel": nc.ChannelType(), "destination": access.Plain(destination, 300), "reason": string(e.Reason)})
		c.reject(nc, gossh.Prohibited, e)
		return
	}
	client, host, err := join(nc, f.leg.conn)
	if err != nil {
		c.reject(nc, gossh.ConnectionFailed, access.Fail(access.ReasonUnreachable, "the host cannot reach "+access.Plain(destination, 300), "Is it up?", err))
		return
	}
	f.carry(access.MayLocalForward, destination, client, host)
}

// localDestination reads where a forward goes, in the form of the rules.
func localDestination(nc gossh.NewChannel) (string, bool) {
	if nc.ChannelType() == "direct-streamlocal@openssh.com" {
		var s streamLocal
		if gossh.Unmarshal(nc.ExtraData(), &s) != nil || len(s.Path) == 0 || s.Path[0] != '/' {
			return "", false
		}
		return s.Path, true
	}
	d, ok := parseDirect(nc.ExtraData())
	return net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port))), ok
}
