// Package sshdtest runs OpenSSH's real sshd on loopback for tests. It trusts
// one CA for user certificates and nothing else: no password, no
// authorized_keys. Each connection gets an sshd of its own (sshd -i), so there
// is no port to guess and no start to wait for.
//
// It is for tests only. Start reading at [Start].
package sshdtest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Path is where sshd is; it is on few people's PATH.
func Path() (string, error) {
	if p, err := exec.LookPath("sshd"); err == nil {
		return p, nil
	}
	for _, p := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"} {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", errors.New("sshd is not installed: apt-get install openssh-server")
}

// Host is a running sshd.
type Host struct {
	Addr    string // 127.0.0.1:PORT
	HostKey string // authorized_keys form
	Login   string // the user whom it can log in: who runs the test

	sshd, dir string
	l         net.Listener
	mu        sync.Mutex
	log       bytes.Buffer
	running   map[*exec.Cmd]struct{} // nil when closed
	latest    time.Time              // connection
	wait      sync.WaitGroup
}

// Config is what a [Host] is made of.
type Config struct {
	Dir   string   // for its files; must exist
	CA    string   // for TrustedUserCAKeys, authorized_keys form
	Lines []string // further lines of sshd_config
}

// Start starts a host.
func Start(c Config) (*Host, error) {
	sshd, err := Path()
	if err != nil {
		return nil, err
	}
	who, err := user.Current()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // privilege separation wants its empty directory
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	h := &Host{Login: who.Username, sshd: sshd, dir: c.Dir, running: map[*exec.Cmd]struct{}{}}
	if err := h.writeFiles(c); err != nil {
		return nil, err
	}
	if h.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	h.Addr = h.l.Addr().String()
	h.wait.Go(h.accept)
	return h, nil
}

func (h *Host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *Host) writeFiles(c Config) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	h.HostKey = string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
	config := []string{
		"HostKey " + h.path("host_key"),
		"TrustedUserCAKeys " + h.path("ca.pub"),
		"AuthorizedKeysFile none",
		"AuthorizedPrincipalsFile none",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"UsePAM no",
		"PermitRootLogin prohibit-password",
		"StrictModes no",
		"PidFile none",
		"LogLevel VERBOSE",
		"AcceptEnv LANG LC_*",
		// What the machine's user has in a .bashrc is none of a test's
		// business: it may take its time, or wait for a lock.
		"SetEnv HOME=" + c.Dir,
		"PrintMotd no",
		"Subsystem sftp internal-sftp",
	}
	return errors.Join(
		os.WriteFile(h.path("host_key"), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(h.path("ca.pub"), []byte(c.CA+"\n"), 0o600),
		os.WriteFile(h.path("sshd_config"), []byte(strings.Join(append(config, c.Lines...), "\n")+"\n"), 0o600),
	)
}

func (h *Host) accept() {
	for {
		c, err := h.l.Accept()
		if err != nil {
			return // closed
		}
		h.mu.Lock()
		h.latest = time.Now()
		h.mu.Unlock()
		h.wait.Go(func() {
			if err := h.serve(c.(*net.TCPConn)); err != nil {
				h.write([]byte(fmt.Sprintf("sshdtest: %v\n", err)))
			}
		})
	}
}

// serve hands one connection to an sshd of its own.
func (h *Host) serve(c *net.TCPConn) error {
	f, err := c.File()
	if err := errors.Join(err, c.Close()); err != nil {
		return err
	}
	cmd := exec.Command(h.sshd, "-i", "-e", "-f", h.path("sshd_config"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, writer(h.write)
	h.mu.Lock()
	if h.running == nil {
		h.mu.Unlock()
		return f.Close()
	}
	err = cmd.Start()
	if err == nil {
		h.running[cmd] = struct{}{}
	}
	h.mu.Unlock()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	_ = cmd.Wait() // a client that leaves makes it exit with an error
	h.mu.Lock()
	delete(h.running, cmd)
	h.mu.Unlock()
	return nil
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// maxLog bounds the log that is kept.
const maxLog = 1 << 20

func (h *Host) write(p []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log.Len() < maxLog {
		h.log.Write(p)
	}
}

// Log is what the sshds said so far.
func (h *Host) Log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.String()
}

// Connections is the number of connections at present.
func (h *Host) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.running)
}

// Latest is when the latest connection came; zero before the first.
func (h *Host) Latest() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}

// Close ends all connections.
func (h *Host) Close() error {
	err := h.l.Close()
	h.mu.Lock()
	for cmd := range h.running {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	h.running = nil
	h.mu.Unlock()
	h.wait.Wait()
	return err
}
