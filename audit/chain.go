package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Genesis is what stands for the hash before the first row.
var Genesis = sha256.Sum256([]byte("sallyport audit chain, version 1"))

// Hash gives the hash of a row: SHA-256 over the hash of the row before and
// the stored bytes, verbatim. The first part has a fixed length, so no two
// pairs run together.
func Hash(prev [32]byte, stored []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(stored)
	return [32]byte(h.Sum(nil))
}

// Row is one link of the chain.
type Row struct {
	Seq    int64 // 1, 2, 3, … without a gap
	Prev   [32]byte
	Hash   [32]byte
	Stored []byte // verbatim, as hashed
}

// Event decodes the row.
func (r Row) Event() (Event, error) { return Decode(r.Stored) }

// Link makes the row that follows (seq, prev).
func Link(seq int64, prev [32]byte, stored []byte) Row {
	return Row{Seq: seq + 1, Prev: prev, Hash: Hash(prev, stored), Stored: stored}
}

// Broken says where a chain does not hold.
type Broken struct {
	Seq int64 // the first row that does not fit
	Why string
}

func (e *Broken) Error() string { return fmt.Sprintf("audit chain broken at row %d: %s", e.Seq, e.Why) }

// Verifier checks rows in order. The zero value begins at the first row; with
// Seq and Head set, right after that row. Not safe for concurrent use.
type Verifier struct {
	Seq  int64    // last row that fitted
	Head [32]byte // its hash
}

// Check takes the next row. The error is a [*Broken]; the verifier then stays
// where it was. A chain that merely lacks its last rows cannot be told from a
// shorter one: for that, compare Seq and Head with an anchor kept elsewhere.
func (v *Verifier) Check(r Row) error {
	prev := v.Head
	if v.Seq == 0 {
		prev = Genesis
	}
	switch {
	case r.Seq != v.Seq+1:
		return &Broken{v.Seq + 1, fmt.Sprintf("row %d stands there", r.Seq)}
	case r.Prev != prev:
		return &Broken{r.Seq, "it does not name the hash of the row before"}
	case r.Hash != Hash(prev, r.Stored):
		return &Broken{r.Seq, "its bytes are not those that were hashed"}
	}
	v.Seq, v.Head = r.Seq, r.Hash
	return nil
}

// AppendLine appends the form of a row in audit/YYYY-MM-DD.ndjson, with its
// line break: {"seq":…,"prev":"hex","hash":"hex","event":STORED}. The event's
// bytes stand there verbatim, so the file can be verified without the
// database.
func AppendLine(b []byte, r Row) []byte {
	b = fmt.Appendf(b, `{"seq":%d,"prev":"%x","hash":"%x","event":`, r.Seq, r.Prev, r.Hash)
	b = append(b, r.Stored...)
	return append(b, '}', '\n')
}

// ParseLine reads such a line, with or without its line break. There is one
// form of it only: no byte, not even a space outside of the event, can differ.
// It does not check the hash: [Verifier] does.
func ParseLine(line []byte) (Row, error) {
	var l struct {
		Seq   int64           `json:"seq"`
		Prev  string          `json:"prev"`
		Hash  string          `json:"hash"`
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return Row{}, fmt.Errorf("audit: line: %w", err)
	}
	prev, err1 := hex.DecodeString(l.Prev)
	hash, err2 := hex.DecodeString(l.Hash)
	if err1 != nil || err2 != nil || len(prev) != 32 || len(hash) != 32 {
		return Row{}, fmt.Errorf("audit: line %d: a hash is not 32 bytes of hex", l.Seq)
	}
	r := Row{Seq: l.Seq, Prev: [32]byte(prev), Hash: [32]byte(hash), Stored: bytes.Clone(l.Event)}
	if !bytes.Equal(AppendLine(nil, r), slices.Concat(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\n'})) {
		return Row{}, fmt.Errorf("audit: line %d: not in the form in which it is written", l.Seq)
	}
	return r, nil
}
