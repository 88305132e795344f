package recorder

import (
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Gap is a part of a session that could not be recorded, under [Warn].
type Gap struct {
	From  int64  `json:"from_us"` // microseconds since the start
	To    int64  `json:"to_us"`
	Bytes int64  `json:"bytes"` // that passed unrecorded, both ways
	Cause string `json:"cause"`
}

// ready reports whether anything can be written: nil, [ErrSealed] or the
// failure. Under Warn it tries now and then to end a gap.
func (rec *Recording) ready() error {
	switch {
	case rec.closed:
		return ErrSealed
	case rec.refused != nil:
		return rec.refused
	case rec.broken == nil:
		return nil
	case rec.r.OnFailure == Terminate:
		return rec.broken
	case rec.gap == nil:
		return nil
	case rec.r.config.Now().Before(rec.retryAt):
		return rec.broken
	}
	return rec.resume()
}

// refuse ends the session, whatever [OnFailure] says: nothing failed, but the
// rule lets no more through than is recorded whole. Nothing of what went
// beyond is delivered.
func (rec *Recording) refuse(s *stream) error {
	rec.refused = access.Refuse(access.ReasonLimit, fmt.Sprintf("%s is longer than the %d bytes that the rule lets through", s.name, s.limit),
		"Ask for a rule that lets bulk through").About(string(rec.session.ID))
	if rec.broken == nil {
		rec.broken = rec.refused
		close(rec.failed)
	}
	return rec.refused
}

// fail is failAt for a write.
func (rec *Recording) fail(cause error) error { return rec.failAt(AtWrite, cause) }

// failAt takes note of a failure and returns it for the person. The first one
// closes Failed.
func (rec *Recording) failAt(at Stage, cause error) error {
	err := access.Fail(access.ReasonRecording, "the session can no longer be recorded",
		"Ask the operator to look at the recordings disk", cause).About(string(rec.session.ID))
	rec.log().Error("recorder: writing failed", "on_failure", string(rec.r.OnFailure), "err", cause)
	if rec.broken == nil {
		rec.r.troubles.count(at, cause)
		rec.broken = err
		close(rec.failed)
	}
	if rec.r.OnFailure == Warn && rec.gap == nil {
		rec.gap = &Gap{From: rec.last, Cause: cause.Error()}
		rec.retryAt = rec.r.config.Now().Add(retryGap)
	}
	return err
}

// lose decides what becomes of bytes that cannot be recorded: under Warn they
// are counted and may pass, else err stands.
func (rec *Recording) lose(s *stream, p []byte, err error) error {
	if rec.gap == nil || rec.closed {
		return err
	}
	if s != nil {
		rec.gap.Bytes += int64(len(p))
		s.count(p, 0)
	}
	return nil
}

// resume ends a gap if writing works again: it has the disk get what is in
// doubt, voids notes about events that were not written, lets go of characters
// that the gap cut, and marks it.
func (rec *Recording) resume() error {
	began := rec.r.config.Now()
	if err := rec.rewrite(); err != nil {
		// Not more than a tenth of the time: it may be a long recording.
		now := rec.r.config.Now()
		rec.retryAt = now.Add(max(retryGap, 10*now.Sub(began)))
		return err
	}
	gap := *rec.gap
	gap.To = rec.elapsed()
	b := getBuffer()
	defer putBuffer(b)
	heldOut, heldErr := rec.out.carry, rec.err.carry
	b.notes = appendVoidNote(b.notes, rec.cast.size)
	events := b.output(rec.out, gap.To, rec.cast.size, nil, true)
	events += b.output(rec.err, gap.To, rec.cast.size, nil, true)
	b.event(gap.To, 'm', fmt.Sprintf("not recorded: %d bytes from %s on: %s",
		gap.Bytes, time.Duration(gap.From)*time.Microsecond, access.Plain(gap.Cause, 200)))
	err := rec.idx.note(b.notes)
	if err == nil {
		err = rec.cast.append(b.cast)
	}
	if err != nil {
		rec.out.carry, rec.err.carry = heldOut, heldErr
		rec.retryAt = rec.r.config.Now().Add(retryGap)
		return err
	}
	rec.counts.Events += int64(events) + 1
	rec.counts.Markers++
	rec.closeGap(gap)
	rec.log().Warn("recorder: recording again", "bytes_lost", gap.Bytes)
	return nil
}

// closeGap ends the open gap as it is told.
func (rec *Recording) closeGap(gap Gap) {
	rec.gaps, rec.gap = append(rec.gaps, gap), nil
	rec.r.troubles.countGap(gap)
}
