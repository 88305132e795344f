package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// forwards is the one session that all forwards of a connection are: opened by
// the first that is allowed, ended with the connection or with what lets it be.
// What passes through a forward is not recorded; where it went, how much and
// how long is.
type forwards struct {
	visit
	pass *access.Pass
	rec  *recorder.Recording
	leg  *leg
}

// forwardSlot holds the forwards of a connection.
type forwardSlot struct {
	free    chan struct{} // capacity 1: a lock that a context can give up on
	current *forwards     // nil before the first; guarded by free

	mu       sync.Mutex
	listens  map[string]listening // remote forwards that the client asked for, by destination
	accepted []acceptance         // sessions that the host may open agents and displays for
}

// acceptance is a session that forwards an agent or a display.
type acceptance struct {
	kind string // type of the channel that the host may open
	s    *session
	rec  *recorder.Recording
}

// forward admits one forward: every one is decided anew. It gives the session
// that it belongs to.
func (c *connection) forward(may access.Capability, destination string) (*forwards, error) {
	if c.targetErr != nil {
		return nil, c.targetErr
	}
	if err := c.stillProven(); err != nil {
		return nil, err
	}
	select {
	case c.forwards.free <- struct{}{}:
		defer func() { <-c.forwards.free }()
	case <-c.life.Done():
		return nil, context.Cause(c.life)
	}
	f := c.forwards.current
	if f != nil && f.ctx.Err() == nil {
		return f, c.srv.allowed(f.pass, may, destination)
	}
	f, err := c.beginForwards(may, destination)
	if err == nil {
		c.forwards.current = f
	}
	return f, err
}

// allowed is the gate's question: may this go there, literally? SSH is refused
// under any name, since nothing inside it would be recorded.
func (s *Server) allowed(pass *access.Pass, may access.Capability, destination string) error {
	if _, port, err := net.SplitHostPort(destination); err == nil && may == access.MayLocalForward {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || s.Policy.Current().IsSSHPort(uint16(n)) {
			return access.Refuse(access.ReasonChannel, access.Plain(destination, 300)+" is an SSH port, which is never forwarded", "ssh to the host through the bastion")
		}
	}
	for _, a := range pass.Allow {
		if a.Capability == may && matches(a.Destinations, destination) {
			return nil
		}
	}
	return access.Refuse(access.ReasonChannel, fmt.Sprintf("the rule %s allows no %s to %s", pass.Rule, may, access.Plain(destination, 300)),
		"Ask for a rule that names it")
}

// matches compares literally; only a port may be any.
func matches(allowed []string, destination string) bool {
	host, _, err := net.SplitHostPort(destination)
	for _, a := range allowed {
		if a == destination || err == nil && a == net.JoinHostPort(host, "*") {
			return true
		}
	}
	return false
}

// beginForwards opens the session of a connection's forwards.
func (c *connection) beginForwards(may access.Capability, destination string) (_ *forwards, err error) {
	leave, ok := c.srv.presence.enter(c.identity.Person)
	if !ok {
		return nil, access.Refuse(access.ReasonLimit, "you have too many sessions open", "Close some")
	}
	if !c.srv.begin() {
		leave()
		return nil, access.Refuse(access.ReasonShutdown, "the bastion is shutting down", "Connect again in a moment")
	}
	f := &forwards{visit: c.newVisit()}
	defer func() {
		if err != nil {
			f.end(nil)
			leave()
			c.srv.work.Done()
		}
	}()
	f.pass, err = c.srv.Desk.Admit(f.ctx, access.Application{
		Session: f.id, Connection: c.id, Identity: c.identity, Target: *c.target, Kind: access.KindForward,
	})
	if err != nil {
		return nil, err
	}
	if err = c.srv.allowed(f.pass, may, destination); err == nil {
		f.rec, f.leg, err = f.reach(f.pass, access.Session{Kind: access.KindForward}, recorder.Shape{})
	}
	if err != nil {
		if f.rec != nil {
			f.seal(f.rec, outcome{cause: access.AsError(err)}.end())
		}
		f.pass.Done()
		return nil, err
	}
	go f.live(leave)
	return f, nil
}

// live waits for the end of the forwards and closes their record.
func (f *forwards) live(leave func()) {
	defer f.srv.work.Done()
	defer leave()
	defer f.pass.Done()
	defer context.AfterFunc(f.pass.Context, func() { f.visit.end(context.Cause(f.pass.Context)) })()
	defer context.AfterFunc(f.srv.life, func() { f.visit.end(context.Cause(f.srv.life)) })()
	select {
	case <-f.ctx.Done():
	case <-f.leg.gone:
		f.visit.end(access.Fail(access.ReasonHostLost, "the connection to the host broke", "Connect again", nil))
	case <-f.rec.Failed():
		f.visit.end(recordingFailed(f.rec.Err()))
	}
	f.c.hush()
	out := outcome{left: true}
	if f.c.gone.Err() == nil {
		out = outcome{cause: access.AsError(context.Cause(f.ctx))}
	}
	f.seal(f.rec, out.end())
}

