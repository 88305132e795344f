package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// cancelGrace is how long a cancelled call may take to end by itself.
const cancelGrace = 2 * time.Second

// Remote runs call in the server that listens on the socket at path and
// returns its exit status. Actor and Stdin of call are not used: who is there
// is the kernel's to say. When ctx ends, the call is cancelled; what it still
// says within two seconds is shown. An error means that there is no exit
// status, and is fit for a person.
func Remote(ctx context.Context, path string, call Call) (int, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return 0, explainDial(path, err)
	}
	defer conn.Close()
	payload, err := json.Marshal(wireCall{Args: call.Args, Reason: call.Reason, Terminal: call.Terminal, Color: call.Color, Plain: call.Plain})
	if err != nil {
		return 0, err
	}
	if len(payload) > maxFrame {
		return 0, errors.New("the command line is too long")
	}
	if _, err := conn.Write([]byte{protocolVersion}); err != nil {
		return 0, fmt.Errorf("the server went away: %w", err)
	}
	out := &frameWriter{w: conn}
	if err := out.write(frameCall, payload); err != nil {
		return 0, fmt.Errorf("the server went away: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		// Errors show when the answer is read.
		conn.SetDeadline(time.Now().Add(cancelGrace))
		out.write(frameCancel, nil)
	})()
	if err := readVersion(conn); err != nil {
		return 0, err
	}
	exit, err := readAnswer(conn, call.Stdout, call.Stderr)
	if err != nil && ctx.Err() != nil {
		return exitNotDone, nil
	}
	return exit, err
}

// readVersion checks the server's greeting.
func readVersion(r io.Reader) error {
	var version [1]byte
	if _, err := io.ReadFull(r, version[:]); err != nil {
		return fmt.Errorf("the server did not answer: %w", err)
	}
	if version[0] != protocolVersion {
		return fmt.Errorf("the server speaks version %d of the protocol and this binary version %d: use the server's own binary", version[0], protocolVersion)
	}
	return nil
}

// readAnswer copies what the server says until it gives the exit status.
func readAnswer(r io.Reader, stdout, stderr io.Writer) (int, error) {
	for {
		f, err := readFrame(r)
		if err != nil {
			return 0, fmt.Errorf("the server broke off: %w", err)
		}
		switch f.Type {
		case frameStdout:
			_, err = stdout.Write(f.Payload)
		case frameStderr:
			_, err = stderr.Write(f.Payload)
		case frameExit:
			if len(f.Payload) != 1 {
				return 0, errors.New("the server gave no exit status")
			}
			return int(f.Payload[0]), nil
		default:
			err = fmt.Errorf("the server sent a frame of type %d", f.Type)
		}
		if err != nil {
			return 0, err
		}
	}
}

// errNoServer is a socket on which nobody answers.
var errNoServer = errors.New("no server runs")

// explainDial says why the socket cannot be reached and what to do.
func explainDial(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w on %s: start it with sallyport serve", errNoServer, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is for root and the server's own user: use sudo", path)
	}
	return fmt.Errorf("cannot reach the server on %s: %w", path, err)
}
