package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong (or, as a warning, doubtful) in a file.
type Fault struct {
	File string
	Line int    // from 1; 0 when the fault belongs to the file as a whole
	Key  string // path such as rules[0].hosts.labels; may be empty
	Text string
}

// String gives "file:line: key: text", without the parts that are not known.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// Faults are all the faults of one reading, in the order of the file. As an
// error it prints one line each.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// sort orders by file, line, and then as found: keys of one line keep the
// order in which they were checked.
func (fs Faults) sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}
