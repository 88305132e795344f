package store_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/store"
)

func TestLocksSurviveARestart(t *testing.T) {
	f := newFixture(t)
	host := access.Lock{Subject: access.Subject{Kind: access.SubjectHost, Name: "db1"}, Reason: "disk", By: "local:0", Via: access.ViaSocket, At: start}
	person := access.Lock{Subject: access.Subject{Kind: access.SubjectPerson, Name: "alice"}, Reason: "laptop stolen", By: "dave", Via: access.ViaConsole, At: start.Add(time.Microsecond)}
	f.write(func(tx *store.Tx) error {
		if err := tx.SetLock(host); err != nil {
			return err
		}
		return tx.SetLock(person)
	})
	f.reopen()
	got, err := f.Locks(t.Context())
	if want := []access.Lock{person, host}; err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
	}
	if err := f.Write(t.Context(), func(tx *store.Tx) error { return tx.SetLock(person) }); err == nil {
		t.Error("locked twice")
	}
	lift := func(tx *store.Tx) error { return tx.LiftLock(person.Subject) }
	f.write(lift)
	if err := f.Write(t.Context(), lift); err == nil {
		t.Error("lifted twice")
	}
	f.write(func(tx *store.Tx) error {
		if left, err := tx.Locks(); err != nil || len(left) != 1 || left[0] != host {
			t.Errorf("left: %+v, %v", left, err)
		}
		return nil
	})
}
