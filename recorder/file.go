package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Names of the files of a recording.
const (
	castName     = "session.cast"
	sidecarName  = "session.idx"
	eventsName   = "events.ndjson"
	manifestName = "manifest.json"
	keyframeName = "session.kf" // a cache that others make; outside the proof
)

// file is one append-only file of a recording, with the running SHA-256 of
// its bytes as stored. It is not safe for concurrent use, but sync may run
// beside everything else.
type file struct {
	name    string
	f       *os.File
	reserve *reserve
	size    int64 // bytes that count; a failed write may have left more
	blocked int64 // size at the last block
	synced  int64 // size at the last sync
	torn    bool  // bytes beyond size could not be cut off
	doubt   error // why the disk may lack what was written, whatever a later sync says; see doubt.go
	sum     hash.Hash

	// into is where the bytes of a file go that an encrypted recording has not
	// as such, under code. It then has a name and a size, and nothing else.
	into *crypt
	code byte
}

// createFile makes a file that must not be there yet.
func createFile(dir, name string, r *reserve) (*file, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{name: name, f: f, reserve: r, sum: sha256.New()}, nil
}

// append writes b whole or not at all: what a failing write left is cut off
// again, so that the file always ends with a whole line.
func (f *file) append(b []byte) error {
	if f.into != nil {
		if err := f.into.append(f.code, b); err != nil {
			return err
		}
		f.size += int64(len(b))
		return nil
	}
	if f.torn {
		if err := f.mend(); err != nil {
			return err
		}
	}
	if err := writeAll(f.f, b, f.reserve); err != nil {
		f.torn = true
		_ = f.mend() // tried again before the next write; recovery cuts as well
		return err
	}
	f.sum.Write(b)
	f.size += int64(len(b))
	return nil
}

// mend cuts off what a failed write left.
func (f *file) mend() error {
	if err := f.f.Truncate(f.size); err != nil {
		return err
	}
	f.torn = false
	return nil
}

// digest appends SHA-256 of the whole file, in hexadecimal.
func (f *file) digest(dst []byte) []byte {
	var sum [sha256.Size]byte
	return hex.AppendEncode(dst, f.sum.Sum(sum[:0]))
}

// writeAll writes b to a file. When the disk is full it gives up the reserve and writes
// the rest.
func writeAll(f io.Writer, b []byte, r *reserve) error {
	for {
		seen := r.given.Load()
		n, err := f.Write(b)
		if err == nil {
			return nil
		}
		b = b[n:]
		if !diskFull(err) || !r.release(seen) {
			return err
		}
	}
}

// syncDir makes the entries of a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
