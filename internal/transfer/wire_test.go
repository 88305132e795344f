package transfer_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/internal/transfer"
)

var update = flag.Bool("update", false, "capture the traffic in testdata anew, and what is made of it")

// wire is what passed between a client and a server, in order.
type wire []passed

type passed struct {
	way  byte // '>' to the host, '<' from it, 'c' the command
	data []byte
}

func (w wire) command() (access.Kind, string) {
	if cmd := string(w[0].data); cmd != "sftp" {
		return access.KindExec, cmd
	}
	return access.KindSFTP, "sftp"
}

// TestMain lets the test's own program stand in for ssh: OpenSSH's clients
// start it, it starts the server, and writes down what passes.
func TestMain(m *testing.M) {
	if path := os.Getenv("TRANSFER_WIRE"); path != "" {
		if err := tap(path, os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// tap runs the server's side of command and writes what passes to a file.
func tap(path, command string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	note := func(way byte, p []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := f.Write(append(binary.BigEndian.AppendUint32([]byte{way}, uint32(len(p))), p...))
		return err
	}
	program := command
	if command == "sftp" {
		program = "exec /usr/lib/openssh/sftp-server"
	}
	server := exec.Command("/bin/sh", "-c", program)
	server.Stderr = os.Stderr
	in, err1 := server.StdinPipe()
	out, err2 := server.StdoutPipe()
	if err := errors.Join(err1, err2, note('c', []byte(command)), server.Start()); err != nil {
		return err
	}
	carry := func(way byte, dst io.Writer, src io.Reader) {
		b := make([]byte, 64<<10)
		for {
			n, err := src.Read(b)
			if n > 0 {
				if note(way, b[:n]) != nil {
					return
				}
				if _, err := dst.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		carry('>', in, os.Stdin)
		in.Close()
	}()
	carry('<', os.Stdout, out)
	_ = server.Wait() // a failing transfer is what some tests want
	return f.Close()
}

// client runs a client of OpenSSH against the server on this machine, and
// gives what passed.
func client(t testing.TB, stdin, name string, args ...string) wire {
	t.Helper()
	tooltest.Need(t, name)
	self, err := os.Executable()
	check(t, err)
	path := filepath.Join(t.TempDir(), "wire")
	cmd := exec.Command(name, append([]string{"-S", self}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "TRANSFER_WIRE="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("%s %v: %v\n%s", name, args, err, out)
	}
	return readWire(t, path)
}

func readWire(t testing.TB, path string) (w wire) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	in := bufio.NewReader(f)
	for {
		var head [5]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return w
		} else {
			check(t, err)
		}
		p := passed{head[0], make([]byte, binary.BigEndian.Uint32(head[1:]))}
		_, err := io.ReadFull(in, p.data)
		check(t, err)
		w = append(w, p)
	}
}

// entries is what is made of w when it passes in chunks of at most n bytes.
func (w wire) entries(n int) (list []access.Transfer) {
	kind, command := w.command()
	watch := transfer.New(kind, command, false, func(e access.Transfer) { list = append(list, e) })
	for _, p := range w[1:] {
		for b := p.data; len(b) > 0; {
			chunk := b[:min(n, len(b))]
			b = b[len(chunk):]
			if p.way == '>' {
				watch.ToHost(chunk)
			} else {
				watch.FromHost(chunk)
			}
		}
	}
	watch.End()
	return list
}

func lines(list []access.Transfer) string {
	var b strings.Builder
	for _, e := range list {
		b.WriteString(e.String())
		if e.Mode != "" {
			b.WriteString(" mode=" + e.Mode)
		}
		if e.SHA256 != "" {
			b.WriteString(" sha256=" + e.SHA256)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
