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
	recording
	watch *transfer.Watch
}

// recording is what a relay needs of a [recorder.Recording].
type recording interface {
	Stdin(p []byte) error
	Stdout(p []byte) error
	Stderr(p []byte) error
	Resize(cols, rows int) error
	Marker(text string) error
	Failed() <-chan struct{}
	Err() error
}

// tape joins a session's recording and its watch.
func (s *session) tape(st started, rec *recorder.Recording) tape {
	kind, _ := gateStart(st.request.Type, st.argument) // admitted, so it has one
	ledger := func(e access.Transfer) {
		if err := rec.Transfer(e); err != nil {
			s.end(recordingFailed(err))
		}
	}
	t := tape{rec, transfer.New(kind, st.argument, st.terminal, ledger)}
	if s.srv.tap != nil {
		t.recording = s.srv.tap(rec)
	}
	return t
}

// Stdout records, then reads, what the host sent.
func (t tape) Stdout(p []byte) error {
	if err := t.recording.Stdout(p); err != nil {
		return err
	}
	t.watch.FromHost(p)
	return nil
}

// Stdin records, then reads, what the client sent.
func (t tape) Stdin(p []byte) error {
	if err := t.recording.Stdin(p); err != nil {
		return err
	}
	t.watch.ToHost(p)
	return nil
}
