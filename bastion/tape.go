package bastion

import (
	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/transfer"
	"github.com/sallyport/sallyport/recorder"
)

// tape is the recording of a relay together with who reads file transfers off
// it. What is recorded does not depend on the reading, which only adds the
// ledger's entries; nor does it delay or change what passes.
type tape struct {
	*recorder.Recording
	watch *transfer.Watch
}

// tape joins a session's recording and its watch.
func (s *session) tape(st started, rec *recorder.Recording) tape {
	kind, _ := gateStart(st.request.Type, st.argument) // admitted, so it has one
	ledger := func(e access.Transfer) {
		if err := rec.Transfer(e); err != nil {
			s.end(recordingFailed(err))
		}
	}
	return tape{rec, transfer.New(kind, st.argument, st.terminal, ledger)}
}

// Stdout records, then reads, what the host sent.
func (t tape) Stdout(p []byte) error {
	if err := t.Recording.Stdout(p); err != nil {
		return err
	}
	t.watch.FromHost(p)
	return nil
}

// Stdin records, then reads, what the client sent.
func (t tape) Stdin(p []byte) error {
	if err := t.Recording.Stdin(p); err != nil {
		return err
	}
	t.watch.ToHost(p)
	return nil
}
