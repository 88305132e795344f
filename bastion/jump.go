package bastion

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// maxInnerHandshakes bounds the inner handshakes under way at once on one
// connection.
const maxInnerHandshakes = 8

// jump ends the inner SSH of `ssh -J bastion LOGIN@HOST`. The client believes
// to talk to HOST; it talks to us, and we show a certificate of our own host CA
// for HOST's name. So the session is recorded like any other, with no software
// on the client and no forwarded agent. To a client that knows no certificates
// (paramiko, PuTTY, dropbear) we show what we are: the bastion, by its own key.
func (c *connection) jump(ch gossh.NewChannel) {
	d, ok := parseDirect(ch.ExtraData())
	if !ok {
		c.reject(ch, gossh.ConnectionFailed, access.Refuse(access.ReasonMalformed, "a malformed request for a jump", ""))
		return
	}
	if err := c.stillProven(); err != nil {
		c.reject(ch, gossh.Prohibited, access.AsError(err))
		return
	}
	host, err := c.jumpHost(d)
	if err != nil {
		c.event(audit.ChannelRefused, map[string]string{"channel": "direct-tcpip", "destination": d.destination(), "reason": string(err.Reason)})
		c.reject(ch, gossh.ConnectionFailed, err)
		return
	}
	select {
	case c.shakes <- struct{}{}:
	default:
		c.reject(ch, gossh.ResourceShortage, access.Refuse(access.ReasonLimit, "too many jumps begin at once on this connection", "Wait a moment"))
		return
	}
	inner, chans, reqs, err2 := c.handshake(ch, d, host)
	<-c.shakes
	if err2 != nil {
		c.srv.Log.Info("inner handshake failed", "connection", c.id, "host", host.Name, "err", err2)
		return
	}
	defer inner.over()
	// Whatever proved the inner connection, it came through this one.
	defer context.AfterFunc(c.life, func() {
		if c.gone.Err() == nil {
			inner.expel(context.Cause(c.life))
		}
	})()
	go func() {
		for r := range reqs {
			inner.globalRequest(r)
		}
	}()
	for ch := range chans {
		go inner.open(ch) // bounded by inner.places
	}
}

// jumpHost finds the host that a jump goes to, by name or alias, never by
// address, on port 22 or the inventory's.
func (c *connection) jumpHost(d direct) (access.Host, *access.Error) {
	unknown := access.Refuse(access.ReasonUnknownHost, "there is no host "+access.Plain(d.Host, 64), "ssh to the bastion and type hosts for a list")
	t, err := access.NewTarget("_", d.Host)
	if err != nil {
		return access.Host{}, unknown
	}
	host, ok := c.srv.Policy.Current().Host(t.Host)
	if !ok {
		return access.Host{}, unknown
	}
	if _, port, err := net.SplitHostPort(host.Address); d.Port != 22 && (err != nil || port != strconv.Itoa(int(d.Port))) {
		return access.Host{}, access.Refuse(access.ReasonChannel, d.destination()+" is not the SSH port of "+host.Name, "Use port 22")
	}
	return host, nil
}

// handshake runs the inner server's side of the inner SSH.
func (c *connection) handshake(nc gossh.NewChannel, d direct, host access.Host) (*connection, <-chan gossh.NewChannel, <-chan *gossh.Request, error) {
	signer, err := c.srv.HostCA.Signer(host)
	if err != nil {
		c.reject(nc, gossh.ConnectionFailed, access.Fail(access.ReasonInternal, "the bastion could not make a host certificate", "Ask the operator to look at the log", err))
		return nil, nil, nil, err
	}
	ch, requests, err := nc.Accept()
	if err != nil {
		return nil, nil, nil, err
	}
	stream := &channelConn{Channel: ch, outer: c, over: make(chan struct{})}
	go func() {
		gossh.DiscardRequests(requests) // until the channel is closed
		close(stream.over)
	}()

	// A channel has no deadlines: it is closed when time is up.
	tooSlow := time.AfterFunc(c.srv.Limits.Handshake+c.srv.Limits.Auth, func() { stream.abort() })
	defer tooSlow.Stop()
	config := c.innerConfig(d, host)
	config.AddHostKey(signer)
	for _, own := range c.srv.HostKeys { // for clients that know no certificates
		config.AddHostKey(own)
	}
	sc, chans, reqs, err := gossh.NewServerConn(stream, config)
	if err != nil {
		stream.abort()
		return nil, nil, nil, err
	}
	inner := c.srv.bareConnection(sc, proofOf(sc.Permissions))
	target, err := access.NewTarget(sc.User(), host.Name)
	inner.target, inner.targetErr = &target, err
	return inner, chans, reqs, nil
}

