package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/internal/sshdtest"
)

// The environment of the test binary when it stands in for sshd.
const (
	asSSHD   = "SALLYPORT_AS_SSHD"   // a folder: stand in, and keep files there
	asDaemon = "SALLYPORT_AS_DAEMON" // the second half of a daemon's start
)

// sshdConfig is what a call of sshd asks for, as the real one understands it.
type sshdConfig struct {
	sshd  string
	args  []string // for another sshd -i with the same configuration
	file  string   // of -f
	inetd bool
	test  bool // -t, -T and the like: no connection
	login string
	terms map[string][]string // of sshd -T, keys in lower case
}

// readArgs splits the arguments of sshd (sshd.c, main).
func readArgs(args []string) (sshdConfig, error) {
	c := sshdConfig{}
	var err error
	if c.sshd, err = sshdtest.Path(); err != nil {
		return c, err
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-i":
			c.inetd = true
		case a == "-D":
		case slices.Contains([]string{"-t", "-T", "-V"}, a):
			c.test = true
		case len(a) == 2 && strings.Contains("bCcEfghkopu", a[1:]) && i+1 < len(args):
			i++
			if a == "-f" {
				c.file = args[i]
			} else {
				c.args = append(c.args, a, args[i])
			}
		case len(a) > 2 && a[:2] == "-f":
			c.file = a[2:]
		default:
			c.args = append(c.args, a)
		}
	}
	return c, nil
}

// load asks the real sshd what its configuration means.
func (c *sshdConfig) load() error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	c.login = who.Username
	args := append([]string{"-T", "-f", c.file}, c.options()...)
	out, err := exec.Command(c.sshd, args...).Output()
	if err != nil {
		return fmt.Errorf("sshd -T: %w", err)
	}
	c.terms = map[string][]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.terms[key] = append(c.terms[key], value)
	}
	return nil
}

// options are the arguments without the log, which belongs to the host's sshd.
func (c *sshdConfig) options() []string {
	var o []string
	for i := 0; i < len(c.args); i++ {
		if strings.HasPrefix(c.args[i], "-E") {
			if c.args[i] == "-E" {
				i++
			}
			continue
		}
		o = append(o, c.args[i])
	}
	return o
}

// hostKeys are the sshd's, but for those that x/crypto cannot use.
func (c *sshdConfig) hostKeys() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	for _, name := range c.terms["hostkey"] {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := ssh.ParsePrivateKey(text)
		if err != nil || s.PublicKey().Type() == "ssh-dss" {
			continue // security keys and DSA
		}
		signers = append(signers, s)
	}
	if len(signers) == 0 {
		return nil, errors.New("no host key that x/crypto can use")
	}
	return signers, nil
}

// authorized are the keys of the login's authorized_keys, without options.
func (c *sshdConfig) authorized() []string {
	var keys []string
	seen := map[string]bool{}
	for _, files := range c.terms["authorizedkeysfile"] {
		for _, name := range strings.Fields(files) {
			text, err := os.ReadFile(strings.ReplaceAll(name, "%u", c.login))
			if err != nil {
				continue
			}
			for len(text) > 0 {
				key, _, _, rest, err := ssh.ParseAuthorizedKey(text)
				if err != nil {
					break
				}
				text = rest
				line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
				if key.Type() != "ssh-dss" && !seen[line] {
					seen[line] = true
					keys = append(keys, line)
				}
			}
		}
	}
	return keys
}

// behind listens for the bastion and gives each of its connections to an
// sshd -i of the suite's own configuration, which trusts the bastion's CA
// besides.
func (c *sshdConfig) behind(dir, ca string) (net.Listener, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, err
	}
	caFile, file := filepath.Join(dir, "ca.pub"), filepath.Join(dir, "sshd_config")
	// The first value wins in sshd_config, so ours go to the top. The suite's
	// sftp-server may be a client of the bastion.
	lines := []string{"TrustedUserCAKeys " + caFile, "AuthorizedPrincipalsFile none", "StrictModes no"}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && strings.EqualFold(f[0], "subsystem") && f[1] == "sftp" && os.Getenv("SALLYPORT_SFTP_SERVER") != "" {
			line = "Subsystem sftp " + os.Getenv("SALLYPORT_SFTP_SERVER")
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	if err := errors.Join(os.WriteFile(caFile, []byte(ca+"\n"), 0o600), os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go c.spawn(conn.(*net.TCPConn), file)
		}
	}()
	return l, nil
}

func (c *sshdConfig) spawn(conn *net.TCPConn, file string) {
	f, err := conn.File()
	_ = conn.Close()
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	cmd := exec.Command(c.sshd, append([]string{"-i", "-f", file}, c.args...)...)
	cmd.Stdin, cmd.Stdout = f, f
	if !slices.ContainsFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "-E") }) {
		cmd.Stderr = os.Stderr
	}
	_ = cmd.Run() // a client that leaves makes it exit with an error
}

// standIn is main when the test binary is called as sshd.
func standIn(root string) int {
	c, err := readArgs(os.Args[1:])
	if err != nil {
		return complain(err)
	}
	if c.test {
		return complain(syscall.Exec(c.sshd, append([]string{c.sshd}, os.Args[1:]...), os.Environ()))
	}
	if err := c.load(); err != nil {
		return complain(err)
	}
	if !c.inetd && os.Getenv(asDaemon) == "" {
		return complain(daemonize())
	}
	dir, err := os.MkdirTemp(root, "door")
	if err != nil {
		return complain(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	log, err := os.OpenFile(filepath.Join(root, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return complain(err)
	}
	d, err := openDoor(c, dir, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		return complain(err)
	}
	if c.inetd {
		// ssh ends its proxy command by SIGHUP; what runs is to end in order.
		signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
		conn := newStdio()
		d.feed.conns <- conn
		<-conn.closed
		d.close(5 * time.Second)
		return 0
	}
	return d.daemon()
}

func complain(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		return 255
	}
	return 0
}

// daemonize starts the daemon and waits until it listens.
func daemonize() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, os.Args[1:]...)
	cmd.Env = append(os.Environ(), asDaemon+"=1")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("the daemon did not start: %q", line)
	}
	return cmd.Process.Release()
}

// daemon is sshd without -i: it listens, has a pid file, starts itself again
// on SIGHUP.
func (d *door) daemon() int {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", d.conf.terms["port"][0]))
	if err != nil {
		return complain(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	pidFile := d.conf.terms["pidfile"][0]
	if err := os.WriteFile(pidFile, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		return complain(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.feed.conns <- c
		}
	}()
	ready := os.NewFile(3, "ready")
	_, err = ready.WriteString("ready\n")
	if err := errors.Join(err, ready.Close()); err != nil {
		return complain(err)
	}
	got := <-signals
	_ = l.Close()
	_ = os.Remove(pidFile)
	d.close(2 * time.Second)
	if got == syscall.SIGHUP {
		return complain(daemonize())
	}
	return 0
}
