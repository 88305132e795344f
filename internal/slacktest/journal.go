package slacktest

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

const keepJournal = 1000 // entries of each kind, newest kept

// Call is one Web API call as the app made it, the token left out.
type Call struct {
	Method string
	Args   map[string]string // form values; JSON members that are not strings as JSON text
	At     time.Time
	Error  string // what was answered: "" for ok, else Slack's error, or an HTTP status such as 429
}

// Delivery is one signed HTTP request as sent to the app, and what came back. Sending it again with
// [Server.Send] is a replay.
type Delivery struct {
	URL    string
	Header http.Header
	Body   []byte

	Status   int // 0 when there was no answer
	Response []byte

	contentType string // of the answer
}

// Ack is an acknowledgement that arrived over Socket Mode.
type Ack struct {
	EnvelopeID string
	Payload    []byte
	At         time.Time
}

// journal is what happened on the wire, bounded.
type journal struct {
	mu         sync.Mutex
	calls      []Call
	deliveries []Delivery
	acks       []Ack
}

func keepLast[T any](all []T, one T) []T {
	all = append(all, one)
	if n := len(all) - keepJournal; n > 0 {
		all = slices.Delete(all, 0, n)
	}
	return all
}

func (j *journal) call(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = keepLast(j.calls, c)
}

func (j *journal) delivery(d Delivery) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.deliveries = keepLast(j.deliveries, d)
}

func (j *journal) ack(a Ack) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acks = keepLast(j.acks, a)
}

// Calls lists the calls of a method, oldest first; of all methods when it is empty.
func (s *Server) Calls(method string) []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	var out []Call
	for _, c := range s.journal.calls {
		if method == "" || c.Method == method {
			c.Args = maps.Clone(c.Args)
			out = append(out, c)
		}
	}
	return out
}

// Deliveries lists the HTTP deliveries, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.deliveries)
}

// Acks lists the Socket Mode acknowledgements, oldest first, repeated ones included.
func (s *Server) Acks() []Ack {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.acks)
}
