package recorder

import "bytes"

// What fuzzing reaches into.
var (
	ParseLine  = parseLine
	AppendText = appendText
	ParseRing  = parseRing
	Uncover    = uncover
)

// Scanned gives how far a sidecar is good, and the offsets that its notes are
// about.
func Scanned(data []byte) (good int64, notes []int64, err error) {
	scan, err := scanSidecar(bytes.NewReader(data), func(sidecarBlock) error { return nil })
	for _, n := range scan.notes {
		notes = append(notes, n.offset)
	}
	return scan.good, notes, err
}

// WholeFrames gives how far a tail is whole, to one who has no key.
func WholeFrames(data []byte) (int64, error) { return wholeFrames(bytes.NewReader(data)) }
