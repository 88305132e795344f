package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// prefixes computes the digests of ever longer beginnings of a recording's
// files, each file read once. It must be closed.
type prefixes struct {
	dir   string
	files map[string]*prefix
}

type prefix struct {
	f   *os.File
	n   int64
	sum hash.Hash
}

func newPrefixes(dir string) *prefixes { return &prefixes{dir, map[string]*prefix{}} }

func (p *prefixes) close() {
	for _, f := range p.files {
		_ = f.f.Close() // only read
	}
}

// errShort says that a file ends before what its block counted.
var errShort = errors.New("the file is shorter than that")

// checked is how much of a file agrees with the blocks so far.
func (p *prefixes) checked(name string) int64 {
	if f := p.files[name]; f != nil {
		return f.n
	}
	return 0
}

// digest is SHA-256 of the first n bytes of a file of the recording, n being
// no less than last time. A file that ends before gives errShort or
// fs.ErrNotExist.
func (p *prefixes) digest(name string, n int64) (string, error) {
	f, err := p.open(name)
	if err != nil {
		return "", err
	}
	if n < f.n {
		return "", fmt.Errorf("%s: a block goes back from %d to %d", name, f.n, n)
	}
	m, err := io.CopyN(f.sum, f.f, n-f.n)
	f.n += m
	if err == io.EOF {
		return "", fmt.Errorf("%s: %w: %d of %d bytes", name, errShort, f.n, n)
	}
	return hex.EncodeToString(f.sum.Sum(nil)), err
}

// rest is the digest of the whole file and its length.
func (p *prefixes) rest(name string) (int64, string, error) {
	f, err := p.open(name)
	if err != nil {
		return 0, "", err
	}
	m, err := io.Copy(f.sum, f.f)
	f.n += m
	return f.n, hex.EncodeToString(f.sum.Sum(nil)), err
}

func (p *prefixes) open(name string) (*prefix, error) {
	if f := p.files[name]; f != nil {
		return f, nil
	}
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%q is no file of a recording", name)
	}
	f, err := openRegular(filepath.Join(p.dir, p.onDisk(name)))
	if err != nil {
		return nil, err
	}
	p.files[name] = &prefix{f: f, sum: sha256.New()}
	return p.files[name], nil
}

// onDisk is the name of a file that blocks know by name: the last tail of an
// encrypted recording has its number in its head alone.
func (p *prefixes) onDisk(name string) string {
	if !numberedTail.MatchString(name) {
		return name
	}
	if _, err := os.Lstat(filepath.Join(p.dir, name)); err == nil {
		return name
	}
	if n, err := tailNumber(filepath.Join(p.dir, tailName)); err == nil && tailNumberName(n) == name {
		return tailName
	}
	return name
}

// replaced reports whether a file is a tail whose place segments have taken.
// That they are the right ones is what their own block and the manifest say.
func (p *prefixes) replaced(name string) bool {
	found := numberedTail.FindStringSubmatch(name)
	if found == nil {
		return false
	}
	segments, err := filepath.Glob(filepath.Join(globQuote(p.dir), found[1]+".*"+segmentEnd))
	return err == nil && len(segments) > 0
}

// errIrregular says that something is no file of its own.
var errIrregular = errors.New("not a regular file")

// openRegular opens a file for reading that is a regular one: no link to
// elsewhere, and no pipe that would never answer.
func openRegular(path string) (*os.File, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), errIrregular)
	}
	return os.Open(path)
}

// checkBlock compares a block with the files. The error is a [*blockError],
// or one of reading.
func (p *prefixes) checkBlock(b sidecarBlock) error {
	for _, f := range b.files {
		from := p.checked(f.Name)
		sum, err := p.digest(f.Name, f.Bytes)
		if errors.Is(err, os.ErrNotExist) && p.replaced(f.Name) {
			continue
		}
		if errors.Is(err, errShort) || errors.Is(err, os.ErrNotExist) {
			return &blockError{block: b.number, name: f.Name, from: from, to: f.Bytes, short: true}
		}
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return &blockError{block: b.number, name: f.Name, from: from, to: f.Bytes}
		}
	}
	return nil
}

// blockError says that a file is not what a block says.
type blockError struct {
	block    uint64
	name     string
	from, to int64 // the first wrong byte is in [from, to)
	short    bool  // the file ends before to
}

func (e *blockError) Error() string {
	if e.short {
		return fmt.Sprintf("%s is shorter than the %d bytes that block %d counted", e.name, e.to, e.block)
	}
	return fmt.Sprintf("%s differs from block %d between %d and %d", e.name, e.block, e.from, e.to)
}
