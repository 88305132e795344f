package recorder

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Event is something done beyond the screen: a line of events.ndjson. Fields
// that say nothing are left out.
type Event struct {
	Kind        string `json:"event"` // such as exec, subsystem, env, transfer, forward
	Command     string `json:"command,omitempty"`
	Action      string `json:"action,omitempty"` // of a transfer: an [access.FileAction]
	Path        string `json:"path,omitempty"`
	To          string `json:"to,omitempty"`        // the second path of a transfer
	Direction   string `json:"direction,omitempty"` // "to host" or "from host"
	Destination string `json:"destination,omitempty"`
	Bytes       int64  `json:"bytes,omitempty"`
	Mode        string `json:"mode,omitempty"`
	SHA256      string `json:"sha256,omitempty"`
	Partial     bool   `json:"partial,omitempty"`
	Result      string `json:"result,omitempty"`
	Detail      string `json:"detail,omitempty"`
}

// Event records e with its time.
func (rec *Recording) Event(e Event) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.ready(); err != nil {
		return rec.lose(nil, nil, err)
	}
	n, err := rec.writeFact(rec.elapsed(), e)
	if err != nil {
		return rec.lose(nil, nil, rec.fail(err))
	}
	return rec.grown(int64(n))
}

// timedEvent is a line of events.ndjson.
type timedEvent struct {
	At json.Number `json:"at"` // seconds since the start
	Event
}

// writeFact appends a line to events.ndjson and tells how long it is.
func (rec *Recording) writeFact(at int64, e Event) (int, error) {
	line, err := json.Marshal(timedEvent{json.Number(appendSeconds(nil, at)), e})
	if err != nil {
		return 0, err
	}
	return len(line) + 1, rec.appendTo(&rec.events, eventsName, append(line, '\n'))
}

// kindTransfer is the Kind of entries of the ledger of files.
const kindTransfer = "transfer"

func transferEvent(t access.Transfer) Event {
	return Event{
		Kind: kindTransfer, Action: string(t.Action), Path: t.Path, To: t.To, Direction: t.Direction(),
		Bytes: t.Bytes, Mode: t.Mode, SHA256: t.SHA256, Partial: t.Partial, Result: t.Result, Detail: t.Detail,
	}
}

// transfer is the way back.
func (e timedEvent) transfer() (access.Transfer, error) {
	seconds, err := e.At.Float64()
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return access.Transfer{}, fmt.Errorf("no time: %q", access.Plain(string(e.At), 40))
	}
	return access.Transfer{
		At: time.Duration(seconds*1e6+0.5) * time.Microsecond, Action: access.FileAction(e.Action), Path: e.Path, To: e.To,
		Bytes: e.Bytes, Mode: e.Mode, SHA256: e.SHA256, Partial: e.Partial, Result: e.Result, Detail: e.Detail,
	}, nil
}
