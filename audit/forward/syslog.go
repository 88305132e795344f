package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// SyslogConfig is a syslog receiver.
type SyslogConfig struct {
	Address string // HOST:PORT
	TLS     *TLS   // nil: in the clear
}

// Syslog sends RFC 5424 messages, framed by octet counting (RFC 5425, section
// 4.3; without TLS RFC 6587, section 3.4.1).
//
// The protocol knows no acknowledgement, and a write that succeeded says little:
// the bytes may lie in a buffer of a receiver that dies. So a batch has a
// connection of its own, which we close towards the receiver, and it counts as
// taken when the receiver closes in turn (as it must: RFC 5425, section 4.4) and
// TCP has nothing left that it did not acknowledge: a receiver that closes with
// bytes unread, or before they came, resets the connection instead, and the
// batch goes again. What stands in between, a load balancer say, confirms for
// itself.
type Syslog struct {
	address string
	tls     *tls.Config
}

// NewSyslog makes the target. It fails when the CA file cannot be used.
func NewSyslog(c SyslogConfig) (*Syslog, error) {
	s := &Syslog{address: c.Address}
	if c.TLS == nil {
		return s, nil
	}
	var err error
	if s.tls, err = c.TLS.config(); err != nil {
		return nil, err
	}
	if s.tls.ServerName, _, err = net.SplitHostPort(c.Address); err != nil {
		return nil, err
	}
	return s, nil
}

// line is a connection to a receiver, and the TCP connection below it.
type line struct {
	halfCloser
	tcp *net.TCPConn
}

// halfCloser is what a TCP and a TLS connection have in common.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// closeWrite tells the receiver that no more comes, in TLS and below it.
func (l line) closeWrite() error {
	err := l.CloseWrite()
	if l.halfCloser != halfCloser(l.tcp) {
		err = errors.Join(err, l.tcp.CloseWrite())
	}
	return err
}

// Send sends the rows on a connection of their own and waits until the receiver
// has read them.
func (s *Syslog) Send(ctx context.Context, rows []audit.Row) error {
	var frames []byte
	for _, r := range rows {
		frame, err := appendFrame(frames, r)
		if err != nil {
			return &Error{State: Unread, Err: err}
		}
		frames = frame
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()                                                    //nolint:errcheck // what counts is said before
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })() // a time-out, or the end
	_, err = conn.Write(frames)
	if err == nil {
		err = conn.closeWrite()
	}
	if err == nil {
		// A receiver says nothing; one that talks without end is none.
		_, err = io.CopyN(io.Discard, conn, 64<<10)
	}
	if errors.Is(err, io.EOF) {
		err = settled(ctx, conn.tcp)
	} else if err == nil {
		err = errors.New("it talks, which no syslog receiver does")
	}
	if err != nil {
		return &Error{State: Unconfirmed, Err: fmt.Errorf("%s: %w", s.address, cause(ctx, err))}
	}
	return nil
}

var past = time.Unix(1, 0)

// cause prefers why it was ended to how that looked.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (s *Syslog) dial(ctx context.Context) (line, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return line{}, &Error{State: Unreachable, Err: err}
	}
	tcp := conn.(*net.TCPConn) // what a dialer gives for "tcp"
	if s.tls == nil {
		return line{tcp, tcp}, nil
	}
	secure := tls.Client(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error counts
		return line{}, &Error{State: Untrusted, Err: fmt.Errorf("%s: %w", s.address, err)}
	}
	return line{secure, tcp}, nil
}

// priority is facility 13, "log audit", and severity 6, informational (RFC
// 5424, section 6.2.1): what an event is worth is the receiver's to say, by its
// MSGID, which is the kind.
const priority = 13*8 + 6

// maxSequence is where sequenceId begins anew (RFC 5424, section 7.3.1).
const maxSequence = 1<<31 - 1

// appendFrame appends a row as one message: its header, and as MSG the line of
// the audit file, without a line break. JSON leaves no control character in it.
func appendFrame(b []byte, r audit.Row) ([]byte, error) {
	e, err := r.Event()
	if err != nil {
		return nil, fmt.Errorf("row %d: %w", r.Seq, err)
	}
	m := fmt.Appendf(nil, `<%d>1 %s %s sallyport - %s [meta sequenceId="%d"][origin software="sallyport"] `,
		priority, e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), field(e.Bastion, 255), field(string(e.Kind), 32), (r.Seq-1)%maxSequence+1)
	m = audit.AppendLine(m, r)
	m = m[:len(m)-1]
	return append(fmt.Appendf(b, "%d ", len(m)), m...), nil
}

// field is a text as a field of the header: printable ASCII without spaces, and
// bounded. None is "-".
func field(s string, limit int) string {
	s = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}
