package bastion

import (
	"testing"

	"github.com/sallyport/sallyport/access"
)

// The gate is default closed: what is not named here does not pass. Whoever
// opens it has to say so in this test.
func TestGate(t *testing.T) {
	types := []string{
		"", "session", "direct-tcpip", "forwarded-tcpip", "x11", "auth-agent@openssh.com", "auth-agent",
		"direct-streamlocal@openssh.com", "forwarded-streamlocal@openssh.com", "tun@openssh.com", "SESSION", "session\x00",
	}
	for _, kind := range types {
		for _, target := range []bool{false, true} {
			want := refuseChannel
			switch {
			case kind == "session":
				want = passSession
			case kind == "direct-tcpip" && !target:
				want = passJump
			case target && (kind == "direct-tcpip" || kind == "direct-streamlocal@openssh.com"):
				want = passForward // if the rule names the destination: forward_test.go
			}
			if got := gateChannel(kind, target); got != want {
				t.Errorf("channel %q, target %v: %v", kind, target, got)
			}
		}
	}
	for kind, want := range map[string]hostPass{
		"forwarded-tcpip": passForwarded, "forwarded-streamlocal@openssh.com": passForwarded,
		"auth-agent@openssh.com": passLent, "x11": passLent,
		"session": refuseHostChannel, "direct-tcpip": refuseHostChannel, "": refuseHostChannel, "auth-agent": refuseHostChannel,
	} {
		if got := gateHostChannel(kind); got != want {
			t.Errorf("host channel %q: %v", kind, got)
		}
	}
	globals := map[string]globalPass{
		"keepalive@openssh.com": answerYes, "no-more-sessions@openssh.com": noMoreSessions,
		"tcpip-forward": beginListening, "streamlocal-forward@openssh.com": beginListening,
		"cancel-tcpip-forward": endListening, "cancel-streamlocal-forward@openssh.com": endListening,
		"hostkeys-prove-00@openssh.com": proveHostKeys, "hostkeys-00@openssh.com": answerNo, "": answerNo, "x": answerNo,
	}
	for name, want := range globals {
		if got := gateGlobal(name); got != want {
			t.Errorf("global %q: %v", name, got)
		}
	}
	requests := map[string]requestPass{
		"env": setUp, "pty-req": setUp, "shell": startSession, "exec": startSession, "subsystem": startSession,
		"window-change": resizeTerminal, "signal": passOn, "break": passOn,
		"auth-agent-req@openssh.com": lendToHost, "x11-req": lendToHost,
		"": denyRequest, "exit-status": denyRequest, "exit-signal": denyRequest, "winadj@putty.projects.tartarus.org": denyRequest,
		"eow@openssh.com": denyRequest, "xon-xoff": denyRequest, "shell ": denyRequest,
	}
	for name, want := range requests {
		if got := gateRequest(name); got != want {
			t.Errorf("request %q: %v", name, got)
		}
	}
	starts := []struct {
		request, argument string
		kind              access.Kind
	}{
		{"shell", "", access.KindShell}, {"exec", "scp -t /x; bash", access.KindExec}, {"subsystem", "sftp", access.KindSFTP},
		{"subsystem", "netconf", ""}, {"subsystem", "SFTP", ""}, {"subsystem", "sftp ", ""}, {"subsystem", "", ""}, {"env", "sftp", ""},
	}
	for _, s := range starts {
		if kind, ok := gateStart(s.request, s.argument); kind != s.kind || ok != (s.kind != "") {
			t.Errorf("start %q %q: %q, %v", s.request, s.argument, kind, ok)
		}
	}
}

// Only what OpenSSH's -J and -W declare is the client's own doing: a -L
// listener declares who connected to it.
func TestByClient(t *testing.T) {
	for d, want := range map[direct]bool{
		{OriginatorHost: "127.0.0.1", OriginatorPort: 65535}: true,
		{OriginatorHost: "127.0.0.1", OriginatorPort: 45678}: false,
		{OriginatorHost: "::1", OriginatorPort: 65535}:       false,
		{OriginatorHost: "localhost", OriginatorPort: 65535}: false,
		{}: false,
	} {
		if d.byClient() != want {
			t.Errorf("%+v: %v", d, !want)
		}
	}
}

// mosh is told that it cannot work; what only speaks of it runs.
func TestStartsMosh(t *testing.T) {
	for command, want := range map[string]bool{
		"mosh-server 'new' '-c' '256' '-s'": true, "mosh-server new": true, "/usr/local/bin/mosh-server 'new'": true,
		`sh -c '[ -n "$SSH_CONNECTION" ] && printf x' ; mosh-server 'new' '-c' '8'`: true,
		"": false, "mosh-server": false, "which mosh-server": false, "apt install mosh-server newer": false, "man mosh-server new": false, "mosh-server newest": false,
	} {
		if startsMosh(command) != want {
			t.Errorf("%q: %v", command, !want)
		}
	}
}

// SSH is seen however its first bytes are cut, and nothing else is.
func TestPrefix(t *testing.T) {
	for text, want := range map[string]bool{
		"SSH-2.0-x\r\n": true, "SSH-": true, "SSH": false, "ssh-2.0": false, "SSSH-": false, "GET /": false, "": false, "SSH_": false, "\nSSH-": false,
	} {
		for size := 1; size <= 5; size++ {
			var p prefix
			got := false
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				got = p.isSSH([]byte(rest[:n])) || got
				rest = rest[n:]
			}
			if got != want {
				t.Errorf("%q by %d: %v", text, size, got)
			}
		}
	}
}
