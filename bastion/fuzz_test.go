package bastion

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// FuzzRequests gives a session any request in any phase before its start: it
// keeps little, answers nothing twice, and never panics.
func FuzzRequests(f *testing.F) {
	for _, seed := range []struct {
		name    string
		payload any
	}{
		{"pty-req", ptyRequest{Term: "xterm", Cols: 80, Rows: 24, Modes: "\x00"}},
		{"env", envRequest{"LC_ALL", "C"}},
		{"env", envRequest{reasonVariable, "why\x1b[31m"}},
		{"exec", textRequest{"true"}},
		{"subsystem", textRequest{"sftp"}},
		{"window-change", windowChange{1 << 31, 0, 7, 7}},
		{"signal", textRequest{"TERM"}},
	} {
		f.Add(seed.name, gossh.Marshal(seed.payload), uint8(3))
		f.Add(seed.name, []byte{0xff, 0xff, 0xff, 0xff}, uint8(1))
	}
	f.Fuzz(func(t *testing.T, name string, payload []byte, times uint8) {
		s := &session{start: make(chan started, 1)}
		for range times {
			s.handle(&gossh.Request{Type: name, Payload: payload})
		}
		if len(s.setup.env) > maxEnv || len(s.setup.reason) > maxReason || len(s.later) > maxLater || len(s.setup.lent) > len(lendings) {
			t.Errorf("kept %+v", s.setup)
		}
		select {
		case st := <-s.start:
			if gateRequest(name) != startSession || len(st.argument) > maxCommand {
				t.Errorf("%q started %q", name, st.argument)
			}
		default:
		}
		cols, rows := s.setup.window.size()
		if cols < 1 || rows < 1 || cols > maxCells || rows > maxCells {
			t.Errorf("a window of %d by %d", cols, rows)
		}
		if cols, rows = s.setup.window.recorded(); cols < fewestCols || rows < fewestRows || cols > maxCells || rows > maxCells {
			t.Errorf("recorded as %d by %d", cols, rows)
		}
	})
}

// FuzzDirect reads what a channel says of where it goes.
func FuzzDirect(f *testing.F) {
	f.Add(gossh.Marshal(direct{"db1", 22, "127.0.0.1", 65535}))
	f.Add(gossh.Marshal(direct{"::1", 1 << 31, "", 0}))
	f.Add([]byte{0, 0, 0, 9, 'x'})
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, ok := parseDirect(payload)
		if !ok {
			return
		}
		if d.Port > 65535 || bytes.ContainsAny([]byte(d.destination()), "\x00\x1b\n\r") {
			t.Errorf("%+v: %q", d, d.destination())
		}
	})
}

// FuzzForwards reads every payload that says where a forward goes or comes
// from: what is taken for a destination is one line and, of TCP, one that can be
// split again; nothing else passes.
func FuzzForwards(f *testing.F) {
	f.Add("tcpip-forward", gossh.Marshal(tcpipForward{"", 8080}))
	f.Add("cancel-tcpip-forward", gossh.Marshal(tcpipForward{"::1", 1 << 16}))
	f.Add("streamlocal-forward@openssh.com", gossh.Marshal(streamLocalForward{"/run/x"}))
	f.Add("forwarded-tcpip", gossh.Marshal(forwardedTCPIP{"localhost", 22, "10.0.0.1", 5}))
	f.Add("forwarded-streamlocal@openssh.com", gossh.Marshal(struct{ Path, Reserved string }{"/run/x", ""}))
	f.Add("direct-tcpip", gossh.Marshal(direct{"db1", 22, "127.0.0.1", 65535}))
	f.Add("direct-streamlocal@openssh.com", gossh.Marshal(streamLocal{"/run/x", "", 0}))
	f.Add("direct-streamlocal@openssh.com", []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		var to string
		var ok bool
		switch kind {
		case "direct-tcpip", "direct-streamlocal@openssh.com":
			to, ok = localDestination(opening{kind, payload})
		case "forwarded-tcpip", "forwarded-streamlocal@openssh.com":
			to, ok = forwardedDestination(opening{kind, payload})
		default:
			to, ok = remoteDestination(&gossh.Request{Type: kind, Payload: payload})
		}
		if !ok {
			return
		}
		allowed := []string{"127.0.0.1:*", "[::1]:5432", "/run/x"}
		if matches(allowed, to) && to != "/run/x" {
			host, port, err := net.SplitHostPort(to)
			if err != nil || host != "127.0.0.1" && (host != "::1" || port != "5432") {
				t.Errorf("%q passes", to)
			}
		}
	})
}

// opening is a channel that somebody would open.
type opening struct {
	kind    string
	payload []byte
}

func (o opening) ChannelType() string { return o.kind }
func (o opening) ExtraData() []byte   { return o.payload }
func (o opening) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	return nil, nil, io.EOF
}
func (o opening) Reject(gossh.RejectionReason, string) error { return nil }

// FuzzPrefix cuts a stream anywhere: SSH at its beginning is seen, and only
// there.
func FuzzPrefix(f *testing.F) {
	f.Add([]byte("SSH-2.0-x\r\n"), uint8(1))
	f.Add([]byte("SSHSSH-2.0"), uint8(3))
	f.Add([]byte("SS"), uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		var seen prefix
		found := false
		for rest := stream; len(rest) > 0 && !found; {
			n := min(int(cut)+1, len(rest))
			found = seen.isSSH(rest[:n])
			rest = rest[n:]
		}
		if found != bytes.HasPrefix(stream, []byte(sshPrefix)) {
			t.Errorf("%q in pieces of %d: %v", stream, int(cut)+1, found)
		}
	})
}

// FuzzProve asks for proof of host keys: only ours are signed for.
func FuzzProve(f *testing.F) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	key, err := gossh.NewSignerFromKey(private)
	if err != nil {
		f.Fatal(err)
	}
	ours := gossh.Marshal(struct{ Key []byte }{key.PublicKey().Marshal()})
	f.Add(ours)
	f.Add(append(append([]byte{}, ours...), ours...))
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := &connection{outer: true, ssh: session1{}, srv: &Server{Config: Config{HostKeys: []gossh.Signer{key}}}}
		ok, answer := c.prove(payload)
		if ok && !bytes.Equal(payload, bytes.Repeat(ours, len(payload)/len(ours))) {
			t.Errorf("%d bytes are signed for", len(payload))
		}
		if len(answer) > 128<<10 {
			t.Errorf("an answer of %d bytes", len(answer))
		}
	})
}

// session1 is a connection of which only the session's ID is asked.
type session1 struct{ gossh.Conn }

func (session1) SessionID() []byte { return []byte("1") }
