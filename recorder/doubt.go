package recorder

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A file is in doubt once the disk may lack what was written to it although
// every later call succeeds. That is so after a failed fsync: Linux tells of it
// once, marks the pages clean all the same, and a second fsync, which has
// nothing to write, says that all is well. It is also so when the name in the
// folder no longer stands for the file that is written, since somebody removed
// the folder. Such a file is never synced again. It is written anew, whole,
// from what the kernel still has of it, and held to its digest.

// look puts f in doubt when path is not the file that is written.
func (f *file) look(path string) error {
	there, err := os.Lstat(path)
	if err == nil {
		var held os.FileInfo
		if held, err = f.f.Stat(); err == nil && !os.SameFile(there, held) {
			err = fmt.Errorf("%s: %w", path, errAstray)
		}
	}
	if err != nil {
		f.doubt = err
	}
	return err
}

// settle makes f durable as a whole, as what it counts as.
func (f *file) settle(path string) error {
	if f.torn {
		if err := f.mend(); err != nil {
			return err
		}
	}
	if f.doubt != nil {
		return f.anew(path)
	}
	err := f.f.Sync()
	if err != nil {
		f.doubt = err
	}
	return err
}

// anew writes f once more, to a file that then takes its name. The folder's
// entry is not durable yet.
func (f *file) anew(path string) error {
	to, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	write := writerFunc(func(p []byte) (int, error) {
		sum.Write(p)
		return len(p), writeAll(to, p, f.reserve)
	})
	n, err := io.Copy(write, io.NewSectionReader(f.f, 0, f.size))
	if err == nil && (n != f.size || !bytes.Equal(sum.Sum(nil), f.sum.Sum(nil))) {
		err = fmt.Errorf("%s cannot be read back as it was written, after: %w", f.name, f.doubt)
	}
	if err == nil {
		err = to.Sync()
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return errors.Join(err, to.Close())
	}
	_ = f.f.Close() // what it was told is in the other
	f.f, f.doubt, f.torn, f.synced = to, nil, false, f.size
	return nil
}

// regain is rewrite for a recording that has ended: what is not where it
// belongs is in doubt as well. Syncing must be held.
func (rec *Recording) regain() error {
	if rec.seal != nil {
		return nil
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	_ = rec.lookAll() // and then they are in doubt
	for _, f := range rec.onDisk() {
		if f.torn && f.doubt == nil {
			if err := f.mend(); err != nil {
				return err
			}
		}
	}
	return rec.rewrite()
}

// lookAll looks at every file, and gives the first error.
func (rec *Recording) lookAll() (first error) {
	for _, f := range rec.onDisk() {
		if err := f.look(rec.pathOf(f)); first == nil {
			first = err
		}
	}
	return first
}

// rewrite writes what is in doubt anew, in the folder, which is made again if
// it is gone.
func (rec *Recording) rewrite() error {
	made := false
	for _, f := range rec.onDisk() {
		if f.doubt == nil {
			continue
		}
		if !made {
			if err := rec.remakeFolder(); err != nil {
				return err
			}
			made = true
		}
		rec.log().Error("recorder: a file is written anew, since the disk may lack it", "file", f.name, "err", f.doubt)
		if err := f.anew(rec.pathOf(f)); err != nil {
			return err
		}
	}
	if !made {
		return nil
	}
	rec.fresh.files.Store(true)
	return rec.settleEntries()
}

// remakeFolder makes the folder if it is gone, and puts the wrapped key there.
// What the recording wrote and closed since is gone with it, and verify will
// say so.
func (rec *Recording) remakeFolder() error {
	_, err := os.Stat(rec.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = rec.makeFolder()
	}
	if err != nil || rec.crypt == nil || rec.crypt.wrapped == nil {
		return err
	}
	if key, err := os.ReadFile(filepath.Join(rec.dir, keyFile)); err == nil && bytes.Equal(key, rec.crypt.wrapped) {
		return nil
	}
	return replaceFile(rec.dir, keyFile, rec.crypt.wrapped, &rec.r.reserve)
}

// pathOf is where a file lies.
func (rec *Recording) pathOf(f *file) string { return filepath.Join(rec.dir, rec.nameOf(f)) }
