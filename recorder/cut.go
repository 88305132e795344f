package recorder

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lines cuts a file after its last whole and valid line, and opens it for
// appending. Without the file it gives nil.
func (m *mending) lines(name string, valid func(offset int64, line []byte) bool) (*file, error) {
	f, err := os.Open(filepath.Join(m.rec.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	good, err := wholeLines(f, valid)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := m.cut(name, good); err != nil {
		return nil, err
	}
	return reopenFile(m.rec.dir, name, &m.rec.r.reserve)
}

// wholeLines is the offset after the last line that is whole and valid.
func wholeLines(f *os.File, valid func(offset int64, line []byte) bool) (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for end := fi.Size(); end > 0; {
		begin, stop, err := lastLine(f, 0, end)
		if err != nil || stop == begin {
			return 0, err
		}
		if n := stop - 1 - begin; n <= maxLine {
			line := make([]byte, n)
			if _, err := f.ReadAt(line, begin); err != nil && err != io.EOF {
				return 0, err
			}
			if valid(begin, line) {
				return stop, nil
			}
		}
		end = begin
	}
	return 0, nil
}

func validCastLine(offset int64, line []byte) bool {
	if offset > 0 {
		return validEvent(offset, line)
	}
	var h Header
	return json.Unmarshal(line, &h) == nil && h.Version == 2
}

func validEvent(_ int64, line []byte) bool {
	_, _, _, err := parseLine(line, nil)
	return err == nil
}

func validObject(_ int64, line []byte) bool {
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}

// cut moves what is at or after an offset of a file to NAME.cut-OFFSET. The
// copy is durable before the file is shortened, so that a crash in between
// only makes it do the same again.
func (m *mending) cut(name string, at int64) error {
	dir := m.rec.dir
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() <= at {
		return err
	}
	kept, err := os.OpenFile(filepath.Join(dir, cutName(name, at)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(kept, io.NewSectionReader(f, at, fi.Size()-at))
	if err == nil {
		err = kept.Sync()
	}
	if err := errors.Join(err, kept.Close(), syncDir(dir)); err != nil {
		return err
	}
	if err := f.Truncate(at); err != nil {
		return err
	}
	m.rec.recovery.Cuts = append(m.rec.recovery.Cuts, Cut{name, at, n})
	return f.Sync()
}

const cutMark = ".cut-"

func cutName(name string, at int64) string { return fmt.Sprintf("%s%s%d", name, cutMark, at) }

// reopenFile opens a file to go on appending to it.
func reopenFile(dir, name string, r *reserve) (*file, error) {
	f := &file{name: name, reserve: r, sum: sha256.New(), blocked: -1}
	var err error
	if f.size, err = hashFile(dir, name, f.sum); err != nil {
		return nil, err
	}
	f.f, err = os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_APPEND, 0)
	return f, err
}
