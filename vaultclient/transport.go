package vaultclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/hashicorp/vault/api"
)

const (
	// maxAnswer bounds what is read of an answer. The library has no bound.
	maxAnswer = 1 << 20
	// retryWait is before the one retry: long enough for a connection that
	// an idle proxy had closed, short enough for who waits.
	retryWait = 250 * time.Millisecond

	userAgent = "sallyport" // in Vault's audit log in clear by default
)

// newTransport connects to Vault alone: with the CAs of the configuration, and
// with bounded answers.
func newTransport(cfg Config) (http.RoundTripper, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca.vault.ca_file: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca.vault.ca_file: no certificate in %s", cfg.CAFile)
		}
	}
	if cfg.Auth.Method == MethodCert {
		certFile, keyFile := cfg.Auth.CertFile, cfg.Auth.KeyFile
		// At each handshake, so that the files may be rotated.
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(certFile, keyFile)
			return &pair, err
		}
	}
	return bounded{&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSClientConfig:     settings,
		TLSHandshakeTimeout: 3 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     time.Minute,
	}}, nil
}

// bounded ends answers after maxAnswer bytes with an error.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// newAPI makes a client without a token. The library fills token, namespace
// and headers in from the environment of the process; who may set that must
// not thereby decide to which Vault or with what rights the bastion talks.
func newAPI(cfg Config, transport http.RoundTripper) (*api.Client, error) {
	c, err := api.NewClient(&api.Config{
		Address: cfg.Address,
		HttpClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Timeout:      cfg.Deadline,
		MaxRetries:   1,
		MinRetryWait: retryWait,
		MaxRetryWait: retryWait,
		CheckRetry:   mayRetry,
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the Vault client: %w", err)
	}
	c.ClearToken()
	c.SetHeaders(http.Header{
		api.RequestHeaderName: {"true"}, // against forged requests through an agent
		"User-Agent":          {userAgent},
	})
	if cfg.Namespace != "" {
		c.SetNamespace(cfg.Namespace)
	}
	return c, nil
}

// mayRetry allows the retry after what may pass in a moment. A retry may mint
// twice: both certificates carry the same key, key ID and short life.
func mayRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		// The library knows which errors of a connection are for good.
		return api.DefaultRetryPolicy(ctx, resp, err)
	}
	switch resp.StatusCode {
	case http.StatusPreconditionFailed, // a standby that has not caught up
		http.StatusInternalServerError, // no active node, for the moment of an election
		http.StatusBadGateway, http.StatusGatewayTimeout:
		return true, nil
	}
	// Not 503: sealed Vaults stay so. Not 429: it asks for less, not more.
	return false, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
