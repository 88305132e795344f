package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	maxSockets  = 10       // of one app, as Slack allows
	maxAckBytes = 20 << 10 // an acknowledgement this large is silently dropped by Slack
	ticketLife  = 30 * time.Second
)

// socketHub holds the app's Socket Mode connections.
type socketHub struct {
	addr string
	cfg  Config

	mu      sync.Mutex
	tickets map[string]time.Time // single-use connection URLs and when they expire
	conns   []*socketConn
	next    int // round robin
	closed  bool
	changed chan struct{} // closed and replaced when conns change
	waiting map[string]chan Ack
	running sync.WaitGroup
}

type socketConn struct {
	ws   *websocket.Conn
	gone chan struct{} // closed when nothing more will be read
}

func newSocketHub(addr string, cfg Config) *socketHub {
	return &socketHub{
		addr: addr, cfg: cfg,
		tickets: map[string]time.Time{}, waiting: map[string]chan Ack{}, changed: make(chan struct{}),
	}
}

// connectionsOpen hands out a URL good for one connection, soon.
func (s *Server) connectionsOpen(map[string]string) (object, *apiError) {
	h := s.sockets
	h.mu.Lock()
	defer h.mu.Unlock()
	now := s.cfg.Now()
	for id, expires := range h.tickets {
		if now.After(expires) {
			delete(h.tickets, id)
		}
	}
	if len(h.conns)+len(h.tickets) >= maxSockets {
		return nil, refuse("too_many_websockets")
	}
	ticket := rand.Text()
	h.tickets[ticket] = now.Add(ticketLife)
	return object{"url": "ws://" + s.addr + "/link?ticket=" + ticket + "&app_id=" + s.cfg.Bot.AppID}, nil
}

func (h *socketHub) admit(ticket string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	expires, ok := h.tickets[ticket]
	delete(h.tickets, ticket)
	if !ok || h.closed || h.cfg.Now().After(expires) {
		return false
	}
	h.running.Add(1)
	return true
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	h := s.sockets
	if !h.admit(r.URL.Query().Get("ticket")) {
		http.Error(w, "this connection URL is spent", http.StatusForbidden)
		return
	}
	defer h.running.Done()
	// The ticket is what lets a client in; the Origin header of Slack libraries names slack.com.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(4 * maxAckBytes)
	c := &socketConn{ws: ws, gone: make(chan struct{})}
	hello := object{
		"type": "hello", "num_connections": h.count() + 1,
		"debug_info":      object{"host": "applink-loopback", "build_number": 1, "approximate_connection_time": 18060},
		"connection_info": object{"app_id": s.cfg.Bot.AppID},
	}
	if err := c.write(s.done, hello); err != nil {
		return
	}
	h.add(c)
	defer h.remove(c)
	go c.ping(s.done, s.cfg.PingEvery)
	s.readAcks(c)
}

func (s *Server) readAcks(c *socketConn) {
	for {
		_, raw, err := c.ws.Read(s.done)
		if err != nil {
			return
		}
		var msg struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if len(raw) >= maxAckBytes || json.Unmarshal(raw, &msg) != nil || msg.EnvelopeID == "" {
			s.cfg.Log.Warn("unusable socket acknowledgement", "bytes", len(raw))
			continue
		}
		ack := Ack{EnvelopeID: msg.EnvelopeID, Payload: msg.Payload, At: s.cfg.Now()}
		s.journal.ack(ack)
		s.sockets.acknowledged(ack)
	}
}

func (c *socketConn) write(ctx context.Context, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, raw)
}

// ping keeps clients from taking a quiet connection for a dead one, and ends a dead one.
func (c *socketConn) ping(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := c.ws.Ping(once)
		cancel()
		if err != nil {
			c.ws.CloseNow()
			return
		}
		select {
		case <-tick.C:
		case <-c.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (h *socketHub) add(c *socketConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
	h.changedLocked()
}

func (h *socketHub) remove(c *socketConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = slices.DeleteFunc(h.conns, func(o *socketConn) bool { return o == c })
	close(c.gone)
	h.changedLocked()
}

func (h *socketHub) changedLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *socketHub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

func (h *socketHub) all() []*socketConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.conns)
}

// pick waits for a connection and takes them in turn: an envelope goes to one of them.
func (h *socketHub) pick(ctx context.Context) (*socketConn, error) {
	for {
		h.mu.Lock()
		if len(h.conns) > 0 {
			h.next++
			c := h.conns[h.next%len(h.conns)]
			h.mu.Unlock()
			return c, nil
		}
		changed := h.changed
		h.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errors.Join(ErrNotAcknowledged, errors.New("the app has no socket connection"))
		}
	}
}

func (h *socketHub) acknowledged(a Ack) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.waiting[a.EnvelopeID] <- a: // nil, and so never ready, when nobody waits any more
	default:
	}
}

func (h *socketHub) closeAll() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	for _, c := range h.all() {
		c.ws.CloseNow()
	}
	h.running.Wait()
}

// Sockets counts the open Socket Mode connections.
func (s *Server) Sockets() int { return s.sockets.count() }

// WaitSockets waits until exactly n Socket Mode connections are open.
func (s *Server) WaitSockets(ctx context.Context, n int) error {
	h := s.sockets
	for {
		h.mu.Lock()
		have, changed := len(h.conns), h.changed
		h.mu.Unlock()
		if have == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// RefreshSockets tells every connection to reconnect, as Slack does every few hours.
func (s *Server) RefreshSockets() error {
	var failed error
	for _, c := range s.sockets.all() {
		failed = errors.Join(failed, c.write(s.done, object{
			"type": "disconnect", "reason": "refresh_requested", "debug_info": object{"host": "applink-loopback"},
		}))
	}
	return failed
}

// BreakSockets cuts every connection without a word, as a failing network does.
func (s *Server) BreakSockets() {
	for _, c := range s.sockets.all() {
		c.ws.CloseNow()
	}
}
