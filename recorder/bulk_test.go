package recorder_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// What a rule says of long streams holds: recorded whole, or refused before a
// byte too many is delivered.
func TestBulkByRule(t *testing.T) {
	p := bytes.Repeat([]byte("0123456789\n"), 20_000)
	limited := func(c *recorder.Config) { c.ExecLimit, c.OnFailure = 100_000, recorder.Warn }

	b := newBench(t, limited)
	rec, err := b.Start(t.Context(), session(false), recorder.Shape{Bulk: access.BulkRecord})
	check(t, err)
	check(t, rec.Stdout(p))
	check(t, rec.Stdin(p))
	dir := b.folder(seal(t, rec))
	var out, in bytes.Buffer
	check(t, recorder.CopyOutput(&out, dir))
	check(t, recorder.CopyBeside(&in, dir, "stdin"))
	if !bytes.Equal(out.Bytes(), p) || !bytes.Equal(in.Bytes(), p) {
		t.Errorf("record: %d and %d bytes of %d", out.Len(), in.Len(), len(p))
	}

	rec, err = b.Start(t.Context(), session(false), recorder.Shape{Bulk: access.BulkRefuse})
	check(t, err)
	check(t, rec.Stdout(p[:100_000])) // as long as that, it may be
	var refused *access.Error
	if err := rec.Stdout([]byte("x")); !errors.As(err, &refused) || refused.Class != access.Refused || refused.Reason != access.ReasonLimit {
		t.Fatalf("refuse: %v", err)
	}
	select {
	case <-rec.Failed():
	default:
		t.Error("nobody is told")
	}
	if err := rec.Stdin([]byte("x")); !errors.Is(err, refused) {
		t.Errorf("it goes on: %v", err)
	}
	dir = b.folder(seal(t, rec))
	m, err := recorder.ReadManifest(dir)
	if v := verify(t, dir, b.Keys().Trust()); err != nil || v.Verdict != recorder.Intact || m.Failure != "" {
		t.Errorf("%+v, failure %q, %v", v, m.Failure, err)
	}
	// A terminal has no limit.
	rec, err = b.Start(t.Context(), session(true), recorder.Shape{Bulk: access.BulkRefuse})
	check(t, err)
	check(t, rec.Stdout(p))
	seal(t, rec)
}
