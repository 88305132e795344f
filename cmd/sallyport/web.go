package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport/sallyport/access"
)

// web is what http.listen serves: health, and Slack in http mode.
func (h *house) web() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n")) // a prober that left misses it
	})
	mux.HandleFunc("GET /readyz", h.readyz)
	if h.slack != nil && h.config.Slack.Mode == "http" {
		mux.Handle("POST /slack/", h.slack.Handler())
	}
	return mux
}

// dependency is how one thing that the bastion leans on is.
type dependency struct {
	State string    `json:"state"` // ok | down
	Cause string    `json:"cause,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Required: without it nobody new gets in. Slack is not: the console
	// decides as well.
	Required bool `json:"required"`
}

// readyz answers 200 when everything that is required is there, else 503.
func (h *house) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	deps := h.dependencies(ctx)
	status, ready := http.StatusOK, true
	for _, d := range deps {
		if d.Required && d.State != "ok" {
			status, ready = http.StatusServiceUnavailable, false
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A prober that left misses the answer.
	_ = json.NewEncoder(w).Encode(struct {
		Ready        bool                  `json:"ready"`
		Dependencies map[string]dependency `json:"dependencies"`
	}{ready, deps})
}

func (h *house) dependencies(ctx context.Context) map[string]dependency {
	deps := map[string]dependency{
		"database":   {State: "ok", Required: true},
		"recordings": {State: "ok", Required: true},
		"signer":     {State: "ok", Required: true},
	}
	if _, err := h.store.LiveSessions(ctx, h.config.BastionID); err != nil {
		deps["database"] = dependency{State: "down", Cause: "does not answer", Required: true}
	}
	if err := h.recorder.Room(); err != nil {
		deps["recordings"] = dependency{State: "down", Cause: access.AsError(err).Why, Required: true}
	}
	if v := h.signer.vault; v != nil {
		health := v.Health()
		d := dependency{State: "ok", Since: health.Since, Required: true}
		if health.Cause != "" {
			d.State, d.Cause = "down", health.Cause
		}
		deps["signer"] = d
	}
	if h.slack != nil {
		health := h.slack.Health()
		d := dependency{State: "ok", Since: health.Since}
		if !health.OK {
			d.State, d.Cause = "down", health.Cause
		}
		deps["slack"] = d
	}
	for _, sender := range h.senders {
		health := sender.Health()
		d := dependency{State: "ok", Since: health.Since}
		if health.State != "" {
			d.State, d.Cause = "down", string(health.State)
		}
		deps[sender.Name] = d
	}
	return deps
}

// metricsPage is what http.metrics serves.
func (h *house) metricsPage() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&metrics{house: h},
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// metrics reads its figures when it is asked, from where they are true.
type metrics struct{ house *house }

var (
	liveSessions = prometheus.NewDesc("sallyport_sessions_live", "Sessions that run at present.", []string{"kind"}, nil)
	pending      = prometheus.NewDesc("sallyport_requests_pending", "Requests that wait for a decision.", nil, nil)
	liveGrants   = prometheus.NewDesc("sallyport_grants_live", "Grants that may open sessions.", []string{"state"}, nil)
	epoch        = prometheus.NewDesc("sallyport_policy_epoch", "Policies put in force since the start.", nil, nil)
	up           = prometheus.NewDesc("sallyport_dependency_up", "1 while the dependency is there.", []string{"dependency"}, nil)
	since        = prometheus.NewDesc("sallyport_dependency_since_seconds", "When the dependency's state began, where that is known (Unix time).", []string{"dependency"}, nil)
	signed       = prometheus.NewDesc("sallyport_vault_signed_total", "Certificates that Vault signed for us.", nil, nil)
	unsigned     = prometheus.NewDesc("sallyport_vault_failed_total", "Orders for certificates that failed, by why.", []string{"state"}, nil)
	buildInfo    = prometheus.NewDesc("sallyport_build_info", "Always 1; the version is a label.", []string{"version", "bastion_id"}, nil)
)

func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	all := []*prometheus.Desc{liveSessions, pending, liveGrants, epoch, up, since, signed, unsigned, unsent, unsentFailed, buildInfo}
	for _, d := range append(all, recordingMetrics...) {
		out <- d
	}
}

func (m *metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(buildInfo, 1, version, m.house.config.BastionID)
	gauge(epoch, float64(m.house.policy.Current().Epoch))
	for name, d := range m.house.dependencies(ctx) {
		gauge(up, map[bool]float64{true: 1}[d.State == "ok"], name)
		if !d.Since.IsZero() {
			gauge(since, float64(d.Since.UnixMilli())/1000, name)
		}
	}
	if v := m.house.signer.vault; v != nil {
		good, bad := v.Orders()
		out <- prometheus.MustNewConstMetric(signed, prometheus.CounterValue, float64(good))
		for state, n := range bad {
			out <- prometheus.MustNewConstMetric(unsigned, prometheus.CounterValue, float64(n), string(state))
		}
	}
	m.collectSenders(ctx, out)
	m.collectRecordings(out)
	sessions, err := m.house.store.LiveSessions(ctx, m.house.config.BastionID)
	if err != nil {
		out <- prometheus.NewInvalidMetric(liveSessions, err)
		return
	}
	kinds := map[access.Kind]int{access.KindShell: 0, access.KindExec: 0, access.KindSFTP: 0, access.KindForward: 0}
	for _, s := range sessions {
		kinds[s.Kind]++
	}
	for kind, n := range kinds {
		gauge(liveSessions, float64(n), string(kind))
	}
	requests, err := m.house.store.Requests(ctx, access.RequestQuery{State: access.RequestPending})
	if err != nil {
		out <- prometheus.NewInvalidMetric(pending, err)
		return
	}
	gauge(pending, float64(len(requests)))
	grants, err := m.house.store.Grants(ctx, access.GrantQuery{Live: true})
	if err != nil {
		out <- prometheus.NewInvalidMetric(liveGrants, err)
		return
	}
	states := map[access.GrantState]int{access.GrantReady: 0, access.GrantActive: 0}
	for _, g := range grants {
		states[g.State]++
	}
	for state, n := range states {
		gauge(liveGrants, float64(n), string(state))
	}
}

// serveHTTP serves until ctx ends; without a listener there is nothing to do.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler) error {
	if l == nil {
		return nil
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(over) // Serve returns in any case
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
