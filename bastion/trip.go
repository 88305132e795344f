package bastion

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// travel runs a session to a host for somebody at the console, on the terminal
// that the console lends. It is a session like any other, on a connection of
// its own: same identity, same desk, a certificate, a recording. It ends with
// the program, with what lets it be, and with the console: ctx is the
// console's. A console has one such session at a time.
func (s *session) travel(ctx context.Context, to access.Trip, on Lent) access.Return {
	if !s.srv.begin() {
		e := access.Refuse(access.ReasonShutdown, "the bastion is shutting down", "Connect again in a moment")
		_ = on.In.Close() // what it could tell is that it is closed
		return access.Return{Status: e.Class.ExitStatus(), Err: e}
	}
	defer s.srv.work.Done()
	c := s.c.onward(to.Target)
	defer c.over()
	// Whatever ends the console's connection ends this one, with its cause.
	defer context.AfterFunc(s.c.gone, func() { c.end(context.Cause(s.c.gone)) })()
	defer context.AfterFunc(s.c.life, func() {
		if s.c.gone.Err() == nil {
			c.expel(context.Cause(s.c.life))
		}
	})()

	ch := newLentChannel(on)
	n := newSession(c, ch)
	n.fromConsole = true
	s.mu.Lock()
	env, pty, reason := s.setup.env, s.setup.pty, s.setup.reason
	s.mu.Unlock()
	n.setup.reason, n.setup.length = cmp.Or(to.Reason, reason), to.For
	// A console that somebody ended takes the session with it. One whose
	// client has closed its channel is like a client that closes that of a
	// session. Why comes first: that the terminal is gone says nothing.
	gone := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		var ended *access.Error
		if cause := context.Cause(ctx); errors.As(cause, &ended) && !errors.Is(cause, errWithdrawn) {
			n.end(ended)
		}
		close(gone)
	})()
	go ch.ask(env, pty, gone)
	n.serve(ch.requests)

	back := access.Return{Session: n.id, Err: n.told}
	back.Status, back.Signal = ch.ended()
	return back
}

// onward is a connection of this one's person to a host, without a handshake:
// it is this connection that proved who they are, and nothing has been proven
// since. So it counts as the inner login of a jump that was lent, and the touch
// of a security key is not proven again: rules that want either let it pass as
// little as they let a jump. See [connection.notFromHere] for what the person is
// told.
func (c *connection) onward(to access.Target) *connection {
	onward := c.srv.bareConnection(lentConn{c.ssh}, proof{c.identity, c.key})
	id := &onward.identity
	id.InnerUnproven = true
	if id.SecurityKey {
		id.SecurityKey, id.KeyType = false, ""
	}
	t, err := access.NewTarget(to.Login, to.Host)
	onward.target, onward.targetErr = &t, err
	return onward
}

// notFromHere says why the console leads to no session that could be had
// otherwise: what a rule wants proven is proven by a handshake of its own.
func (c *connection) notFromHere() error {
	host, ok := c.srv.Policy.Current().Host(c.target.Host)
	if !ok || c.srv.InnerAuth != "key" && !c.innerKeyAsked(c.target.Login, host) {
		return nil // the desk says what there is to say
	}
	e := access.Refuse(access.ReasonNotAllowed, "to "+c.target.String()+" a key has to be proven once more, which the console cannot ask for", elsewhere(*c.target))
	c.event(audit.AccessRefused, map[string]string{"reason": string(e.Reason), "why": e.Why})
	return e
}

// hereOnly adds to a rule's condition that does not hold what it may be for.
func (c *connection) hereOnly(err error) error {
	if e := access.AsError(err); err != nil && e.Reason == access.ReasonCondition && strings.HasPrefix(c.key.Type(), "sk-") {
		again := *e
		again.Do = "From the console your security key is not touched again. " + elsewhere(*c.target)
		return &again
	}
	return err
}

func elsewhere(t access.Target) string { return "Use ssh -J bastion " + t.String() }
