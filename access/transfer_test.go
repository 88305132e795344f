package access_test

import (
	"testing"

	"github.com/sallyport/sallyport/access"
)

func TestFileActionOf(t *testing.T) {
	if a, ok := access.FileActionOf(access.Transfer{Action: access.FilePut, Path: "/x", Result: "ok"}.String()); !ok || a != access.FilePut {
		t.Errorf("got %q, %v", a, ok)
	}
	for _, other := range []string{"", "put", "grant ends in 5 minutes", "putting /x"} {
		if a, ok := access.FileActionOf(other); ok {
			t.Errorf("%q is taken for %q", other, a)
		}
	}
}
