package tui_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/tui"
)

// BenchmarkWire is what the player puts on the wire while it plays: frames and
// bytes a second, of the interface and of the TCP connection that carries it
// over SSH. Each run plays for five seconds: go test -bench Wire -benchtime 1x.
func BenchmarkWire(b *testing.B) {
	for _, c := range []struct {
		name, keys string
		cast       *cast
	}{
		{"paused", " ", typingCast()},
		{"typing-1x", "", typingCast()},
		{"log-1x", "", logCast()},
		{"log-64x", ">>>>>>", logCast()},
		{"top-1x", "", topCast()},
		{"top-64x", ">>>>>>", topCast()},
	} {
		b.Run(c.name, func(b *testing.B) {
			const playFor = 5 * time.Second
			w, err := newWorld(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			if err := c.cast.save(filepath.Join(w.dir, "shell")); err != nil {
				b.Fatal(err)
			}
			cfg := w.config()
			cfg.Now = time.Now
			cfg.Only = &w.sessions[1]
			var frames, drawn, wire float64
			for b.Loop() {
				l := newLink(b, cfg)
				l.press("iii") // idle time as it was: it plays on
				l.press(c.keys)
				pause(time.Second) // the first screen has passed
				f, d, s := l.frames.Load(), l.drawn.Load(), l.wire.Load()
				pause(playFor)
				frames += float64(l.frames.Load() - f)
				drawn += float64(l.drawn.Load() - d)
				wire += float64(l.wire.Load() - s)
				l.close()
			}
			seconds := float64(b.N) * playFor.Seconds()
			b.ReportMetric(frames/seconds, "frames/s")
			b.ReportMetric(drawn/seconds, "drawn-B/s")
			b.ReportMetric(wire/seconds, "wire-B/s")
			b.ReportMetric(drawn/max(frames, 1), "B/frame")
		})
	}
}

func pause(d time.Duration) { <-time.After(d) }

// typingCast is a person who types ten keys a second.
func typingCast() *cast {
	c := newCast(120, 40, true)
	for i := range 2000 {
		c.out(100*time.Millisecond, string(rune('a'+i%26)))
	}
	return c
}

// logCast is twenty coloured lines a second.
func logCast() *cast {
	c := newCast(120, 40, true)
	for i := range 20_000 {
		c.out(50*time.Millisecond, fmt.Sprintf("\x1b[3%dm%06d\x1b[m GET /orders/%d 200 %s\r\n", i%7+1, i, i*7919%10007, strings.Repeat("x", i%60)))
	}
	return c
}

// topCast is a full screen drawn anew each second, of which a part is new.
func topCast() *cast {
	c := newCast(120, 40, true)
	for i := range 1000 {
		var b strings.Builder
		b.WriteString("\x1b[H")
		for y := range 39 {
			fmt.Fprintf(&b, "\x1b[32m%6d\x1b[m root  20  0 %6d \x1b[1m%4.1f\x1b[m  %-60s\r\n", 1000+y, 4096*y, float64((i*31+y*17)%1000)/10, "/usr/bin/program --of --line "+fmt.Sprint(y))
		}
		c.out(time.Second, b.String())
	}
	return c
}

// link is the interface at the far end of an SSH connection on loopback.
type link struct {
	b                   *testing.B
	frames, drawn, wire atomic.Int64
	keys                io.Writer
	client              *ssh.Client
	cancel              context.CancelFunc
	ended               chan error
}

// counted counts what is read from a connection.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// writer counts what the interface writes: a frame at a time.
func (l *link) writer(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		l.frames.Add(1)
		l.drawn.Add(int64(len(p)))
		return w.Write(p)
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func newLink(b *testing.B, cfg tui.Config) *link {
	b.Helper()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close() // of a listener that has served
	ctx, cancel := context.WithCancel(b.Context())
	l := &link{b: b, cancel: cancel, ended: make(chan error, 1)}
	go func() { l.ended <- l.serve(ctx, listener, signer, cfg) }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(counted{conn, &l.wire}, "bastion", &ssh.ClientConfig{User: "carol", HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		b.Fatal(err)
	}
	l.client = ssh.NewClient(c, channels, requests)
	session, err := l.client.NewSession()
	if err != nil {
		b.Fatal(err)
	}
	if l.keys, err = session.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	session.Stdout = io.Discard
	if err := session.Shell(); err != nil {
		b.Fatal(err)
	}
	return l
}

// serve is one connection with one session: the interface.
func (l *link) serve(ctx context.Context, listener net.Listener, key ssh.Signer, cfg tui.Config) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(key)
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return err
	}
	go ssh.DiscardRequests(requests)
	channel, requests, err := (<-channels).Accept()
	if err != nil {
		return err
	}
	go func() {
		for r := range requests {
			_ = r.Reply(true, nil) // an answer to who is gone
		}
	}()
	cfg.Terminal = tui.Terminal{In: channel, Out: l.writer(channel), Size: tui.Size{Cols: 120, Rows: 40}, Env: []string{"TERM=xterm-256color", "COLORTERM=truecolor"}}
	return tui.Run(ctx, cfg)
}

func (l *link) press(keys string) {
	if _, err := io.WriteString(l.keys, keys); err != nil {
		l.b.Fatal(err)
	}
}

func (l *link) close() {
	l.cancel()
	if err := <-l.ended; err != nil {
		l.b.Error(err)
	}
	_ = l.client.Close() // it may be closed already
}
