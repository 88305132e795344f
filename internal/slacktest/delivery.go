package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
)

// Kind names what travels to the app, as Socket Mode envelopes do.
type Kind string

const (
	Interactive   Kind = "interactive"
	SlashCommands Kind = "slash_commands"
)

// ErrNotAcknowledged says that the app did not acknowledge in time: a person would see a warning
// triangle, and could not tell whether anything happened.
var ErrNotAcknowledged = errors.New("slacktest: the app did not acknowledge in time")

// maxAttempts bounds how often one envelope is sent again when its connection breaks or its
// acknowledgement is lost.
const maxAttempts = 4

// Receipt is what became of a delivery.
type Receipt struct {
	EnvelopeID  string // Socket Mode
	Status      int    // HTTP mode
	Response    []byte // what the app answered with its acknowledgement, if anything
	TriggerID   string
	ResponseURL string

	plainText bool // the HTTP answer was not JSON
}

// Deliver sends any payload over the way the app has chosen (Socket Mode unless DeliverTo named
// URLs) and waits for the acknowledgement. Click, SubmitView and SlashCommand end here; a test may
// call it with a payload no honest client would make.
func (s *Server) Deliver(ctx context.Context, kind Kind, payload map[string]any) (Receipt, error) {
	done, err := s.gate.wait(ctx)
	if err != nil {
		return Receipt{}, err
	}
	defer done()
	fault := s.faults.forDelivery()
	var r Receipt
	if s.targets.url(kind) != "" {
		r, err = s.deliverHTTP(ctx, kind, payload, fault)
	} else {
		r, err = s.deliverSocket(ctx, kind, payload, fault)
	}
	r.TriggerID, r.ResponseURL = str(payload, "trigger_id"), str(payload, "response_url")
	s.cfg.Log.Debug("Slack delivery", "kind", kind, "envelope", r.EnvelopeID, "err", err)
	return r, err
}

// deliverSocket writes an envelope to one connection and waits; while the connection breaks or the
// acknowledgement gets lost, it writes the same envelope again.
func (s *Server) deliverSocket(ctx context.Context, kind Kind, payload object, fault DeliveryFault) (Receipt, error) {
	h := s.sockets
	id := uuid()
	acks := make(chan Ack, 2*maxAttempts)
	h.mu.Lock()
	h.waiting[id] = acks
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, id)
		h.mu.Unlock()
	}()

	envelope := object{
		"type": kind, "envelope_id": id, "payload": payload,
		"accepts_response_payload": kind == SlashCommands || str(payload, "type") == "view_submission",
	}
	want := 1
	if fault.Duplicate {
		want = 2
	}
	for range maxAttempts {
		ack, again, err := s.attempt(ctx, envelope, acks, want, fault)
		if again {
			fault.Disconnect, fault.LoseAck, want = false, false, 1
			continue
		}
		return Receipt{EnvelopeID: id, Response: ack.Payload}, err
	}
	return Receipt{EnvelopeID: id}, ErrNotAcknowledged
}

// attempt writes the envelope want times and awaits as many acknowledgements; the first one counts.
func (s *Server) attempt(ctx context.Context, envelope object, acks <-chan Ack, want int, fault DeliveryFault) (first Ack, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWithin)
	defer cancel()
	var conn *socketConn
	for range want {
		if conn, err = s.sockets.pick(ctx); err != nil {
			return Ack{}, false, err
		}
		if conn.write(ctx, envelope) != nil {
			return Ack{}, ctx.Err() == nil, ErrNotAcknowledged
		}
	}
	if fault.Disconnect {
		conn.ws.CloseNow()
		<-conn.gone
		return Ack{}, true, nil
	}
	for got := range want {
		select {
		case a := <-acks:
			if got == 0 {
				first = a
			}
		case <-conn.gone:
			return Ack{}, true, nil
		case <-ctx.Done():
			return Ack{}, false, ErrNotAcknowledged
		}
	}
	return first, fault.LoseAck, nil
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program first
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// answered is the app's answer to a submission or a command, decoded; nil when there was none.
func (r Receipt) answered() object {
	if r.plainText {
		return object{"text": string(r.Response)}
	}
	var o object
	if json.Unmarshal(r.Response, &o) != nil {
		return nil
	}
	return o
}
