package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const maxResponse = 1 << 20

// targets are the app's request URLs in HTTP mode; empty means Socket Mode.
type targets struct {
	mu                     sync.Mutex
	interactions, commands string
}

func (t *targets) url(kind Kind) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == SlashCommands {
		return t.commands
	}
	return t.interactions
}

// DeliverTo switches to HTTP mode: signed POSTs to these URLs, which must be on loopback. Empty
// URLs switch back to Socket Mode.
func (s *Server) DeliverTo(interactions, commands string) error {
	for _, raw := range []string{interactions, commands} {
		if u, err := url.Parse(raw); err != nil || raw != "" && !isLoopback(u.Hostname()) {
			return fmt.Errorf("slacktest: request URL %q is not on loopback", raw)
		}
	}
	s.targets.mu.Lock()
	defer s.targets.mu.Unlock()
	s.targets.interactions, s.targets.commands = interactions, commands
	return nil
}

func deliveryClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Signature is Slack's v0 signature of a request body: HMAC-SHA256 over v0:timestamp:body
// (docs.slack.dev/authentication/verifying-requests-from-slack).
func Signature(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%d:", at.Unix())
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// NewDelivery signs a payload for HTTP mode without sending it. A test sends it with another secret
// (forged), an old moment (stale), a changed body (tampered), or twice (replayed).
func (s *Server) NewDelivery(kind Kind, payload map[string]any, secret string, at time.Time) (Delivery, error) {
	body, err := formBody(kind, payload)
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{URL: s.targets.url(kind), Body: body, Header: http.Header{
		"Content-Type":              {"application/x-www-form-urlencoded"},
		"User-Agent":                {"Slackbot 1.0 (+https://api.slack.com/robots)"},
		"X-Slack-Request-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
		"X-Slack-Signature":         {Signature(secret, at, body)},
	}}, nil
}

// formBody encodes a payload as Slack does: interactions as JSON in one form value, commands as a
// form of their own.
func formBody(kind Kind, payload object) ([]byte, error) {
	form := url.Values{}
	if kind == SlashCommands {
		for k, v := range payload {
			form.Set(k, fmt.Sprint(v))
		}
		return []byte(form.Encode()), nil
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	form.Set("payload", string(raw))
	return []byte(form.Encode()), nil
}

// Send sends a delivery exactly as it is and returns it with the answer. It waits no longer than
// the app has to acknowledge.
func (s *Server) Send(ctx context.Context, d Delivery) (Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWithin)
	defer cancel()
	d.Status, d.Response = 0, nil
	defer func() { s.journal.delivery(d) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return d, err
	}
	req.Header = d.Header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		return d, fmt.Errorf("%w: %w", ErrNotAcknowledged, err)
	}
	defer resp.Body.Close()
	d.Status = resp.StatusCode
	d.contentType = resp.Header.Get("Content-Type")
	d.Response, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	return d, err
}

// deliverHTTP signs and sends. Slack does not repeat interactions over HTTP, so a lost answer stays
// lost; Duplicate sends the same signed bytes again.
func (s *Server) deliverHTTP(ctx context.Context, kind Kind, payload object, fault DeliveryFault) (Receipt, error) {
	d, err := s.NewDelivery(kind, payload, s.cfg.SigningSecret, s.cfg.Now())
	if err != nil {
		return Receipt{}, err
	}
	sent, err := s.Send(ctx, d)
	if err != nil {
		return Receipt{}, err
	}
	if fault.Duplicate {
		if _, err := s.Send(ctx, d); err != nil {
			return Receipt{}, err
		}
	}
	kindOf, _, _ := mime.ParseMediaType(sent.contentType)
	r := Receipt{Status: sent.Status, Response: sent.Response, plainText: kindOf != "application/json"}
	if sent.Status != http.StatusOK || fault.LoseAck || fault.Disconnect {
		return r, fmt.Errorf("%w: HTTP status %d", ErrNotAcknowledged, sent.Status)
	}
	return r, nil
}
