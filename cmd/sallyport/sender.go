package main

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport/sallyport/audit/forward"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// Names of the targets: in the database, in metrics and in /readyz.
const (
	syslogTarget = "audit-syslog"
	httpsTarget  = "audit-https"
)

// openSenders makes whoever sends the audit chain to other systems.
func (h *house) openSenders(context.Context) error {
	add := func(name string, target forward.Target) {
		h.senders = append(h.senders, forward.New(forward.Config{
			Name: name, Target: target, Chain: h.store, Now: time.Now, Log: h.log,
		}))
	}
	if c := h.config.Audit.Syslog; c.Address != "" {
		config := forward.SyslogConfig{Address: c.Address}
		if c.TLS {
			config.TLS = &forward.TLS{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile}
		}
		target, err := forward.NewSyslog(config)
		if err != nil {
			return fmt.Errorf("audit.syslog: %w", err)
		}
		add(syslogTarget, target)
	}
	if c := h.config.Audit.HTTPS; c.URL != "" {
		config := forward.HTTPSConfig{
			URL: c.URL, Header: c.Header, TLS: forward.TLS{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile},
		}
		if c.TokenFile.Given() {
			config.Token = c.TokenFile.Read
		}
		target, err := forward.NewHTTPS(config)
		if err != nil {
			return fmt.Errorf("audit.https: %w", err)
		}
		add(httpsTarget, target)
	}
	return nil
}

var (
	unsent       = prometheus.NewDesc("sallyport_audit_unsent_rows", "Rows of the audit chain that a receiver has not taken yet.", []string{"target"}, nil)
	unsentFailed = prometheus.NewDesc("sallyport_audit_send_failed_total", "Attempts to send rows that failed, by why.", []string{"target", "state"}, nil)
)

// collectSenders tells how far behind each receiver is, and what went wrong.
// How it is now is sallyport_dependency_up.
func (m *metrics) collectSenders(ctx context.Context, out chan<- prometheus.Metric) {
	if len(m.house.senders) == 0 {
		return
	}
	end, err := m.house.store.AuditEnd(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(unsent, err)
		return
	}
	for _, s := range m.house.senders {
		health := s.Health()
		if health.Sent >= 0 {
			// The end was read first: a row may have gone since.
			out <- prometheus.MustNewConstMetric(unsent, prometheus.GaugeValue, float64(max(0, end-health.Sent)), s.Name)
		}
		for state, n := range health.Failed {
			out <- prometheus.MustNewConstMetric(unsentFailed, prometheus.CounterValue, float64(n), s.Name, string(state))
		}
	}
}

func (c *AuditConfig) check(doc *strictyaml.Document) {
	c.Syslog.check(doc)
	c.HTTPS.check(doc)
}

func (c *SyslogConfig) check(doc *strictyaml.Document) {
	const key = "audit.syslog"
	if c.Address == "" {
		if doc.Has(key) {
			doc.Faultf(key+".address", "is required: HOST:PORT of the receiver")
		}
		return
	}
	host, port, err := net.SplitHostPort(c.Address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		doc.Faultf(key+".address", "%s is no HOST:PORT, such as siem.example.com:6514", strictyaml.Quote(c.Address))
		return
	}
	if !c.TLS {
		if !isLoopback(host) {
			doc.Faultf(key+".tls", "is off, and who did what would cross the network in the clear; that is for loopback only")
		}
		for _, file := range []struct{ key, path string }{{".ca_file", c.CAFile}, {".cert_file", c.CertFile}, {".key_file", c.KeyFile}} {
			if file.path != "" {
				doc.Faultf(key+file.key, "has no meaning without TLS")
			}
		}
		return
	}
	checkTLS(doc, key, c.CAFile, c.CertFile, c.KeyFile)
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (c *HTTPSConfig) check(doc *strictyaml.Document) {
	const key = "audit.https"
	if c.URL == "" {
		if doc.Has(key) {
			doc.Faultf(key+".url", "is required")
		}
		return
	}
	checkURL(doc, key+".url", c.URL)
	if c.TokenFile.Given() {
		checkSecret(doc, key+".token_file", c.TokenFile)
	} else if doc.Has(key + ".header") {
		doc.Faultf(key+".header", "carries the token, and there is no token_file")
	}
	if !headerName.MatchString(c.Header) {
		doc.Faultf(key+".header", "%s is no name of a header", strictyaml.Quote(c.Header))
	}
	checkTLS(doc, key, c.CAFile, c.CertFile, c.KeyFile)
}

// checkTLS checks who is trusted and who we say that we are.
func checkTLS(doc *strictyaml.Document, key, caFile, certFile, keyFile string) {
	checkFile(doc, key+".ca_file", caFile)
	checkFile(doc, key+".cert_file", certFile)
	if (certFile == "") != (keyFile == "") {
		doc.Faultf(key, "has one of cert_file and key_file: both, or neither")
	} else if keyFile != "" {
		checkSecretFile(doc, key+".key_file", keyFile)
	}
}
