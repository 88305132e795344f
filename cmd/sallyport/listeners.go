package main

import (
	"context"
	"fmt"
	"net"

	"github.com/sallyport/sallyport/console"
)

// listeners are opened before anything starts, so that a busy port is said at
// once and nothing has happened yet.
type listeners struct {
	ssh           net.Listener
	http, metrics net.Listener // nil where not configured
	socket        *console.Server
}

func (h *house) listen(context.Context) (err error) {
	if h.ssh, err = listen("ssh.listen", h.config.SSH.Listen); err != nil {
		return err
	}
	if addr := h.config.HTTP.Listen; addr != "" {
		if h.http, err = listen("http.listen", addr); err != nil {
			return err
		}
	}
	if addr := h.config.HTTP.Metrics; addr != "" {
		if h.metrics, err = listen("http.metrics", addr); err != nil {
			return err
		}
	}
	return nil
}

func listen(key, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen: %w", key, err)
	}
	return l, nil
}

// advertise is where people reach the bastion.
func (h *house) advertise() string {
	if a := h.config.SSH.Advertise; a != "" {
		return a
	}
	return h.ssh.Addr().String()
}

// readyLine is the one line on standard output, by contract.
func (h *house) readyLine() string {
	line := "sallyport: ready ssh=" + h.ssh.Addr().String()
	if h.http != nil {
		line += " http=" + h.http.Addr().String()
	}
	if h.metrics != nil {
		line += " metrics=" + h.metrics.Addr().String()
	}
	return line
}
