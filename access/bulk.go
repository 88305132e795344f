package access

import "fmt"

// Bulk says what becomes of a stream without a terminal that is longer than
// the recording keeps whole.
type Bulk string

const (
	BulkHash   Bulk = "hash"   // digest, count and the last MiB
	BulkRecord Bulk = "record" // it is recorded whole, whatever its length
	BulkRefuse Bulk = "refuse" // the session ends
)

// ParseBulk reads one strictly; empty is BulkHash.
func ParseBulk(s string) (Bulk, error) {
	switch b := Bulk(s); b {
	case "":
		return BulkHash, nil
	case BulkHash, BulkRecord, BulkRefuse:
		return b, nil
	}
	return "", fmt.Errorf("%q is none of hash, record, refuse", s)
}
