package oncall_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/oncall"
)

func command(script string) oncall.Hook {
	return oncall.Hook{Command: []string{"/bin/sh", "-c", script}, Timeout: 10 * time.Second, TTL: time.Minute}
}

// What a command says counts when it ends well and says it right, in time.
func TestCommand(t *testing.T) {
	t.Setenv("SALLYPORT_SECRET", "x")
	for name, c := range map[string]struct {
		hook oncall.Hook
		want []string
		err  string
	}{
		"somebody":      {command(`echo '{"on_call": ["alice", "bob@example.com"], "until": 1}'`), []string{"alice", "bob@example.com"}, ""},
		"nobody":        {command(`echo '{"on_call": []}'`), []string{}, ""},
		"fails":         {command(`echo '{"on_call": ["alice"]}'; exit 1`), nil, "exit status 1"},
		"says nothing":  {command(`true`), nil, "not JSON"},
		"another shape": {command(`echo '{"oncall": ["alice"]}'`), nil, "the answer is not"},
		"text":          {command(`echo '{"on_call": "alice"}'`), nil, "not JSON as it should be"},
		"more after it": {command(`echo '{"on_call": ["alice"]} {"on_call": ["bob"]}'`), nil, "not JSON"},
		"for ever":      {command(`exec yes`), nil, "oncall: /bin/sh"},
		"our secrets":   {command(`echo "{\"on_call\": [\"$SALLYPORT_SECRET\"]}"`), []string{""}, ""},
		"not there":     {oncall.Hook{Command: []string{"/nowhere/oncall"}, Timeout: time.Second, TTL: time.Minute}, nil, "no such file"},
		"never":         {oncall.Hook{Command: []string{"/bin/sleep", "60"}, Timeout: 50 * time.Millisecond, TTL: time.Minute}, nil, "no answer within 50ms"},
	} {
		got, err := oncall.New(time.Now).Ask(t.Context(), c.hook)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestURL(t *testing.T) {
	var answer atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	defer server.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   []string
	}{
		"somebody": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"on_call": ["alice"]}`) }, []string{"alice"}},
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"on_call": ["alice"]}`)
		}, nil},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, nil},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"on_call": ["alice"], "x": %q}`, strings.Repeat("x", 70<<10))
		}, nil},
	} {
		answer.Store(&c.answer)
		got, err := oncall.New(time.Now).Ask(t.Context(), oncall.Hook{URL: server.URL, Timeout: 10 * time.Second, TTL: time.Minute})
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// An answer is kept for its time; a failure is not; who asks at once shares one.
func TestKept(t *testing.T) {
	var asked, fails atomic.Int64
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-held
		if fails.Load() > 0 {
			w.WriteHeader(http.StatusBadGateway)
		}
		fmt.Fprint(w, `{"on_call": ["alice"]}`)
	}))
	defer server.Close()
	var now atomic.Int64
	d := oncall.New(func() time.Time { return time.Unix(now.Load(), 0) })
	hook := oncall.Hook{URL: server.URL, Timeout: 20 * time.Second, TTL: 30 * time.Second}
	ask := func() error { _, err := d.Ask(t.Context(), hook); return err }

	all := make(chan error, 10)
	for range cap(all) {
		go func() { all <- ask() }()
	}
	left, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Ask(left, hook); err == nil {
		t.Error("who has gone waits no more")
	}
	close(held)
	for range cap(all) {
		if err := <-all; err != nil {
			t.Error(err)
		}
	}
	now.Store(29)
	if err := ask(); err != nil || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	now.Store(30)
	fails.Store(1)
	if err := ask(); err == nil || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
	fails.Store(0)
	if err := ask(); err != nil || asked.Load() != 3 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}
