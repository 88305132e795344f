package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// HTTPSConfig is a hook that takes lines of JSON.
type HTTPSConfig struct {
	URL    string
	Token  func() (string, error) // read for each batch, so that a rotated one is seen; nil: none
	Header string                 // that carries it; default Authorization
	TLS    TLS
}

// HTTPS posts batches as application/x-ndjson, one line of the audit file
// each. A batch is taken when the answer's status is 2xx; redirects are
// not followed, as they would carry the token elsewhere.
type HTTPS struct {
	config HTTPSConfig
	client *http.Client
}

// NewHTTPS makes the target. It fails when the CA file cannot be used.
func NewHTTPS(c HTTPSConfig) (*HTTPS, error) {
	if c.Header == "" {
		c.Header = "Authorization"
	}
	secure, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	return &HTTPS{c, &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute, MaxIdleConns: 1,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send posts the rows.
func (h *HTTPS) Send(ctx context.Context, rows []audit.Row) error {
	var body []byte
	for _, r := range rows {
		body = audit.AppendLine(body, r)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, h.config.URL, bytes.NewReader(body))
	if err != nil {
		return &Error{State: Unset, Err: errors.New("the URL is none")}
	}
	q.Header.Set("Content-Type", "application/x-ndjson")
	q.Header.Set("User-Agent", "sallyport")
	if h.config.Token != nil {
		token, err := h.config.Token()
		if err != nil {
			return &Error{State: Unset, Err: err}
		}
		q.Header.Set(h.config.Header, h.credential(token))
	}
	answer, err := h.client.Do(q)
	if err != nil {
		return h.lost(err)
	}
	defer answer.Body.Close()                                       //nolint:errcheck // the status says all
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return &Error{State: Refused, After: retryAfter(answer.Header), Err: fmt.Errorf("%s answers %s", q.URL.Host, answer.Status)}
	}
	return nil
}

// credential is the header's value: a bearer token (RFC 6750), unless the
// secret names its scheme itself, or the header is another.
func (h *HTTPS) credential(token string) string {
	if strings.EqualFold(h.config.Header, "Authorization") && !strings.Contains(token, " ") {
		return "Bearer " + token
	}
	return token
}

// lost sorts errors of the transport. The URL stays out of them: hooks like to
// have secrets in theirs.
func (h *HTTPS) lost(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &certificate), errors.As(err, &unknown), errors.As(err, &name):
		return &Error{State: Untrusted, Err: err}
	case isDial(err):
		return &Error{State: Unreachable, Err: err}
	}
	return &Error{State: Unconfirmed, Err: err}
}

// retryAfter is how long the receiver asks to be left alone, in seconds (RFC
// 9110, section 10.2.3); a date is not understood.
func retryAfter(header http.Header) time.Duration {
	n, err := strconv.ParseUint(header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