// innerConfig is the authentication of the inner SSH. It may pass without a
// second proof only if the client itself opened the channel: a -L listener
// would lend the outer identity to whoever connects to it. Any other
// originator proves a key of the same person. The configuration and the rule
// may ask for that always.
func (c *connection) innerConfig(d direct, host access.Host) *gossh.ServerConfig {
	return &gossh.ServerConfig{
		Config: algorithms(), PublicKeyAuthAlgorithms: userKeys(),
		ServerVersion: "SSH-2.0-" + version,
		MaxAuthTries:  c.srv.Limits.AuthTries,
		NoClientAuth:  true,
		NoClientAuthCallback: func(m gossh.ConnMetadata) (*gossh.Permissions, error) {
			if c.srv.InnerAuth == "key" || !d.byClient() || c.innerKeyAsked(m.User(), host) {
				return nil, errNoAuth
			}
			lent := proof{c.identity, c.key}
			lent.identity.InnerUnproven = true
			return permissions(lent), nil
		},
		PublicKeyCallback: func(_ gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			return c.identifySame(key)
		},
		VerifiedPublicKeyCallback: func(_ gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
			return c.identifySame(key)
		},
	}
}

// innerKeyAsked reports whether a rule asks for a proven key at the inner
// login. An ssh client tries "none" first and never proves anything once that
// has passed, so it has to be refused here.
func (c *connection) innerKeyAsked(login string, host access.Host) bool {
	current := c.srv.Policy.Current()
	person, ok := current.Person(c.identity.Person)
	return !ok || current.NeedsProof(person, host, login)
}

var errOtherPerson = errors.New("the key is another person's than that of the outer connection")

// identifySame accepts a key of the person of the outer connection only.
func (c *connection) identifySame(key gossh.PublicKey) (*gossh.Permissions, error) {
	p, err := c.srv.identify(c.ssh.RemoteAddr(), key)
	if err != nil {
		return nil, err
	}
	if proofOf(p).identity.Person != c.identity.Person {
		return nil, errOtherPerson
	}
	return p, nil
}

// channelConn makes a channel a net.Conn. Its addresses are those of the outer
// connection: x/crypto checks source-address against them, and refuses
// addresses that are not TCP.
type channelConn struct {
	gossh.Channel
	outer *connection
	once  sync.Once
	over  chan struct{} // closed when the client has closed the channel too
}

func (c *channelConn) LocalAddr() net.Addr              { return c.outer.ssh.LocalAddr() }
func (c *channelConn) RemoteAddr() net.Addr             { return c.outer.ssh.RemoteAddr() }
func (c *channelConn) SetDeadline(time.Time) error      { return nil }
func (c *channelConn) SetReadDeadline(time.Time) error  { return nil }
func (c *channelConn) SetWriteDeadline(time.Time) error { return nil }

// Close closes the channel. It returns at once, as closing a TCP connection
// does. What reads and writes goes on until the client closes the channel as
// well; one that does not loses the outer connection.
func (c *channelConn) Close() error {
	c.once.Do(func() {
		go within(func() {
			_ = c.Channel.Close() // fails when it is closed
			<-c.over
		}, c.outer.cutClient)
	})
	return nil
}

func (c *channelConn) abort() { _ = c.Close() }
