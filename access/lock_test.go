package access_test

import (
	"testing"

	"github.com/sallyport/sallyport/access"
)

func TestParseSubject(t *testing.T) {
	for in, want := range map[string]string{
		"person:alice": "person:alice", "host:DB1.example.com": "host:db1.example.com",
		"": "", "alice": "", "person:": "", ":alice": "", "people:alice": "", "Person:alice": "",
		"host:a b": "", "host:db1:22": "", "person:-x": "", "host:10.0.0.1\n": "",
	} {
		got, err := access.ParseSubject(in)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is %v", in, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}
