package access

import "fmt"

// Kind is what a session is: one recording each.
type Kind string

const (
	KindShell   Kind = "shell"
	KindExec    Kind = "exec"
	KindSFTP    Kind = "sftp"
	KindForward Kind = "forward"
)

// Capability is one entry of a rule's allow list: what the gate lets through.
type Capability string

const (
	MayShell         Capability = "shell"
	MayExec          Capability = "exec"
	MaySFTP          Capability = "sftp"
	MayLocalForward  Capability = "local-forward"
	MayRemoteForward Capability = "remote-forward"
	MayAgentForward  Capability = "agent-forward"
	MayX11           Capability = "x11"
)

// capabilities lists all of them in the order of the documentation.
var capabilities = []Capability{MayShell, MayExec, MaySFTP, MayLocalForward, MayRemoteForward, MayAgentForward, MayX11}

// ParseCapability reads one strictly.
func ParseCapability(s string) (Capability, error) {
	for _, c := range capabilities {
		if string(c) == s {
			return c, nil
		}
	}
	return "", fmt.Errorf("%q is none of %v", Plain(s, 40), capabilities)
}

// Needs is the capability that a session of kind k needs. Forwards have three
// of their own and are asked for by those.
func (k Kind) Needs() Capability {
	switch k {
	case KindShell:
		return MayShell
	case KindExec:
		return MayExec
	case KindSFTP:
		return MaySFTP
	default:
		return ""
	}
}
