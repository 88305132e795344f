package bastion

import (
	gossh "golang.org/x/crypto/ssh"
)

// hostRequests takes what the host says about the program.
func (r *relay) hostRequests(requests <-chan *gossh.Request) {
	for q := range requests {
		switch q.Type {
		case "exit-status":
			var e exitStatus
			if gossh.Unmarshal(q.Payload, &e) == nil {
				status := int(e.Status)
				r.status = &status
			}
		case "exit-signal":
			var e exitSignal
			if gossh.Unmarshal(q.Payload, &e) == nil {
				r.signal = &e
			}
		}
		if q.WantReply { // keepalives: any answer will do
			r.s.reply(q, false)
		}
	}
}

// clientRequest takes a request of the client's while the program runs.
func (r *relay) clientRequest(q *gossh.Request) bool {
	switch gateRequest(q.Type) {
	case resizeTerminal:
		return r.outbox.put(q, r.resize(q))
	case passOn:
		return r.outbox.put(q, r.signals())
	default:
		return r.outbox.put(q, false)
	}
}

// resize records the terminal's new size and reports whether the host is to
// know it.
func (r *relay) resize(q *gossh.Request) bool {
	var w windowChange
	if !r.terminal || gossh.Unmarshal(q.Payload, &w) != nil {
		return false
	}
	if err := r.rec.Resize(w.recorded()); err != nil {
		r.s.end(recordingFailed(err))
		return false
	}
	return true
}
