package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

// serve runs the socket of w until the test ends, or stop is called.
func serve(t *testing.T, c *console.Console) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sallyport.sock")
	s, err := c.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

func remote(t *testing.T, path string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	exit, err := console.Remote(t.Context(), path, console.Call{Args: args, Stdout: &out, Stderr: &errOut})
	if err != nil {
		t.Fatal(err)
	}
	return result{out.String(), errOut.String(), exit}
}

func TestSocket(t *testing.T) {
	w := newWorld(t)
	path, stop := serve(t, w.Console)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	// Who is there is what the kernel says, not what the caller says.
	if got := remote(t, path, "whoami"); got.exit != 0 || !strings.HasPrefix(got.out, "local:"+uid()+"\n") {
		t.Errorf("whoami: %+v", got)
	}
	if got := remote(t, path, "deny", pendingID, "--reason", "a  b"); got.exit != 0 || w.asked[0] != "deny  "+pendingID+` "a  b"` {
		t.Errorf("deny: %+v, %q", got, w.asked)
	}
	if got := remote(t, path, "request", "root@db1"); got.exit != 1 || !strings.HasPrefix(got.err, "sallyport: refused: request is for ") {
		t.Errorf("request: %+v", got)
	}
	if got := remote(t, path, "frob"); got.exit != 2 || !strings.Contains(got.err, "usage: sallyport --help") {
		t.Errorf("frob: %+v", got)
	}
	stop()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := console.Remote(t.Context(), path, console.Call{}); err == nil || !strings.Contains(err.Error(), "no server runs") {
		t.Errorf("without a server: %v", err)
	}
}

func uid() string { return strconv.Itoa(os.Geteuid()) }

// What is longer than a frame arrives whole.
func TestSocketLongOutput(t *testing.T) {
	w := newWorld(t)
	for len(w.sessions) < 3000 {
		w.sessions = append(w.sessions, w.sessions[0])
	}
	path, _ := serve(t, w.Console)
	want := w.as(t, "local", "sessions --json")
	if got := remote(t, path, "sessions", "--json"); got != want || len(got.out) < 1<<20 {
		t.Errorf("%d bytes, want %d", len(got.out), len(want.out))
	}
}

// slowDesk holds a denial until its caller goes away.
type slowDesk struct {
	*world
	began, ended chan struct{}
}

func (d slowDesk) Decide(ctx context.Context, _ access.Actor, _ access.Word) (access.Request, error) {
	close(d.began)
	<-ctx.Done()
	close(d.ended)
	return access.Request{}, ctx.Err()
}

func slow(t *testing.T) (slowDesk, string, func()) {
	w := newWorld(t)
	d := slowDesk{w, make(chan struct{}), make(chan struct{})}
	config := w.Config
	config.Desk = d
	path, stop := serve(t, console.New(config))
	return d, path, stop
}

func TestSocketCancel(t *testing.T) {
	d, path, _ := slow(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-d.began; cancel() }()
	exit, err := console.Remote(ctx, path, console.Call{Args: []string{"deny", pendingID}, Stdout: io.Discard, Stderr: io.Discard})
	if exit != 1 || err != nil {
		t.Errorf("exit %d, %v", exit, err)
	}
	<-d.ended
}

// callFrame is a whole deny, as a client sends it.
var callFrame = frameOf(1, `{"args":["deny","`+pendingID+`"]}`)

func frameOf(kind byte, payload string) []byte {
	n := len(payload)
	return append([]byte{1, kind, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
}

func TestSocketClientGoesAway(t *testing.T) {
	d, path, _ := slow(t)
	conn := dial(t, path)
	if _, err := conn.Write(callFrame); err != nil {
		t.Fatal(err)
	}
	<-d.began
	conn.Close()
	<-d.ended
}

func TestSocketServerStops(t *testing.T) {
	d, path, stop := slow(t)
	conn := dial(t, path) // one that reads nothing
	if _, err := conn.Write(callFrame); err != nil {
		t.Fatal(err)
	}
	mute := dial(t, path) // one that says nothing
	defer mute.Close()
	<-d.began
	stop()
	<-d.ended
}

func dial(t testing.TB, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSocketSurvivesGarbage(t *testing.T) {
	w := newWorld(t)
	path, _ := serve(t, w.Console)
	for _, garbage := range []string{"", "\x00", "\x02", "GET / HTTP/1.1\r\n\r\n", "\x01\x01\xff\xff\xff\xff", "\x01\x01\x00\x00\x00\x02{]", "\x01\x02\x00\x00\x00\x00",
		"\x01\x03\x00\x00\x00\x01x", "\x01\xff\x00\x00\x00\x00", "\x01\x01\x00\x00\x00\x04nul", string(frameOf(1, `{"args":"x"}`)), string(frameOf(1, "null"))} {
		conn := dial(t, path).(*net.UnixConn)
		conn.Write([]byte(garbage))
		conn.CloseWrite()
		if answer, err := io.ReadAll(conn); err == nil && len(answer) > 0 && answer[0] != 1 {
			t.Errorf("%q: answer %q", garbage, answer)
		}
	}
	if len(w.asked) > 0 {
		t.Errorf("garbage reached the desk: %v", w.asked)
	}
	if got := remote(t, path, "whoami"); got.exit != 0 {
		t.Errorf("afterwards: %+v", got)
	}
}

// A server of another version is told from one that is broken.
func TestSocketOtherVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			conn.Write([]byte{9})
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	if _, err := console.Remote(t.Context(), path, console.Call{Args: []string{"whoami"}}); err == nil || !strings.Contains(err.Error(), "speaks version 9") {
		t.Errorf("%v", err)
	}
}

func TestListen(t *testing.T) {
	w := newWorld(t)
	path, stop := serve(t, w.Console)
	if _, err := w.Listen(path); err == nil || !strings.Contains(err.Error(), "another server answers") {
		t.Errorf("beside a living server: %v", err)
	}
	if got := remote(t, path, "whoami"); got.exit != 0 {
		t.Errorf("the living one: %+v", got)
	}
	stop()

	// What a killed server leaves.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	s, err := w.Listen(path)
	if err != nil {
		t.Fatalf("on a stale socket: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(over); err != nil {
		t.Error(err)
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Listen(path); err == nil {
		t.Error("listens in place of a file")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "precious" {
		t.Errorf("the file: %q, %v", data, err)
	}
	if _, err := w.Listen("/tmp/" + strings.Repeat("x", 120)); err == nil || !strings.Contains(err.Error(), "shorter data_dir") {
		t.Errorf("long path: %v", err)
	}
}

// A peer that takes nothing does not keep others waiting, nor the server from
// stopping.
func TestSocketPeerThatDoesNotRead(t *testing.T) {
	w := newWorld(t)
	for len(w.sessions) < 3000 {
		w.sessions = append(w.sessions, w.sessions[0])
	}
	path, stop := serve(t, w.Console)
	conn := dial(t, path)
	if _, err := conn.Write(frameOf(1, `{"args":["sessions","--json"]}`)); err != nil {
		t.Fatal(err)
	}
	if got := remote(t, path, "whoami"); got.exit != 0 {
		t.Errorf("%+v", got)
	}
	done := make(chan struct{})
	go func() { stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the server does not stop")
	}
}
