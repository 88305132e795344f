package bastion

import (
	"bytes"
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
