// Package demohost is a host for the demo: an SSH server on loopback that
// trusts one CA and nothing else, and starts a real shell in a scratch home.
//
// It refuses to listen anywhere but on loopback: whoever has a certificate
// runs programs as the user who started the demo. It is no sshd: no forwards,
// no agent, no users. Start reading at [Listen].
package demohost

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// handshakeTime bounds the handshake of a client.
const handshakeTime = 20 * time.Second

// maxConnections bounds the clients at once.
const maxConnections = 256

// Config is what a [Host] is made of.
type Config struct {
	Name   string        // shown in the prompt
	CA     ssh.PublicKey // signs the certificates that may log in
	Logins []string      // principals that exist
	Home   string        // where shells start; must exist
	Log    *slog.Logger
}

// Host is a running demo host.
type Host struct {
	config Config
	key    ssh.Signer
	server *ssh.ServerConfig
	l      net.Listener
	places chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil when closed
}

// Listen starts a host at a loopback address, such as 127.0.0.1:0, with a
// fresh host key.
func Listen(addr string, c Config) (*Host, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("demo host: %s is not a loopback address", l.Addr()), l.Close())
	}
	h := &Host{config: c, key: key, l: l, places: make(chan struct{}, maxConnections), conns: map[net.Conn]struct{}{}}
	h.server = h.serverConfig()
	go h.accept()
	return h, nil
}

// Addr is where the host listens.
func (h *Host) Addr() string { return h.l.Addr().String() }

// HostKey is what the host shows, in authorized_keys form.
func (h *Host) HostKey() string {
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(h.key.PublicKey())))
}

// Close stops listening and ends all connections and their programs.
func (h *Host) Close() error {
	err := h.l.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		_ = c.Close() // being closed twice is no error here
	}
	h.conns = nil
	return err
}

// serverConfig accepts user certificates of the CA for a login that exists,
// and no plain key.
func (h *Host) serverConfig() *ssh.ServerConfig {
	checker := &ssh.CertChecker{IsUserAuthority: func(ca ssh.PublicKey) bool {
		return bytes.Equal(ca.Marshal(), h.config.CA.Marshal())
	}}
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-SallyportDemoHost",
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for _, login := range h.config.Logins {
				if login == c.User() {
					return checker.Authenticate(c, key)
				}
			}
			return nil, errors.New("no such login")
		},
	}
	config.AddHostKey(h.key)
	return config
}

func (h *Host) accept() {
	for {
		c, err := h.l.Accept()
		if err != nil {
			return // closed
		}
		select {
		case h.places <- struct{}{}:
		default:
			_ = c.Close() // full
			continue
		}
		if !h.track(c) {
			return
		}
		go func() {
			defer func() { <-h.places }()
			defer h.forget(c)
			h.serve(c)
		}()
	}
}

func (h *Host) track(c net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		_ = c.Close()
		return false
	}
	h.conns[c] = struct{}{}
	return true
}

func (h *Host) forget(c net.Conn) {
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
	_ = c.Close()
}

func (h *Host) serve(c net.Conn) {
	if err := c.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return
	}
	conn, chans, reqs, err := ssh.NewServerConn(c, h.server)
	if err != nil {
		h.config.Log.Debug("demo host: handshake", "host", h.config.Name, "err", err)
		return
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // programs end with the connection
	for ch := range chans {
		if ch.ChannelType() != "session" {
			_ = ch.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		s := &session{host: h, login: conn.User(), ch: channel}
		go s.serve(ctx, requests)
	}
}
