// Package oncall owns asking who is on call: a command or a URL answers
// {"on_call": ["alice", "bob@example.com"]}.
//
// It keeps what whoever answers must not be able to do: hold up a login for
// longer than the hook's time-out, fill memory, or be believed when anything
// about the answer is wrong. It refuses to know who these people are and what
// being on call lets them do. An answer is kept for the hook's TTL; a failure is
// not, but everybody who asks meanwhile shares the one attempt.
//
// Start reading at [Desk.Ask].
package oncall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Hook says how to ask: by Command, with no shell between, or by a GET of URL.
type Hook struct {
	Command []string
	URL     string
	Timeout time.Duration
	TTL     time.Duration
}

// Bounds of an answer.
const (
	maxAnswer = 64 << 10 // bytes
	maxNames  = 1000
)

// Desk asks hooks and remembers their answers. It is safe for concurrent use.
type Desk struct {
	now    func() time.Time
	client *http.Client

	mu    sync.Mutex
	known map[string]*answer // by what names the hook
}

// answer is one that is awaited or known.
type answer struct {
	done  chan struct{} // closed when the rest is set
	names []string
	err   error
	until time.Time
}

// New makes a desk.
func New(now func() time.Time) *Desk {
	return &Desk{now: now, known: map[string]*answer{}, client: &http.Client{
		// Whoever the hook names is let in: nobody else may be asked instead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Ask gives the names of those on call, as the hook writes them. It comes back
// within the hook's time-out; ctx ends the waiting, not the asking.
func (d *Desk) Ask(ctx context.Context, h Hook) ([]string, error) {
	key := h.URL + "\x00" + strings.Join(h.Command, "\x00")
	d.mu.Lock()
	a := d.known[key]
	if a == nil || a.over(d.now()) {
		a = &answer{done: make(chan struct{})}
		d.known[key] = a
		go d.fetch(context.WithoutCancel(ctx), h, a)
	}
	d.mu.Unlock()
	select {
	case <-a.done:
		return a.names, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// over reports whether an answer is no longer to be used. One that is still
// awaited is.
func (a *answer) over(now time.Time) bool {
	select {
	case <-a.done:
		return a.err != nil || !now.Before(a.until)
	default:
		return false
	}
}

func (d *Desk) fetch(ctx context.Context, h Hook, a *answer) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	began := d.now() // what it says may be as old as this
	ask := d.get
	if len(h.Command) > 0 {
		ask = run
	}
	raw, err := ask(ctx, h)
	if err == nil {
		a.names, err = read(raw)
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("oncall: no answer within %s", h.Timeout)
	}
	if a.err = err; err != nil {
		a.names = nil
	}
	a.until = began.Add(h.TTL)
}

func (d *Desk) get(ctx context.Context, h Hook) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("oncall: %w", err)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("oncall: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("oncall: the hook answers %s", response.Status)
	}
	return bounded(response.Body)
}

// run runs the command with nothing of ours in its environment but where to
// find programs.
func run(ctx context.Context, h Hook) ([]byte, error) {
	cmd := exec.CommandContext(ctx, h.Command[0], h.Command[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	cmd.WaitDelay = time.Second // for children that keep its output open
	var out limited
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("oncall: %s: %w", h.Command[0], err)
	}
	return out.b.Bytes(), nil
}

var errLong = errors.New("oncall: the answer is too long")

// limited takes so much and then fails, which ends the command that writes. It
// embeds no buffer: its ReadFrom would know no bound.
type limited struct{ b bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > maxAnswer {
		return 0, errLong
	}
	return l.b.Write(p)
}

func bounded(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("oncall: %w", err)
	case len(raw) > maxAnswer:
		return nil, errLong
	}
	return raw, nil
}

// read takes one JSON object and nothing after it.
func read(raw []byte) ([]string, error) {
	var said struct {
		OnCall *[]string `json:"on_call"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, fmt.Errorf("oncall: the answer is not JSON as it should be: %w", err)
	}
	if said.OnCall == nil || len(*said.OnCall) > maxNames {
		return nil, errors.New(`oncall: the answer is not {"on_call": [NAME, …]}`)
	}
	return *said.OnCall, nil
}
