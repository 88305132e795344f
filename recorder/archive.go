package recorder

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport/sallyport/access"
)

// Bounds of an archive that nobody vouches for.
const (
	maxArchiveEntries = 4_000_000
	maxArchiveDepth   = 16
	maxArchiveName    = 1024     // bytes
	maxArchiveWindow  = 64 << 20 // of zstd, in memory
	// A compressed archive may hold so many times its size, and this much in
	// any case: recordings shrink to an eighth, and the reserve that lies beside
	// them to nothing.
	maxArchiveRatio = 200
	minArchiveBytes = 1 << 30
)

// ErrArchive says that a file is no archive of recordings, or one that is not
// unpacked: its text is fit for a person.
var ErrArchive = errors.New("it is not unpacked")

func archiveError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrArchive, access.Plain(fmt.Sprintf(format, args...), 300))
}

// Unpack writes the regular files of an archive (tar, or tar within zstd or
// gzip) into a new folder and gives that, for the caller to remove. Nobody has
// to vouch for the archive: a name that leads out of the folder, a link, a
// device, a file that is there twice, or more than the archive's size explains
// is an error, and then there is no folder. It ends with ctx.
func Unpack(ctx context.Context, name string) (dir string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", archiveError("it is no regular file")
	}
	plain, limit, done, err := decompressed(bufio.NewReader(f), info.Size())
	if err != nil {
		return "", err
	}
	defer done()
	if dir, err = os.MkdirTemp("", "sallyport-"); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		err = errors.Join(unpackTar(ctx, root, plain, limit), root.Close())
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// decompressed gives the tar in r, of size bytes, and how many bytes its files
// may have.
func decompressed(r *bufio.Reader, size int64) (plain io.Reader, limit int64, done func(), err error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, 0, nil, archiveError("it is too short")
	}
	limit = minArchiveBytes
	if size > minArchiveBytes/maxArchiveRatio && size < math.MaxInt64/maxArchiveRatio {
		limit = size * maxArchiveRatio
	}
	switch {
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxArchiveWindow))
		if err != nil {
			return nil, 0, nil, err
		}
		return z, limit, z.Close, nil
	case head[0] == 0x1f && head[1] == 0x8b: // RFC 1952, 2.3.1
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, 0, nil, archiveError("%v", err)
		}
		return z, limit, func() {}, nil
	}
	return r, size, func() {}, nil
}

func unpackTar(ctx context.Context, root *os.Root, from io.Reader, limit int64) error {
	archive := tar.NewReader(from)
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := archive.Next()
		switch {
		case err == io.EOF && n > 0:
			return nil
		case err == io.EOF:
			return archiveError("it holds nothing")
		case err != nil:
			return archiveError("%v", err)
		case n == maxArchiveEntries:
			return archiveError("it holds more than %d files", maxArchiveEntries)
		}
		name := path.Clean(h.Name)
		switch {
		case h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case !filepath.IsLocal(name) || strings.ContainsAny(name, "\x00\\") || len(name) > maxArchiveName || strings.Count(name, "/") >= maxArchiveDepth:
			return archiveError("%q is no name for a file in it", h.Name)
		case h.Typeflag == tar.TypeDir && name == ".":
		case h.Typeflag == tar.TypeDir:
			err = root.MkdirAll(name, 0o700)
		case h.Typeflag != tar.TypeReg:
			return archiveError("%s is neither a file nor a folder", h.Name)
		case h.Size > limit:
			return archiveError("it holds more than its size explains")
		default:
			limit -= h.Size
			err = unpackFile(root, name, h.Size, archive)
		}
		if errors.Is(err, os.ErrExist) {
			return archiveError("%s is in it twice", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, name string, size int64, from io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.CopyN(f, from, size)
	if err != nil && n < size {
		err = archiveError("%s: %v", name, err)
	}
	return errors.Join(err, f.Close())
}
