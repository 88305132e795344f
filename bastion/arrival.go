package bastion

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// arrival is one TCP connection at the door, from accept until it closes. It
// holds a place among the unauthenticated until a key is proven.
type arrival struct {
	net.Conn
	source netip.AddrPort
	leave  func() // gives the place back; may be called again

	mu     sync.Mutex
	closed bool
	depart func() // gives the person's place back; nil before there is one

	once sync.Once
	conn *connection
}

// arrive lets c in, or returns nil when there is no place for it. It starts the
// clock of the handshake.
func (s *Server) arrive(c net.Conn) *arrival {
	source := addrPort(c.RemoteAddr())
	leave, why := s.guard.enter(source.Addr())
	if why != "" {
		s.Log.Info("connection turned away", "source", source, "why", why)
		// RFC 4253, section 4.2: lines before the version are allowed, and
		// ssh -v shows them.
		if err := c.SetWriteDeadline(s.Now().Add(time.Second)); err == nil {
			_, _ = c.Write([]byte("sallyport: refused: " + why + ".\r\n")) // it is closed anyway
		}
		return nil
	}
	// A client that vanished without a word is noticed while nothing passes;
	// the kernel asks, so one that is merely stopped (Ctrl-Z) is not cut off.
	if t, ok := c.(*net.TCPConn); ok {
		if err := t.SetKeepAliveConfig(keepAlive); err != nil {
			s.Log.Debug("keepalive", "source", source, "err", err)
		}
	}
	a := &arrival{Conn: c, source: source, leave: sync.OnceFunc(leave)}
	a.deadline(s.Limits.Handshake)
	return a
}

// deadline gives the client d from now for the step it is in; 0 lifts it.
func (a *arrival) deadline(d time.Duration) {
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d) // the kernel's clock, not ours
	}
	_ = a.Conn.SetDeadline(t) // fails on a closed connection only
}

// SetDeadline does nothing: gliderlabs calls it before each read and write, to
// lift the deadline that we have set.
func (*arrival) SetDeadline(time.Time) error { return nil }

// keepAlive finds a dead peer within a minute and a half.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}

// proven is called when a key has signed: from then on the connection is a
// person's, and takes one of theirs.
func (a *arrival) proven(s *Server, who access.PersonName) error {
	depart, ok := s.connected.enter(who)
	if !ok {
		e := access.Refuse(access.ReasonLimit, "you have too many connections open", "Close some")
		return &gossh.BannerError{Err: e, Message: e.Line() + "\r\n"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.depart != nil {
		depart()
	} else {
		a.depart = depart
	}
	a.leave()
	a.deadline(0)
	return nil
}

// Close gives the places back, whoever closes.
func (a *arrival) Close() error {
	a.mu.Lock()
	if !a.closed && a.depart != nil {
		a.depart()
	}
	a.closed = true
	a.mu.Unlock()
	a.leave()
	return a.Conn.Close()
}

// connection is made at the first channel or request. gliderlabs offers no
// callback between the end of authentication and those. It ends ctx when there
// are no more channels.
func (a *arrival) connection(ctx context.Context, s *Server, sc *gossh.ServerConn) *connection {
	a.once.Do(func() {
		a.conn = s.newConnection(sc, proofOf(sc.Permissions))
		context.AfterFunc(ctx, a.conn.over)
		go a.conn.announce()
		// Not waited for: what follows has events of its own.
		go a.conn.event(audit.AuthSucceeded, map[string]string{
			"fingerprint": a.conn.identity.Fingerprint, "key_type": a.conn.identity.KeyType,
		})
	})
	return a.conn
}

// addrPort reads an address of a TCP connection. The zero value stands for
// anything else and matches no rule.
func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// guard counts who stands at the door.
type guard struct {
	limits Limits
	now    access.Clock

	mu      sync.Mutex
	waiting int
	failed  map[netip.Addr]tally
}

// tally counts failures of an address within one minute.
type tally struct {
	since time.Time
	n     int
}

// maxTallies bounds the memory that a flood from many addresses may take.
const maxTallies = 1 << 16

func newGuard(l Limits, now access.Clock) *guard {
	return &guard{limits: l, now: now, failed: map[netip.Addr]tally{}}
}

// enter takes a place among the unauthenticated, or says why there is none.
func (g *guard) enter(from netip.Addr) (leave func(), why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.failed[network(from)]; t.n >= g.limits.FailedPerIPPerMinute && g.now().Sub(t.since) < time.Minute {
		return nil, "too many failed attempts from your address, wait a minute"
	}
	if g.waiting >= g.limits.MaxUnauthenticated {
		return nil, "too many connections wait for authentication, try again"
	}
	g.waiting++
	return func() {
		g.mu.Lock()
		g.waiting--
		g.mu.Unlock()
	}, ""
}

// fail counts a connection that ended without a proven key.
func (g *guard) fail(from netip.Addr) {
	from = network(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	t, known := g.failed[from]
	if !known && len(g.failed) >= maxTallies {
		for a, old := range g.failed {
			if now.Sub(old.since) >= time.Minute {
				delete(g.failed, a)
			}
		}
		if len(g.failed) >= maxTallies {
			return // the limit on unauthenticated connections still holds
		}
	}
	if now.Sub(t.since) >= time.Minute {
		t = tally{since: now}
	}
	t.n++
	g.failed[from] = t
}

// network is what counts as one address: all of a /64 in IPv6, since one
// customer has at least that many.
func network(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a.Unmap()
}

// presence counts what each person has of something: sessions, connections.
type presence struct {
	most int
	mu   sync.Mutex
	n    map[access.PersonName]int
}

func newPresence(most int) *presence { return &presence{most: most, n: map[access.PersonName]int{}} }

// enter takes one more for the person, or reports that there are too many.
func (p *presence) enter(who access.PersonName) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n[who] >= p.most {
		return nil, false
	}
	p.n[who]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n[who]--; p.n[who] == 0 {
			delete(p.n, who)
		}
	}, true
}
