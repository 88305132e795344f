package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

// together runs writes so that they share one transaction, in order: each
// next one queues while the one before it runs. It gives their errors.
func (f *fixture) together(ctx context.Context, writes ...func(*store.Tx) error) []error {
	f.t.Helper()
	errs := make([]error, len(writes))
	done := make(chan int, len(writes))
	var start func(i int)
	start = func(i int) {
		errs[i] = f.Write(ctx, func(tx *store.Tx) error {
			if i+1 < len(writes) {
				go start(i + 1)
				for f.Queued() == 0 {
					runtime.Gosched()
				}
			}
			return writes[i](tx)
		})
		done <- i
	}
	start(0)
	for range writes {
		<-done
	}
	return errs
}

func record(text string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		return tx.Record(audit.Event{Kind: audit.AuthFailed, Detail: map[string]string{"text": text}})
	}
}

// chain gives the texts of record, in the order of the chain, which it checks.
func (f *fixture) chain() (texts []string) {
	f.t.Helper()
	if _, _, err := f.VerifyAudit(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	rows, err := f.Audit(f.t.Context(), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, r := range rows {
		_, after, _ := strings.Cut(string(r.Stored), `"text":"`)
		text, _, _ := strings.Cut(after, `"`)
		texts = append(texts, text)
	}
	return texts
}

func TestWritesThatMeetShareACommit(t *testing.T) {
	f := newFixture(t)
	wal := func() (n int) { // as anybody else sees it
		rows, err := f.Audit(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	errs := f.together(t.Context(), record("one"), record("two"), func(tx *store.Tx) error {
		if n := wal(); n != 0 {
			return fmt.Errorf("%d rows were committed already", n)
		}
		return record("three")(tx)
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := f.chain(); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("the chain has %q", got)
	}
}

func TestAnErrorLosesNobodyElsesWrite(t *testing.T) {
	f := newFixture(t)
	stop := errors.New("stop")
	var undone []string
	gone, cancel := context.WithCancel(t.Context())
	errs := f.together(gone, record("one"), func(tx *store.Tx) error {
		tx.Undo(func() { undone = append(undone, "two") })
		if err := record("two")(tx); err != nil {
			return err
		}
		return stop
	}, func(tx *store.Tx) error {
		if !slices.Equal(undone, []string{"two"}) {
			return errors.New("the next one writes before the failed one is undone")
		}
		return f.breakRow(tx)
	}, record("four"))
	cancel()
	if errs[0] != nil || !errors.Is(errs[1], stop) || errs[2] == nil || errs[3] != nil {
		t.Fatal(errs)
	}
	if got := f.chain(); !slices.Equal(got, []string{"one", "four"}) {
		t.Errorf("the chain has %q", got)
	}
}

// breakRow fails in SQLite itself: no request has that ID.
func (f *fixture) breakRow(tx *store.Tx) error {
	return tx.InsertGrant(access.Grant{ID: "01J00000000000000000000000", RequestID: "nobody"})
}

func TestAFailedCommitUndoesAllInReverse(t *testing.T) {
	f := newFixture(t)
	var undone []string
	undo := func(text string, do func(*store.Tx) error) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			tx.Undo(func() { undone = append(undone, text) })
			return do(tx)
		}
	}
	refused := errors.New("refused")
	errs := f.together(t.Context(), undo("one", record("one")), undo("two", (*store.Tx).DoomCommit),
		undo("three", func(*store.Tx) error { return refused }), undo("four", record("four")))
	for i, err := range errs {
		if err == nil || errors.Is(err, refused) { // it may have been refused for what never happened
			t.Errorf("write %d of a transaction that failed: %v", i, err)
		}
	}
	if want := []string{"three", "four", "two", "one"}; !slices.Equal(undone, want) {
		t.Errorf("undone: %q, want %q", undone, want)
	}
	f.write(record("five"))
	if got := f.chain(); !slices.Equal(got, []string{"five"}) {
		t.Errorf("the chain has %q", got)
	}
}

func TestAPanicLosesNobodyElsesWrite(t *testing.T) {
	f := newFixture(t)
	errs := f.together(t.Context(), record("one"), func(tx *store.Tx) (err error) {
		return record("two")(tx)
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		_ = f.Write(t.Context(), func(tx *store.Tx) error {
			_ = record("three")(tx)
			panic("no")
		})
	}()
	f.write(record("four"))
	if got := f.chain(); !slices.Equal(got, []string{"one", "two", "four"}) {
		t.Errorf("the chain has %q", got)
	}
}

func TestAnEndedContextEndsItsOwnWriteOnly(t *testing.T) {
	f := newFixture(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Write(over, record("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("a write after the end of its context: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	f.write(func(tx *store.Tx) error {
		go func() { left <- f.Write(ctx, record("left")) }()
		for f.Queued() == 0 {
			runtime.Gosched()
		}
		cancel()
		return record("one")(tx)
	})
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a write whose context ended in the queue: %v", err)
	}
	if got := f.chain(); !slices.Equal(got, []string{"one"}) {
		t.Errorf("the chain has %q", got)
	}
}
