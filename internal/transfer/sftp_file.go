package transfer

import (
	"strings"

	"github.com/sallyport/sallyport/access"
)

// Flags of SSH_FXP_OPEN (draft-ietf-secsh-filexfer-02, section 6.3).
const (
	fxfRead   = 0x01
	fxfWrite  = 0x02
	fxfAppend = 0x04
	fxfCreate = 0x08
	fxfTrunc  = 0x10
	fxfExcl   = 0x20
)

// file is an open file of the host.
type file struct {
	handle  string
	path    string
	serial  uint64
	flags   uint32
	mode    string
	in, out content // read and written
	size    uint64  // as the host told, if sized
	sized   bool
	eof     bool // a read found the end at size, or before
	short   bool // an answer was shorter than asked for, and ended at shortAt
	shortAt uint64
	foreign bool // it was written to in other ways too
	cut     bool // its size was set, to cutAt
	cutAt   uint64
	failed  string
	closing bool
	notes   []string
}

// maxNotes bounds what is noted about one open file.
const maxNotes = 4

func newFile(handle string, a ask, seen stated) *file {
	f := &file{handle: handle, path: a.entry.Path, serial: a.serial, flags: uint32(a.offset), mode: a.entry.Mode}
	if seen.ok && seen.path == f.path {
		f.size, f.sized = seen.size, true
	}
	return f
}

// weight is what counts towards maxNames.
func (f *file) weight() int { return len(f.path) + len(f.handle) }

func (f *file) note(text string) {
	if text != "" && len(f.notes) < maxNotes {
		f.notes = append(f.notes, text)
	}
}

// fail keeps the first failure of a read or write.
func (f *file) fail(result string) {
	if f.failed == "" {
		f.failed = result
	}
}

// tell reports what was read and what was written.
func (f *file) tell(report func(access.Transfer), result string) {
	if f.failed != "" {
		result = f.failed
	}
	writable := f.flags&fxfWrite != 0
	if f.in.bytes > 0 || !writable {
		report(f.entry(access.FileGet, &f.in, f.got(), result))
	}
	if f.out.bytes > 0 || writable && (f.flags&(fxfCreate|fxfTrunc|fxfExcl) != 0 || f.in.bytes == 0) {
		report(f.entry(access.FilePut, &f.out, f.put(), result))
	}
}

func (f *file) entry(action access.FileAction, c *content, whole bool, result string) access.Transfer {
	notes := f.notes
	if d := c.detail(); d != "" {
		notes = append(notes[:len(notes):len(notes)], d)
	}
	return access.Transfer{
		Action: action, Path: f.path, Bytes: c.bytes, Mode: f.mode, SHA256: c.digest(),
		Partial: !whole || result != access.FileOK, Result: result, Detail: strings.Join(notes, "; "),
	}
}

// got reports whether the file was read as a whole: to its end, or to the size
// that the host gave. Clients that ask for more than there is learn the end
// from a short answer, and from there being nothing after it.
func (f *file) got() bool {
	n, ok := f.in.upTo()
	return ok && (f.sized && n == f.size || f.eof && f.short && n == f.shortAt)
}

// put reports whether the file consists of what was written: it was empty, or
// cut to that length, and written from its beginning on without a hole.
func (f *file) put() bool {
	n, ok := f.out.upTo()
	if !ok || f.foreign || f.flags&fxfAppend != 0 {
		return false
	}
	if f.cut {
		return f.cutAt == n
	}
	return f.flags&(fxfTrunc|fxfExcl) != 0
}

// end takes note that a read at offset found the end of the file.
func (f *file) end(offset uint64) {
	f.eof = true
	if !f.sized || offset < f.size {
		f.size, f.sized = offset, true
	}
}

// sizeIs takes note of a size that the host told.
func (f *file) sizeIs(size uint64) {
	if !f.eof || size < f.size {
		f.size, f.sized = size, true
	}
}

// resized takes note that the size was set. It reports whether that is a
// client's way of ending a put: cutting off what was there before.
func (f *file) resized(size uint64) bool {
	n, ok := f.out.upTo()
	if n == 0 && ok && size == 0 {
		f.flags |= fxfTrunc
		return false
	}
	f.cut, f.cutAt = true, size
	return ok && n == size
}
