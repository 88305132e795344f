package bastion

import (
	"regexp"

	"github.com/sallyport/sallyport/access"
)

// The gate is these functions: every channel and every request type passes
// exactly one of them, and what they do not name is refused (invariant 2).

// channelPass is what becomes of a channel that a client opens.
type channelPass int

const (
	refuseChannel channelPass = iota
	passSession
	passJump
	passForward
)

// gateChannel decides by the channel's type and by whether the connection has
// a target. A direct-tcpip without one is a jump, and ends in our own SSH
// server; with one it is a forward, whose destination a rule has to name.
func gateChannel(channelType string, hasTarget bool) channelPass {
	switch {
	case channelType == "session":
		return passSession
	case channelType == "direct-tcpip" && !hasTarget:
		return passJump
	case hasTarget && (channelType == "direct-tcpip" || channelType == "direct-streamlocal@openssh.com"):
		return passForward
	default:
		return refuseChannel
	}
}

// hostPass is what becomes of a channel that a host opens.
type hostPass int

const (
	refuseHostChannel hostPass = iota
	passForwarded              // to where the client had it listen
	passLent                   // an agent or a display that a session lends
)

func gateHostChannel(channelType string) hostPass {
	switch channelType {
	case "forwarded-tcpip", "forwarded-streamlocal@openssh.com":
		return passForwarded
	case "auth-agent@openssh.com", "x11":
		return passLent
	default:
		return refuseHostChannel
	}
}

// globalPass is what becomes of a global request.
type globalPass int

const (
	answerNo globalPass = iota
	answerYes
	noMoreSessions
	beginListening // where the rule allows it
	endListening
	proveHostKeys
)

func gateGlobal(requestType string) globalPass {
	switch requestType {
	case "keepalive@openssh.com":
		return answerYes
	case "no-more-sessions@openssh.com":
		return noMoreSessions
	case "tcpip-forward", "streamlocal-forward@openssh.com":
		return beginListening
	case "cancel-tcpip-forward", "cancel-streamlocal-forward@openssh.com":
		return endListening
	case hostKeysProve:
		return proveHostKeys
	default:
		return answerNo
	}
}

// requestPass is what becomes of a request on a session channel.
type requestPass int

const (
	denyRequest    requestPass = iota
	setUp                      // answered by us, replayed to the host: before the start only
	startSession               // answered by the host
	resizeTerminal             // at any time
	passOn                     // to the running program, whose answer counts
	lendToHost                 // an agent or a display: replayed if the rule allows it
)

func gateRequest(requestType string) requestPass {
	switch requestType {
	case "env", "pty-req":
		return setUp
	case "shell", "exec", "subsystem":
		return startSession
	case "window-change":
		return resizeTerminal
	case "signal", "break": // RFC 4335
		return passOn
	case "auth-agent-req@openssh.com", "x11-req":
		return lendToHost
	default:
		return denyRequest
	}
}

// gateStart says what kind of session a start request opens; the rule decides
// whether it may. sftp is the only subsystem there is.
func gateStart(requestType, argument string) (access.Kind, bool) {
	switch {
	case requestType == "shell":
		return access.KindShell, true
	case requestType == "exec":
		return access.KindExec, true
	case requestType == "subsystem" && argument == "sftp":
		return access.KindSFTP, true
	default:
		return "", false
	}
}

// moshServer is what mosh has ssh start, in both of its ways to find the host's
// address (mosh 1.4, --experimental-remote-ip).
var moshServer = regexp.MustCompile(`(^|; )(\S*/)?mosh-server '?new\b`)

// startsMosh recognizes mosh, which goes on by UDP, past the bastion and its
// record: it would wait for answers that never come. To say so is a courtesy
// and no barrier; whoever may run programs on a host may run any.
func startsMosh(command string) bool { return moshServer.MatchString(command) }
