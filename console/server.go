package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/sallyport/sallyport/access"
)

const (
	// maxPeers bounds the calls that run at once over the socket.
	maxPeers = 64
	// callTimeout is how long a peer may take to say what it wants.
	callTimeout = 10 * time.Second
	// MaxSocketPath is the longest path that Listen takes, in bytes: what fits
	// into sockaddr_un (unix(7)), less the final zero and the suffix under
	// which the socket is bound.
	MaxSocketPath = 107 - len(freshSuffix)

	freshSuffix = ".new"
)

// Server serves the commands over a unix socket: the way in of the admin of
// last resort. The kernel says who is there; only root and the user whom the
// server runs as are let in, whatever the mode of the file.
type Server struct {
	run      func(context.Context, Call) int
	log      *slog.Logger
	listener *net.UnixListener
	path     string
}

// Listen opens the socket at path with mode 0600. A socket file that a dead
// server left is replaced; one that a living server answers on is an error,
// as is anything else of that name.
func (c *Console) Listen(path string) (*Server, error) {
	if len(path) > MaxSocketPath {
		return nil, fmt.Errorf("the path of the socket is longer than %d bytes, choose a shorter data_dir: %s", MaxSocketPath, path)
	}
	if err := checkStale(path); err != nil {
		return nil, err
	}
	// Bound and restricted under another name, then renamed: there is no
	// moment at which the socket has its name and not its mode.
	fresh := path + freshSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return &Server{run: c.Run, log: c.Log, listener: l, path: path}, nil
}

// checkStale reports an error unless path is free or a socket on which nobody
// answers.
func checkStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is there and is no socket; move it away", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("another server answers on %s; stop it first", path), conn.Close())
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return fmt.Errorf("cannot tell whether another server is there: %w", err)
}

// Serve answers until ctx ends. It then cancels what runs, waits for it and
// removes the socket. It returns nil when ctx ended it.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	defer os.Remove(s.path)
	var peers sync.WaitGroup
	defer peers.Wait()
	places := make(chan struct{}, maxPeers)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED) {
				s.log.Warn("accept on the socket", "err", err)
				if !pause(ctx, 100*time.Millisecond) {
					return nil
				}
				<-places
				continue
			}
			return errors.Join(fmt.Errorf("accept on the socket: %w", err), s.listener.Close())
		}
		peers.Go(func() {
			defer func() { <-places }()
			if err := s.peer(ctx, conn); err != nil {
				s.log.Warn("a call over the socket went wrong", "err", err)
			}
		})
	}
}

// Close gives the socket back when [Server.Serve] was not called, or has
// returned.
func (s *Server) Close() error {
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return errors.Join(err, os.Remove(s.path))
	}
	return nil
}

// pause waits, and reports false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// wireCall is a Call on its way through the socket.
type wireCall struct {
	Args     []string `json:"args"`
	Reason   string   `json:"reason,omitempty"`
	Terminal *Size    `json:"terminal,omitempty"`
	Color    bool     `json:"color,omitempty"`
	Plain    bool     `json:"plain,omitempty"`
}

// peer serves one connection: one call.
func (s *Server) peer(ctx context.Context, conn *net.UnixConn) error {
	defer conn.Close()
	uid, err := peerUID(conn)
	if err != nil {
		return err
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("user %d has no business here", uid)
	}
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A peer that neither speaks nor reads cannot keep the server from
	// stopping, nor its own call from ending.
	defer context.AfterFunc(ctx, func() {
		closing := time.AfterFunc(time.Second, func() { conn.Close() })
		context.AfterFunc(ended, func() { closing.Stop() })
	})()

	call, err := readCall(conn)
	if errors.Is(err, errLooked) {
		return nil
	}
	if err != nil {
		return err
	}
	go func() {
		// Whatever comes now means the end: the frame that cancels, the
		// peer's close, or garbage. It returns when conn is closed.
		defer cancel()
		readFrame(conn)
	}()
	out := &frameWriter{w: conn}
	exit := s.run(ctx, Call{
		Actor:    access.Actor{LocalUID: uid, Via: access.ViaSocket},
		Args:     call.Args,
		Stdout:   out.stream(frameStdout),
		Stderr:   out.stream(frameStderr),
		Terminal: call.Terminal,
		Color:    call.Color,
		Plain:    call.Plain,
		Reason:   call.Reason,
	})
	if err := out.write(frameExit, []byte{byte(exit)}); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}

// errLooked is a peer that came and went: another server that looked whether
// this one is alive.
var errLooked = errors.New("a peer said nothing")

// readCall does the greeting and reads the call.
func readCall(conn *net.UnixConn) (wireCall, error) {
	var call wireCall
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return call, err
	}
	var version [1]byte
	if _, err := io.ReadFull(conn, version[:]); err != nil {
		if err == io.EOF {
			err = errLooked
		}
		return call, err
	}
	// Ours goes out in any case: it tells a stranger whom it met.
	if _, err := conn.Write([]byte{protocolVersion}); err != nil {
		return call, err
	}
	if version[0] != protocolVersion {
		return call, fmt.Errorf("a peer speaks version %d", version[0])
	}
	f, err := readFrame(conn)
	if err != nil {
		return call, err
	}
	if f.Type != frameCall {
		return call, fmt.Errorf("a frame of type %d where a call was due", f.Type)
	}
	if err := json.Unmarshal(f.Payload, &call); err != nil {
		return call, fmt.Errorf("a call that is no JSON: %w", err)
	}
	return call, conn.SetDeadline(time.Time{})
}
