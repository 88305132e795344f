// Package bastion is the SSH front door: listeners, verified identity, target
// parsing, the life of connections and sessions, the relay, and the login to
// hosts.
//
// It owns every byte between the person's ssh and the host's sshd. It refuses
// to decide who may do what (it asks the [Desk]), to let anything through that
// is not recorded, and to know any channel or request type that [gate] does
// not name. gliderlabs/ssh serves as the shell of the server (accept loop,
// connection tracking, shutdown, the maps of handlers) and for nothing else:
// identity and data go through golang.org/x/crypto/ssh directly.
//
// Start reading at [session.serve], which is the one flow of the design in one
// function, then [Server.identify] for who somebody is, [connection] for what
// a TCP connection holds, and jump.go for the inner SSH of `ssh -J`.
package bastion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
)

// version is the identification string of both servers, outer and inner, and
// of the client towards hosts (RFC 4253, section 4.2).
const version = "Sallyport"

// Desk decides. Its Admit may take as long as a person needs to click; it
// returns an [*access.Error] when the session may not be, and observes ctx:
// its cause says whether the person withdrew (an [*access.Error] with
// [access.ReasonCancelled]) or the connection was lost.
type Desk interface {
	Admit(ctx context.Context, a access.Application) (*access.Pass, error)
	// Attend lets somebody use the console: until ctx ends, or until they
	// are locked, removed or lose a role, with an [*access.Error] as the
	// cause. The function that it gives is called when they leave.
	Attend(ctx context.Context, id access.Identity) (context.Context, func(), error)
}

// Auditor writes one fact into the audit chain. It must be durable when it
// returns.
type Auditor interface {
	Record(ctx context.Context, e audit.Event) error
}

// Console serves sessions that ask for no host.
type Console interface {
	// Serve runs one console session to its end and returns the exit
	// status. ctx ends when the client is gone.
	Serve(ctx context.Context, t Terminal) int
}

// Limits are those of the contract. All must be positive, but the last three.
type Limits struct {
	Handshake            time.Duration // to the end of the first key exchange
	Auth                 time.Duration // from there to a proven key
	AuthTries            int           // offers of keys; an agent may hold many
	MaxUnauthenticated   int           // connections that have not proven a key yet
	FailedPerIPPerMinute int           // connections from one address that ended without a proven key
	Idle                 time.Duration // without a byte in either direction; not while waiting
	SessionsPerPerson    int           // and twice as many connections
	Host                 time.Duration // for a host to answer: connection and login, a channel, a start; 0: 20 s
	Unwatched            time.Duration // nobody watches a session that must be watched; 0: 10 m
	HalfClose            time.Duration // without input, until a client is told that a program that runs on has shut its output; 0: 1 m
}

// Config is what a [Server] is made of. Everything is required but UserCAs and
// Revoked.
type Config struct {
	HostKeys  []gossh.Signer
	HostCA    *certs.HostCA
	UserCAs   certs.UserCAs
	Revoked   func(gossh.PublicKey) bool
	InnerAuth string // "auto" or "key": see jump.go
	Limits    Limits
	Policy    *policy.Live
	Desk      Desk
	Mint      certs.Mint
	Emergency *certs.Mint // signs for break-glass while Mint's issuer is away; nil: nobody does
	Recorder  *recorder.Recorder
	OnFailure recorder.OnFailure // as the recorder was told: what to tell the person
	Audit     Auditor
	Console   Console
	BastionID string
	Now       access.Clock
	NewID     access.NewID
	Log       *slog.Logger
}

// Server is the front door. Its methods are safe for concurrent use.
type Server struct {
	Config
	shell     *gliderssh.Server
	guard     *guard
	presence  *presence // sessions
	connected *presence // connections from outside

	stop context.CancelCauseFunc // ends all sessions
	life context.Context

	tap func(recording) recording // set by a benchmark alone, which asks what recording costs

	mu      sync.Mutex
	conns   map[*connection]struct{}
	doors   []net.Listener
	closing bool           // no session may begin
	work    sync.WaitGroup // sessions; Add under mu while not closing
}

// New makes a server that does not listen yet.
func New(c Config) (*Server, error) {
	if len(c.HostKeys) == 0 {
		return nil, errors.New("bastion: no host key")
	}
	if c.InnerAuth != "auto" && c.InnerAuth != "key" {
		return nil, fmt.Errorf("bastion: inner_auth is %q, not auto or key", c.InnerAuth)
	}
	if c.Revoked == nil {
		c.Revoked = func(gossh.PublicKey) bool { return false }
	}
	var err error
	if c.HostKeys, err = withoutSHA1(c.HostKeys); err != nil {
		return nil, err
	}
	s := &Server{
		Config: c, guard: newGuard(c.Limits, c.Now), conns: map[*connection]struct{}{},
		presence:  newPresence(c.Limits.SessionsPerPerson),
		connected: newPresence(2 * c.Limits.SessionsPerPerson), // consoles and jumps take some, too
	}
	s.life, s.stop = context.WithCancelCause(context.Background())
	s.shell = s.newShell()
	return s, nil
}

// Serve accepts connections on l until [Server.Shutdown]. It returns nil then.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.doors = append(s.doors, l)
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return l.Close()
	}
	err := s.shell.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || errors.Is(err, gliderssh.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops listening, lets sessions finish until ctx ends, then ends
// those that are left with a message, and returns when they are recorded.
func (s *Server) Shutdown(ctx context.Context) {
	// Not by the shell's own Shutdown: its count of connections goes up while
	// it waits for it.
	s.mu.Lock()
	s.closing = true
	doors := s.doors
	s.mu.Unlock()
	for _, l := range doors {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.Log.Warn("closing a listener", "err", err)
		}
	}
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.stop(access.Refuse(access.ReasonShutdown, "the bastion is shutting down", "Connect again in a moment"))
		<-done
	}
	if err := s.shell.Close(); err != nil {
		s.Log.Debug("closing connections", "err", err)
	}
}

// record writes an audit event that no state change carries. A chain that
// cannot be written is the operator's emergency, not the person's.
func (s *Server) record(ctx context.Context, e audit.Event) {
	e.Time, e.Bastion = s.Now(), s.BastionID
	if err := s.Audit.Record(context.WithoutCancel(ctx), e); err != nil {
		s.Log.Error("audit event not written", "kind", e.Kind, "err", err)
	}
}
