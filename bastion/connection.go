package bastion

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// maxChannels bounds the channels open at once on one connection. OpenSSH's
// sshd allows 10 sessions; Ansible and editors on one ControlMaster want more.
const maxChannels = 64

// connection is one verified identity on one SSH connection. With a target it
// also holds at most one certificate and one TCP leg to the host, shared by
// its sessions; without one it is for the console and for jumps.
type connection struct {
	srv      *Server
	id       access.ConnectionID
	identity access.Identity
	key      gossh.PublicKey // that proved it
	ssh      gossh.Conn
	outer    bool // else the inner one of a jump

	target    *access.Target // nil: console and jumps
	targetErr error          // what was typed is no target

	gone   context.Context // ends with the connection, with its cause
	end    context.CancelCauseFunc
	life   context.Context // ends with gone, or when the key no longer counts
	expel  context.CancelCauseFunc
	stayed func() bool   // calls off what expelInTime began
	places chan struct{} // one taken per open channel
	shakes chan struct{} // one taken per inner handshake
	last   atomic.Bool   // no-more-sessions@openssh.com was said
	opened atomic.Int64  // session channels so far
	opens  atomic.Int64  // channels being opened or open

	probe    probe
	globals  queue[*gossh.Request]
	leg      legSlot
	forwards forwardSlot
}

// newConnection takes up an authenticated connection from outside. The login
// name says where to, never who.
func (s *Server) newConnection(sc *gossh.ServerConn, p proof) *connection {
	c := s.bareConnection(sc, p)
	c.outer = true
	if user := sc.User(); access.IsTarget(user) {
		var t access.Target
		t, c.targetErr = access.ParseTarget(user)
		c.target = &t
	}
	return c
}

// bareConnection makes a connection. Whoever takes its channels calls over when
// there are no more.
func (s *Server) bareConnection(sc gossh.Conn, p proof) *connection {
	c := &connection{
		srv: s, id: access.ConnectionID(s.NewID()), identity: p.identity, key: p.key, ssh: sc,
		places: make(chan struct{}, maxChannels), shakes: make(chan struct{}, maxInnerHandshakes),
	}
	c.leg.free = make(chan struct{}, 1)
	c.globals.do, c.globals.most = c.answerGlobal, maxGlobals
	c.forwards.free, c.forwards.listens = make(chan struct{}, 1), map[string]listening{}
	c.gone, c.end = context.WithCancelCause(context.Background())
	c.life, c.expel = context.WithCancelCause(c.gone)
	s.present(c)
	c.stayed = c.expelInTime()
	return c
}

// over is called once, when there are no more channels on the connection.
func (c *connection) over() {
	c.end(departure(c.ssh.Wait()))
	c.stayed()
	c.srv.absent(c)
	c.leg.close()
}

// departure says why a connection is over. A client that says goodbye (RFC
// 4253, section 11.1; ssh does on Ctrl-C without a terminal) withdraws what it
// waits for; a TCP connection that merely broke does not, so that a request
// outlives a train's tunnel.
func departure(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errLost
	}
	if strings.HasPrefix(err.Error(), "ssh: disconnect") { // x/crypto does not export the type
		return errWithdrawn
	}
	return errLost
}

var (
	errLost      = errors.New("the connection was lost")
	errWithdrawn = access.Refuse(access.ReasonCancelled, "you withdrew the request", "")
)

// open answers a new channel. It is called in a goroutine of its own.
func (c *connection) open(ch gossh.NewChannel) {
	defer c.opens.Add(-1)
	if c.opens.Add(1) > 2*maxChannels {
		// Refusals wait for a client that takes no bytes; it may not pile
		// them up.
		c.srv.Log.Info("a flood of channels; closing the connection", "connection", c.id)
		c.cutClient()
		return
	}
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	default:
		c.reject(ch, gossh.ResourceShortage, access.Refuse(access.ReasonLimit, "too many channels on this connection", "Close some"))
		return
	}
	switch gateChannel(ch.ChannelType(), c.target != nil) {
	case passSession:
		c.session(ch)
	case passJump:
		c.jump(ch)
	case passForward:
		c.localForward(ch)
	default:
		c.refuse(ch)
	}
}

