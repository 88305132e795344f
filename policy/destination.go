package policy

import (
	"errors"
	"fmt"
	"net"
	"path"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// maxSocketPath is the longest path of a unix socket on Linux (unix(7)).
const maxSocketPath = 107

// parseDestination reads what a forward may reach, or listen on: HOST:PORT
// with a port of "*" for any, or the absolute path of a unix socket. It is
// literal, since the gate compares it with what the client asks for; an SSH
// port would be refused there, so it is refused here.
func (p *Policy) parseDestination(s string, c access.Capability) (string, error) {
	if strings.HasPrefix(s, "/") {
		if path.Clean(s) != s || len(s) > maxSocketPath || s == "/" {
			return "", fmt.Errorf("%s is no plain path of a unix socket", strictyaml.Quote(s))
		}
		return s, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%s is neither HOST:PORT nor the path of a unix socket", strictyaml.Quote(s))
	}
	if strings.ContainsAny(host, "*?") {
		return "", errors.New("destinations are literal: any host cannot be given")
	}
	if host, err = canonicalHost(host); err != nil {
		return "", err
	}
	if port == "*" {
		return net.JoinHostPort(host, port), nil
	}
	n, err := parsePort(port)
	if err != nil {
		return "", err
	}
	if c == access.MayLocalForward && p.IsSSHPort(n) {
		return "", fmt.Errorf("%d is an SSH port; forwards to SSH are always refused, since they would not be recorded", n)
	}
	return net.JoinHostPort(host, port), nil
}
