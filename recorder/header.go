package recorder

import (
	"encoding/json"

	"github.com/sallyport/sallyport/access"
)

// Size of a session without a terminal, for players, which need one.
const (
	noCols     = 80
	noRows     = 24
	ledgerCols = 132 // of an sftp session: an entry with its digest on one line
)

// Shape is how a session begins: its terminal, zero without one.
type Shape struct {
	Cols, Rows int
	Term       string // TERM
	// Bulk is what becomes of streams without a terminal beyond the limit;
	// empty is [access.BulkHash].
	Bulk access.Bulk
	// Input: what is typed at the terminal is kept, as far as it looks like
	// no secret.
	Input bool
}

// Header is the first line of a cast (asciicast v2). The member "sallyport"
// is ours; players ignore it.
type Header struct {
	Version   int               `json:"version"`
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	Timestamp int64             `json:"timestamp"` // Unix seconds; asciinema 3 wants an integer
	Command   string            `json:"command,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	Facts     *Facts            `json:"sallyport,omitempty"`
}

// encodeHeader gives the first line. Standard JSON escapes what a host or a
// client wrote into it, U+2028 and invalid UTF-8 included.
func encodeHeader(s access.Session, shape Shape) ([]byte, error) {
	facts := factsOf(s)
	h := Header{
		Version: 2, Width: shape.Cols, Height: shape.Rows,
		Timestamp: s.StartedAt.Unix(), Command: s.Command,
		Title: s.Target.String(), Facts: &facts,
	}
	if h.Width <= 0 || h.Height <= 0 {
		h.Width, h.Height = noCols, noRows
		if s.Kind == access.KindSFTP {
			h.Width = ledgerCols
		}
	}
	if shape.Term != "" {
		h.Env = map[string]string{"TERM": shape.Term}
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}
