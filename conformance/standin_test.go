package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// behind listens for the bastion and gives each of its connections to an
// sshd -i of the suite's own configuration, which trusts the bastion's CA
// besides.
func (c *sshdConfig) behind(dir, ca string) (net.Listener, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, err
	}
	caFile, file := filepath.Join(dir, "ca.pub"), filepath.Join(dir, "sshd_config")
	// The first value wins in sshd_config, so ours go to the top: how the
	// bastion logs in is not how the script's people do. The script's
	// sftp-server may be a client of the bastion.
	lines := []string{"TrustedUserCAKeys " + caFile, "AuthorizedPrincipalsFile none",
		"AuthenticationMethods any", "PubkeyAuthentication yes", "PubkeyAcceptedAlgorithms *", "StrictModes no"}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && strings.EqualFold(f[0], "subsystem") && f[1] == "sftp" && os.Getenv(sftpServer) != "" && strings.Contains(f[2], "through") {
			line = "Subsystem sftp " + os.Getenv(sftpServer)
		}
		if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(strings.ToLower(f[0]), "authorizedprincipalscommand") {
			continue // it can only be set, not unset
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

// spawn runs the sshd of one connection. Called as sshd -i, the stand-in has
// no address to tell, and the one behind it gets none either: pipes.
func (c *sshdConfig) spawn(conn *net.TCPConn, file string) {
	defer func() { _ = conn.Close() }()
	cmd := exec.Command(c.sshd, append([]string{"-i", "-f", file}, c.args...)...)
	if !slices.ContainsFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "-E") }) {
		cmd.Stderr = os.Stderr
	}
	if c.inetd {
		cmd.Stdin, cmd.Stdout = struct{ io.Reader }{conn}, struct{ io.Writer }{conn}
		cmd.WaitDelay = time.Second // the connection may stay open when sshd ends
	} else {
		f, err := conn.File()
		_ = conn.Close()
		if err != nil {
			return
		}
		defer func() { _ = f.Close() }()
		cmd.Stdin, cmd.Stdout = f, f
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
		if conn.foreign() {
			return 255
		}
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
	port := l.Addr().(*net.TCPAddr).Port
	veiled, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+veilOffset))
	if err != nil {
		return complain(err)
	}
	go unveil(veiled, l.Addr().String())
	ready := os.NewFile(3, "ready")
	_, err = ready.WriteString("ready\n")
	if err := errors.Join(err, ready.Close()); err != nil {
		return complain(err)
	}
	got := <-signals
	_ = l.Close()
	_ = veiled.Close()
	_ = os.Remove(pidFile)
	d.close(2 * time.Second)
	if got == syscall.SIGHUP {
		return complain(daemonize())
	}
	return 0
}
