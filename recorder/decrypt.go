package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport/sallyport/access"
)

// ErrBrokenOff says that an encrypted recording could be decrypted up to some
// point only: what follows there is not what the bastion wrote.
var ErrBrokenOff = errors.New("the recording breaks off")

// Decrypt writes what an encrypted recording holds into the folder to, which
// must be there, as the plain files of a recording: it is how an auditor
// imports one, to replay and to search it. What comes of it is readable to
// whoever reads that folder. With an error that is [ErrBrokenOff], all before
// that point is there. Nothing is verified; see [Verify].
func Decrypt(dir string, with Identities, to string) error {
	id, preamble, err := preambleOf(dir)
	if err != nil {
		return err
	}
	key, err := unwrapKey(dir, id, with)
	if err != nil {
		return err
	}
	d := &decryption{dir: dir, to: to, key: key, out: map[string]*os.File{}}
	err = d.write(sidecarName, bytes.NewReader(preamble))
	if err == nil {
		err = d.parts()
	}
	if err == nil || errors.Is(err, ErrBrokenOff) {
		err = errors.Join(err, d.flushCarries())
	}
	if err == nil {
		err = d.ends()
	}
	for _, f := range d.out {
		err = errors.Join(err, f.Close())
	}
	return err
}

// preambleOf reads the first line of a sidecar, and whose it is.
func preambleOf(dir string) (access.SessionID, []byte, error) {
	f, err := openRegular(filepath.Join(dir, sidecarName))
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	line, err := newLineReader(f, 0).next()
	var l sidecarLine
	if err == nil {
		err = json.Unmarshal(line, &l)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", sidecarName, err)
	}
	return l.Recording, append(bytes.Clone(line), '\n'), nil
}

type decryption struct {
	dir, to string
	key     *sessionKey
	out     map[string]*os.File
}

// write appends to a file of the folder to.
func (d *decryption) write(name string, in io.Reader) error {
	f := d.out[name]
	if f == nil {
		var err error
		if f, err = os.OpenFile(filepath.Join(d.to, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		d.out[name] = f
	}
	_, err := io.Copy(f, in)
	return err
}

// parts goes through segments and tails in their order.
func (d *decryption) parts() error {
	tails, err := tailsOf(d.dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	segments := map[uint32]bool{}
	for _, e := range entries {
		if found := numbered.FindStringSubmatch(e.Name()); found != nil {
			if n, err := strconv.ParseUint(found[1], 10, 32); err == nil {
				segments[uint32(n)] = true
			}
		}
	}
	numbers := make([]uint32, 0, len(segments)+len(tails))
	for n := range segments {
		numbers = append(numbers, n)
	}
	for n := range tails {
		if !segments[n] {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != uint32(i)+1 {
			return fmt.Errorf("%w: part %d is missing", ErrBrokenOff, i+1)
		}
		// A live recording has both for a moment; the tail is whole.
		if name, ok := tails[n]; ok {
			err = d.tail(name)
		} else {
			err = d.segments(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// segments appends what the segments of one number hold.
func (d *decryption) segments(n uint32) error {
	for _, p := range parts {
		err := d.sealed(segmentName(n, p.name), p.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sealed appends what a compressed and encrypted file holds.
func (d *decryption) sealed(name, to string) error {
	f, err := openRegular(filepath.Join(d.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, d.key.private)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBrokenOff, name, err)
	}
	z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	if err := d.write(to, z); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBrokenOff, name, err)
	}
	return nil
}

// tail appends what a tail holds.
func (d *decryption) tail(name string) error {
	f, err := openRegular(filepath.Join(d.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	frames, err := readFrames(f, d.key)
	for err == nil {
		var code byte
		var data []byte
		if code, data, err = frames.next(); err != nil {
			break
		}
		i := slices.IndexFunc(parts, func(p part) bool { return p.code == code })
		if i < 0 {
			return fmt.Errorf("%w: %s: a frame of no file", ErrBrokenOff, name)
		}
		if err := d.write(parts[i].file, bytes.NewReader(data)); err != nil {
			return err
		}
	}
	if err == io.EOF {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrBrokenOff, name, err)
}

// ends writes the ends of streams that went beyond the limit.
func (d *decryption) ends() error {
	for _, s := range []string{streamStdin, streamStdout, streamStderr} {
		err := d.sealed(s+tailEnd+segmentEnd, s+tailEnd)
		if errors.Is(err, fs.ErrNotExist) {
			err = d.ring(s)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ring writes the end of a stream from a ring that a crash left.
func (d *decryption) ring(stream string) error {
	data, err := os.ReadFile(filepath.Join(d.dir, stream+coveredEnd))
	if err != nil {
		return err
	}
	plain, err := uncover(data, d.key.ring)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBrokenOff, stream+coveredEnd, err)
	}
	last, _, _, err := parseRing(plain)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBrokenOff, stream+coveredEnd, err)
	}
	return d.write(stream+tailEnd, bytes.NewReader(last))
}

// OpenWith is [Open] for a folder that may be encrypted. Its cast is decrypted
// into a file that has no name: it is gone with the Reader.
func OpenWith(path string, with Identities) (*Reader, error) {
	return openDecrypted(path, with, Open)
}

// openDecrypted opens something in a folder, decrypted if it must be and with
// can.
func openDecrypted(path string, with Identities, open func(folder string) (*Reader, error)) (*Reader, error) {
	if !IsEncrypted(path) || len(with) == 0 {
		return open(path)
	}
	to, err := os.MkdirTemp("", "sallyport-")
	if err != nil {
		return nil, err
	}
	err = Decrypt(path, with, to)
	var r *Reader
	if err == nil || errors.Is(err, ErrBrokenOff) {
		broken := err
		if r, err = open(to); err == nil && broken != nil {
			r.Broken = broken
		} else if err != nil && broken != nil {
			err = broken
		}
	}
	if err := errors.Join(err, os.RemoveAll(to)); errors.Is(err, ErrNoInput) {
		return nil, ErrNoInput
	} else if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), to, path))
	}
	return r, nil
}
