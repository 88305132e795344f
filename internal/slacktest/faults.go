package slacktest

import (
	"sync"
	"time"
)

// Fault makes the next calls of a Web API method go wrong. Exactly what happens is the sum of the
// fields: a Delay, then at most one of RetryAfter, Status, Error and DropResponse.
type Fault struct {
	Method string // such as chat.postMessage; empty for every method
	Times  int    // how many calls; 0 means one

	Delay      time.Duration // answer this much later
	RetryAfter time.Duration // answer 429 with this Retry-After, rounded up to whole seconds
	Status     int           // answer this HTTP status with an HTML body, as Slack's edge does
	Error      string        // answer {"ok":false,"error":…}
	// DropResponse carries the call out and then breaks the connection: posted, but nobody is told.
	DropResponse bool
}

// DeliveryFault makes the next deliveries (clicks, submissions, commands) go wrong.
type DeliveryFault struct {
	Times int // how many deliveries; 0 means one

	// Duplicate sends everything twice under the same envelope ID, both with retry_attempt 0; in
	// HTTP mode it sends the same signed bytes again, as a replay does.
	Duplicate bool
	// LoseAck forgets the first acknowledgement, so that the envelope is sent again.
	LoseAck bool
	// Disconnect breaks the websocket right after the envelope was written to it. The envelope is
	// sent again over another connection.
	Disconnect bool
}

type faults struct {
	mu       sync.Mutex
	calls    []Fault
	delivery []DeliveryFault
}

// Inject adds a fault behind those already waiting.
func (s *Server) Inject(f Fault) {
	f.Times = max(f.Times, 1)
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.calls = append(s.faults.calls, f)
}

// InjectDelivery adds a delivery fault behind those already waiting.
func (s *Server) InjectDelivery(f DeliveryFault) {
	f.Times = max(f.Times, 1)
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.delivery = append(s.faults.delivery, f)
}

// ClearFaults drops every fault still waiting.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.calls, s.faults.delivery = nil, nil
}

// forCall takes the first fault that concerns a method.
func (f *faults) forCall(method string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.calls {
		hit := f.calls[i]
		if hit.Method != "" && hit.Method != method {
			continue
		}
		if f.calls[i].Times--; f.calls[i].Times == 0 {
			f.calls = append(f.calls[:i], f.calls[i+1:]...)
		}
		return hit, true
	}
	return Fault{}, false
}

func (f *faults) forDelivery() DeliveryFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.delivery) == 0 {
		return DeliveryFault{}
	}
	hit := f.delivery[0]
	if f.delivery[0].Times--; f.delivery[0].Times == 0 {
		f.delivery = f.delivery[1:]
	}
	return hit
}