// session runs one session channel to its end.
func (c *connection) session(ch gossh.NewChannel) {
	// ssh says that there will be no more right behind its one channel, and
	// x/crypto hands us channels and requests in no order: so never the first.
	if c.opened.Add(1) > 1 && c.last.Load() {
		c.reject(ch, gossh.Prohibited, access.Refuse(access.ReasonChannel, "the client said that there would be no more sessions", ""))
		return
	}
	if !c.srv.begin() {
		c.reject(ch, gossh.Prohibited, access.Refuse(access.ReasonShutdown, "the bastion is shutting down", "Connect again in a moment"))
		return
	}
	defer c.srv.work.Done()
	channel, requests, err := ch.Accept()
	if err != nil {
		return // the connection is over
	}
	newSession(c, channel).serve(requests)
}

// refuse turns down a channel that the gate does not let through, and leaves
// an event (invariant 2).
func (c *connection) refuse(ch gossh.NewChannel) {
	what := access.Plain(ch.ChannelType(), 40)
	c.event(audit.ChannelRefused, map[string]string{"channel": what})
	c.reject(ch, gossh.Prohibited, access.Refuse(access.ReasonChannel, what+" is not allowed here", "Ask for a rule that allows it"))
}

func (c *connection) reject(ch gossh.NewChannel, why gossh.RejectionReason, e *access.Error) {
	if err := ch.Reject(why, e.About(string(c.id)).Line()); err != nil {
		c.srv.Log.Debug("rejecting a channel", "connection", c.id, "err", err)
	}
}

// maxGlobals bounds global requests that wait for their answer.
const maxGlobals = 64

// globalRequest takes a global request over, to be answered in its turn: those
// that need the host must not hold up the reading of the connection. A client
// that asks without end loses it.
func (c *connection) globalRequest(r *gossh.Request) {
	if !c.globals.put(r) {
		c.srv.Log.Info("too many global requests; closing the connection", "connection", c.id)
		_ = c.ssh.Close()
	}
}

// answerGlobal answers one after another: global requests carry no number (RFC
// 4254, section 4).
func (c *connection) answerGlobal(r *gossh.Request) {
	if c.gone.Err() != nil {
		return
	}
	ok, payload := c.global(r)
	if err := r.Reply(ok, payload); err != nil {
		c.srv.Log.Debug("answer to a global request", "connection", c.id, "err", err)
	}
}

func (c *connection) global(r *gossh.Request) (bool, []byte) {
	switch gateGlobal(r.Type) {
	case answerYes:
		return true, nil
	case noMoreSessions:
		c.last.Store(true)
		return true, nil
	case beginListening:
		return c.listen(r)
	case endListening:
		return c.unlisten(r), nil
	case proveHostKeys:
		return c.prove(r.Payload)
	default:
		return false, nil
	}
}

// event records a fact about this connection.
func (c *connection) event(kind audit.Kind, detail map[string]string) {
	e := audit.Event{
		Kind: kind, Actor: string(c.identity.Person), Person: string(c.identity.Person),
		Connection: string(c.id), Source: c.identity.Source.String(), Detail: detail,
	}
	if c.target != nil {
		e.Host, e.Login = c.target.Host, c.target.Login
	}
	c.srv.record(c.gone, e)
}

// begin counts a session in, unless the server is closing.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *Server) present(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *Server) absent(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Revalidate looks at the key of every connection again, and ends the sessions
// of those that no longer count. It is called when the list of revoked keys has
// changed.
func (s *Server) Revalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if err := c.stillProven(); err != nil {
			c.expel(err)
		}
	}
}

// legSlot holds the leg of a connection. Whoever holds free may look at and
// replace it. One that was replaced goes on for the sessions on it, and ends
// with the connection.
type legSlot struct {
	free chan struct{} // capacity 1: a lock that a context can give up on

	mu     sync.Mutex
	legs   []*leg // the last is the current one
	closed bool
}

// take waits for the slot.
func (l *legSlot) take(ctx context.Context) error {
	select {
	case l.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *legSlot) release() { <-l.free }

// current is the leg if it stands.
func (l *legSlot) current() *leg {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.legs = slices.DeleteFunc(l.legs, (*leg).broken)
	if len(l.legs) == 0 {
		return nil
	}
	return l.legs[len(l.legs)-1]
}

// put stores a new leg, or closes it when the connection ended meanwhile.
func (l *legSlot) put(g *leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		g.close()
		return
	}
	l.legs = append(l.legs, g)
}

// close ends the legs for good.
func (l *legSlot) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, g := range l.legs {
		g.close()
	}
}
