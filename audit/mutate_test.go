package audit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/sallyport/sallyport/audit"
)

// Thousands of random edits of an audit file: each is found, or has the file
// end at an earlier row, which is what it is then said to hold up to.
func TestEveryEditOfAFileIsFound(t *testing.T) {
	edits := 2000
	if testing.Short() {
		edits = 500
	}
	if os.Getenv("SALLYPORT_SOAK") != "" {
		edits = 100_000
	}
	var file []byte
	for _, r := range chain(60) {
		file = audit.AppendLine(file, r)
	}
	whole, err := upTo(file)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 22))
	shorter, found := 0, 0
	for range edits {
		changed, kind := edit(rnd, file)
		if bytes.Equal(changed, file) {
			continue
		}
		v, err := upTo(changed)
		switch {
		case err != nil:
			found++
		case v.Seq < whole.Seq && v.Head != whole.Head && bytes.HasPrefix(file, changed):
			shorter++
		default:
			t.Fatalf("%s: not found", kind)
		}
	}
	if v, err := upTo(file); err != nil || v != whole {
		t.Errorf("untouched: %+v, %v", v, err)
	}
	t.Logf("%d edits found, %d cut off whole rows at the end", found, shorter)
}

// upTo verifies a file from its first row.
func upTo(file []byte) (v audit.Verifier, err error) {
	for line := range bytes.Lines(file) {
		r, err := audit.ParseLine(line)
		if err == nil && line[len(line)-1] != '\n' {
			err = fmt.Errorf("row %d is torn", r.Seq)
		}
		if err == nil {
			err = v.Check(r)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

// edit changes data in one of the ways in which files are tampered with.
func edit(rnd *rand.Rand, data []byte) (out []byte, kind string) {
	at := rnd.IntN(len(data))
	n := 1 + rnd.IntN(min(64, len(data)-at))
	switch rnd.IntN(7) {
	case 0:
		out = slices.Clone(data)
		out[at] ^= 1 << rnd.IntN(8)
		return out, fmt.Sprintf("a bit at %d", at)
	case 1:
		return slices.Insert(slices.Clone(data), at, " \t\r\n"[rnd.IntN(4)]), fmt.Sprintf("a space at %d", at)
	case 2:
		return slices.Delete(slices.Clone(data), at, at+n), fmt.Sprintf("%d removed at %d", n, at)
	case 3:
		return slices.Insert(slices.Clone(data), at, data[at:at+n]...), fmt.Sprintf("%d repeated at %d", n, at)
	case 4:
		return slices.Clone(data[:at]), fmt.Sprintf("cut off at %d", at)
	case 5:
		return slices.Concat(data, data[at:at+n]), "appended"
	default:
		lines := bytes.SplitAfter(data, []byte("\n"))
		i, j := rnd.IntN(len(lines)), rnd.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return bytes.Join(lines, nil), fmt.Sprintf("rows %d and %d exchanged", i, j)
	}
}