// passage is one forward while it lasts.
type passage struct {
	visit       *visit // that it belongs to
	log         func(recorder.Event) error
	kind        string // such as local-forward
	destination string
	tunnel      bool // may not carry SSH
	onSSH       func()
}

// carry copies between the client's channel and the host's until both have
// ended, or the session must. Each direction has its own goroutine; a slow
// reader holds the other side's window.
func (p passage) carry(client, host gossh.Channel) {
	shut := func() {
		_ = client.Close() // closing twice is no error here
		_ = host.Close()
	}
	if !p.visit.open.enter() {
		shut()
		return
	}
	defer p.visit.open.leave()
	defer context.AfterFunc(p.visit.ctx, shut)()
	began := time.Now()
	var out, in int64
	var both sync.WaitGroup
	both.Go(func() { out = p.copy(host, client) })
	both.Go(func() { in = p.copy(client, host) })
	for _, ch := range []gossh.Channel{client, host} { // stderr has no meaning here, but a queue
		go func() { _, _ = io.Copy(io.Discard, ch.Stderr()) }()
	}
	both.Wait()
	shut()
	// An error is the recording's: it has failed, or was closed with the session.
	_ = p.log(recorder.Event{
		Kind: p.kind, Destination: p.destination, Bytes: out + in,
		Detail: fmt.Sprintf("closed after %s: %d bytes to the host, %d back", time.Since(began).Round(time.Millisecond), out, in),
	})
}

// copy carries one direction, and closes both when SSH begins in it.
func (p passage) copy(dst, src gossh.Channel) (n int64) {
	var seen prefix
	err := pump(src, func(b []byte) error {
		if p.tunnel && seen.isSSH(b) {
			return errSSHInside
		}
		w, err := dst.Write(b)
		n += int64(w)
		return err
	})
	if errors.Is(err, errSSHInside) {
		p.onSSH()
		_ = src.Close()
		_ = dst.Close()
	}
	_ = dst.CloseWrite() // fails when it is closed
	return n
}

var errSSHInside = errors.New("the forward carries SSH")

// prefix watches the first bytes of a stream.
type prefix struct{ n int }

const sshPrefix = "SSH-" // RFC 4253, section 4.2

// isSSH reports whether the stream, with b, begins as SSH does. What came
// before the last byte of the prefix may have passed.
func (p *prefix) isSSH(b []byte) bool {
	for _, c := range b {
		if p.n < 0 || p.n >= len(sshPrefix) {
			return false
		}
		if c != sshPrefix[p.n] {
			p.n = -1
			return false
		}
		if p.n++; p.n == len(sshPrefix) {
			return true
		}
	}
	return false
}

// carry runs one forward, with its record.
func (f *forwards) carry(may access.Capability, destination string, client, host gossh.Channel) {
	p := passage{visit: &f.visit, log: f.rec.Event, kind: string(may), destination: access.Plain(destination, 300), tunnel: true}
	p.onSSH = func() {
		f.event(audit.ChannelRefused, f.pass, map[string]string{"channel": p.kind, "destination": p.destination, "reason": "ssh inside"})
		f.log.Warn("a forward that carries SSH was closed", "destination", p.destination)
	}
	err := f.rec.Marker(p.kind + " " + p.destination)
	if err == nil {
		err = f.rec.Event(recorder.Event{Kind: p.kind, Destination: p.destination, Detail: "opened"})
	}
	if err != nil {
		f.end(recordingFailed(err)) // and p.carry with it
	}
	p.carry(client, host)
}

// join opens at the other side what one side wants to open, and accepts it
// then. On an error nothing is open and nc waits for its rejection, unless its
// side has gone meanwhile.
func join(nc gossh.NewChannel, other gossh.Conn) (accepted, opened gossh.Channel, err error) {
	opened, requests, err := other.OpenChannel(nc.ChannelType(), nc.ExtraData())
	if err != nil {
		return nil, nil, err
	}
	go gossh.DiscardRequests(requests)
	accepted, requests, err = nc.Accept()
	if err != nil {
		_ = opened.Close() // that side may have gone, too
		return nil, nil, err
	}
	go gossh.DiscardRequests(requests)
	return accepted, opened, nil
}
