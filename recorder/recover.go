package recorder

// Recovery tells how a recording was closed after a crash.
type Recovery struct {
	// Blocks and Chain are the last block that the crashed process closed:
	// compare with heads kept elsewhere.
	Blocks   uint64    `json:"blocks"`
	Chain    string    `json:"chain,omitempty"`
	Cuts     []Cut     `json:"cuts,omitempty"`
	Mismatch *Mismatch `json:"mismatch,omitempty"`
	Notes    []string  `json:"notes,omitempty"` // what else was found
}

// Cut is the end of a file that was no whole line; it is kept in NAME.cut-AT.
type Cut struct {
	Name  string `json:"name"`
	At    int64  `json:"at"`
	Bytes int64  `json:"bytes"`
}

// Mismatch is a part of a file that is not what its block says.
type Mismatch struct {
	Name string `json:"name"`
	From int64  `json:"from"` // the first wrong byte is at or after it
	To   int64  `json:"to"`
}
