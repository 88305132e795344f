package console

import (
	"bytes"
	"io"
	"testing"
)

// Whatever arrives, reading a frame neither panics nor takes more than it may;
// what it takes is what writing it gives.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{5, 0, 0, 0, 1, 0})
	f.Add([]byte{3, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		got, err := readFrame(r)
		if err != nil {
			if err == io.EOF && len(data) > 0 {
				t.Errorf("%q ends within a frame and not in an error of it", data)
			}
			return
		}
		var out bytes.Buffer
		if err := (&frameWriter{w: &out}).write(got.Type, got.Payload); err != nil {
			t.Fatal(err)
		}
		if taken := data[:len(data)-r.Len()]; !bytes.Equal(out.Bytes(), taken) {
			t.Errorf("%q became %q", taken, out.Bytes())
		}
	})
}
