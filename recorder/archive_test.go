package recorder_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport/sallyport/recorder"
)

type entry struct {
	tar.Header
	data string
}

func file(name, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}, data}
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		check(t, w.WriteHeader(&e.Header))
		_, err := io.WriteString(w, e.data)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

// unpack does so below a folder of the test's, of which nothing must be left
// after an error.
func unpack(t *testing.T, data []byte) (dir string, err error) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	name := filepath.Join(t.TempDir(), "a.tar")
	check(t, os.WriteFile(name, data, 0o600))
	dir, err = recorder.Unpack(t.Context(), name)
	if left, _ := os.ReadDir(temp); err != nil && len(left) > 0 {
		t.Errorf("%v, and %v is left", err, left)
	}
	return dir, err
}

func TestUnpack(t *testing.T) {
	plain := tarOf(t,
		entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}},
		entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "./x/", Mode: 0}},
		file("./x/one", "1"), file("y/z/two", strings.Repeat("2", 100_000)), file("empty", ""))
	var zipped, zst bytes.Buffer
	g := gzip.NewWriter(&zipped)
	_, err := g.Write(plain)
	check(t, errors.Join(err, g.Close()))
	z, err := zstd.NewWriter(&zst)
	check(t, err)
	_, err = z.Write(plain)
	check(t, errors.Join(err, z.Close()))
	for name, data := range map[string][]byte{"tar": plain, "gzip": zipped.Bytes(), "zstd": zst.Bytes()} {
		dir, err := unpack(t, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for name, size := range map[string]int{"x/one": 1, "y/z/two": 100_000, "empty": 0} {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(got) != size {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		if info, err := os.Stat(filepath.Join(dir, "x/one")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// What an archive says of itself leads nowhere but into its folder, and no
// further than its size explains.
func TestUnpackRefuses(t *testing.T) {
	link := func(kind byte, to string) entry {
		return entry{Header: tar.Header{Typeflag: kind, Name: "x", Linkname: to}}
	}
	for name, entries := range map[string][]entry{
		"above":              {file("../x", "1")},
		"above inside":       {file("a/../../x", "1")},
		"absolute":           {file("/tmp/x", "1")},
		"a symlink":          {link(tar.TypeSymlink, "/etc"), file("x/y", "1")},
		"a hard link":        {file("a", "1"), link(tar.TypeLink, "a")},
		"a device":           {link(tar.TypeChar, "")},
		"a pipe":             {link(tar.TypeFifo, "")},
		"twice":              {file("a", "1"), file("./a", "2")},
		"a file as a folder": {file("a", "1"), file("a/b", "2")},
		"too deep":           {file(strings.Repeat("a/", 17)+"x", "1")},
		"too long":           {file(strings.Repeat("a", 2000), "1")},
		"a backslash":        {file(`a\b`, "1")},
		"nothing":            {},
	} {
		if dir, err := unpack(t, tarOf(t, entries...)); err == nil {
			t.Errorf("%s: unpacked into %s", name, dir)
		}
	}
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("no archive at all"), "cut": tarOf(t, file("a", strings.Repeat("1", 4000)))[:2000],
		"cut within zstd": {0x28, 0xb5, 0x2f, 0xfd, 0, 0}, "cut within gzip": {0x1f, 0x8b, 8, 0},
	} {
		if _, err := unpack(t, data); !errors.Is(err, recorder.ErrArchive) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := recorder.Unpack(t.Context(), t.TempDir()); !errors.Is(err, recorder.ErrArchive) {
		t.Errorf("a folder: %v", err)
	}

	// A few bytes that would be gigabytes. It is their header that is not
	// believed; what a bastion sets aside beside its recordings is.
	var bomb, folder bytes.Buffer
	for b, sizes := range map[*bytes.Buffer][]int64{&bomb: {1<<30 + 1}, &folder: {64 << 20}} {
		z, err := zstd.NewWriter(b)
		check(t, err)
		w := tar.NewWriter(z)
		for i, size := range sizes {
			check(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: string(rune('a' + i)), Size: size, Mode: 0o600}))
			if i == len(sizes)-1 && b == &bomb {
				break // it must not be looked for
			}
			_, err := io.CopyN(w, zeros{}, size)
			check(t, err)
		}
		if b == &folder {
			check(t, w.Close())
		}
		check(t, z.Close())
	}
	if _, err := unpack(t, folder.Bytes()); err != nil {
		t.Errorf("%d bytes with a reserve: %v", folder.Len(), err)
	}
	if _, err := unpack(t, bomb.Bytes()); !errors.Is(err, recorder.ErrArchive) || !strings.Contains(err.Error(), "size explains") {
		t.Errorf("a bomb of %d bytes: %v", bomb.Len(), err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	name := filepath.Join(t.TempDir(), "a.tar")
	check(t, os.WriteFile(name, tarOf(t, file("a", "1")), 0o600))
	if _, err := recorder.Unpack(gone, name); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
