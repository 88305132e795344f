package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

func TestTransfersComeBackWhole(t *testing.T) {
	f := newFixture(t)
	a, b := access.SessionID(f.id()), access.SessionID(f.id())
	sum := strings.Repeat("ab", 32)
	list := []access.Transfer{
		{Session: a, Place: 0, At: time.Second + 5*time.Microsecond, Action: access.FilePut, Path: "/etc/x", Bytes: 1 << 40, Mode: "0600", SHA256: sum, Result: "ok"},
		{Session: a, Place: 200, At: 2 * time.Second, Action: access.FileRename, Path: "/etc/x", To: "/srv/y[1]", Result: "failure", Detail: "d"},
		{Session: b, Place: 0, Action: access.FileGet, Path: "/srv/z", Partial: true, Result: "ok"},
	}
	for range 2 { // whoever crashed says it again
		if err := f.AddTransfers(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	f.reopen()
	after := int64(0)
	for name, c := range map[string]struct {
		q    access.TransferQuery
		want []int
	}{
		"all":      {access.TransferQuery{}, []int{2, 0, 1}},
		"session":  {access.TransferQuery{Session: a}, []int{0, 1}},
		"page":     {access.TransferQuery{Session: a, After: &after}, []int{1}},
		"limit":    {access.TransferQuery{Session: a, Limit: 1}, []int{0}},
		"path":     {access.TransferQuery{Path: "/etc/x"}, []int{0, 1}},
		"glob":     {access.TransferQuery{Path: "/srv/*"}, []int{2, 1}},
		"digest":   {access.TransferQuery{SHA256: strings.ToUpper(sum)}, []int{0}},
		"action":   {access.TransferQuery{Action: access.FileGet}, []int{2}},
		"together": {access.TransferQuery{Session: b, Path: "/etc/*"}, nil},
	} {
		got, err := f.Transfers(t.Context(), c.q)
		var want []access.Transfer
		for _, i := range c.want {
			want = append(want, list[i])
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

// A tree of many files goes in within moments, in batches.
func TestManyTransfers(t *testing.T) {
	f := newFixture(t)
	id := access.SessionID(f.id())
	var list []access.Transfer
	for i := range 5000 {
		list = append(list, access.Transfer{Session: id, Place: int64(i * 150), Action: access.FilePut, Path: fmt.Sprint("/tree/", i), Result: "ok"})
	}
	for batch := range slices.Chunk(list, 500) {
		if err := f.AddTransfers(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	got, err := f.Transfers(t.Context(), access.TransferQuery{Session: id, Path: "/tree/4*9"})
	if err != nil || len(got) != 111 || got[0].Path != "/tree/49" {
		t.Errorf("%d found, %v", len(got), err)
	}
	if got, err := f.Transfers(t.Context(), access.TransferQuery{Session: id}); err != nil || len(got) != 1000 {
		t.Errorf("a page of %d, %v", len(got), err)
	}
}
