package forward_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/audit/forward"
)

// hook is an HTTPS receiver. what decides on the n-th request: a status, or 0
// to hang up; what it answers with 2xx it has taken.
type hook struct {
	*httptest.Server
	ca string

	mu       sync.Mutex
	requests int
	header   http.Header // of the last request
	taken    []string
	largest  int
}

func newHook(t *testing.T, what func(n, rows int) int) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if err != nil || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s with %v, %v", q.Method, q.Header, err)
		}
		rows := strings.SplitAfter(strings.TrimSuffix(string(body), "\n"), "\n")
		status := what(h.requests, len(rows))
		h.requests++
		h.header = q.Header
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		if status/100 == 2 {
			h.taken = append(h.taken, rows...)
			h.largest = max(h.largest, len(rows))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(h.Close)
	h.ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(h.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hook) target(t *testing.T, c forward.HTTPSConfig) *forward.HTTPS {
	t.Helper()
	c.URL, c.TLS.CAFile = h.URL+"/in?key=hidden", h.ca
	target, err := forward.NewHTTPS(c)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func ok(int, int) int { return http.StatusNoContent }

// Errors of a server, redirects and lost connections are tried again, and
// nothing is lost; a receiver that cannot take as much gets less at once.
func TestHTTPSLosesNothing(t *testing.T) {
	answers := []int{500, 0, 503, 307, 429, 0, 404}
	h := newHook(t, func(n, rows int) int {
		switch {
		case n < len(answers):
			return answers[n]
		case rows > 100:
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusOK
	})
	f, stop := start(t, chain(t, 1100), h.target(t, forward.HTTPSConfig{}))
	await(t, f, 1100)
	stop()
	whole(t, h.taken, 1100)
	if failed := f.Health().Failed; failed[forward.Refused] < 5 || failed[forward.Unconfirmed] < 1 || h.largest > 100 {
		t.Errorf("failed %v, largest batch %d", failed, h.largest)
	}
}

func TestHTTPSGoesOnAfterRestart(t *testing.T) {
	h := newHook(t, ok)
	s := chain(t, 600)
	f, stop := start(t, s, h.target(t, forward.HTTPSConfig{}))
	await(t, f, 600)
	stop()
	grow(t, s, 5)
	f, stop = start(t, s, h.target(t, forward.HTTPSConfig{}))
	await(t, f, 605)
	stop()
	whole(t, h.taken, 605)
	if len(h.taken) != 605 || h.largest > 500 {
		t.Errorf("%d rows for 605, at most %d at once", len(h.taken), h.largest)
	}
}

// The token is read for each batch, and says itself what it is.
func TestHTTPSToken(t *testing.T) {
	for _, c := range []struct{ token, header, want string }{
		{"abc", "", "Bearer abc"}, {"Splunk abc", "", "Splunk abc"}, {"abc", "X-Api-Key", "abc"},
	} {
		h := newHook(t, ok)
		var mu sync.Mutex
		missing := true
		f, stop := start(t, chain(t, 1), h.target(t, forward.HTTPSConfig{Header: c.header, Token: func() (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if missing {
				missing = false
				return "", errors.New("not there yet")
			}
			return c.token, nil
		}}))
		await(t, f, 1)
		stop()
		name := c.header
		if name == "" {
			name = "Authorization"
		}
		if got := h.header.Get(name); got != c.want || f.Health().Failed[forward.Unset] != 1 {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// What is logged of a hook holds none of its URL's secrets.
func TestHTTPSErrorsHideTheURL(t *testing.T) {
	h := newHook(t, func(int, int) int { return 0 })
	rows, err := chain(t, 1).Audit(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	target := h.target(t, forward.HTTPSConfig{})
	if err := target.Send(t.Context(), rows); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
	h.Close()
	var failed *forward.Error
	if err := target.Send(t.Context(), rows); !errors.As(err, &failed) || failed.State != forward.Unreachable || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

// A receiver that says when to come again is left alone until about then.
func TestHTTPSRetryAfter(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer h.Close()
	target, err := forward.NewHTTPS(forward.HTTPSConfig{URL: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	var failed *forward.Error
	if err := target.Send(t.Context(), nil); !errors.As(err, &failed) || failed.State != forward.Refused || failed.After != 2*time.Minute {
		t.Errorf("got %+v", err)
	}
}
