package transfer

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/sallyport/sallyport/access"
)

// requests reads what the client sends.
type requests sftp

var (
	errVersion = errors.New("another version of SFTP than 3")
	errHandle  = errors.New("a handle that the host did not give")
)

func (r *requests) content(p []byte) {
	if r.sending != nil {
		r.sending.write(p)
	}
}

func (r *requests) packet(p []byte) error {
	s := (*sftp)(r)
	in := fields{p: p}
	kind := in.byte()
	if kind == fxpInit {
		return nil // what counts is the host's answer
	}
	id := in.uint32()
	a, err := r.ask(kind, &in)
	if err == nil && in.bad {
		err = errShape
	}
	if err == nil {
		err = s.remember(id, a)
	}
	return err
}

// ask reads a request.
func (r *requests) ask(kind byte, in *fields) (a ask, err error) {
	a.kind = kind
	switch kind {
	case fxpOpen:
		return askOpen(in), nil
	case fxpClose:
		// A folder's handle is not known, nor of interest.
		if f := r.open[string(in.bytes())]; f != nil && !f.closing {
			f.closing, a.file = true, f
		}
	case fxpRead:
		a.file, err = r.handle(in)
		a.offset, a.length = in.uint64(), in.uint32()
	case fxpWrite:
		if a.file, err = r.handle(in); err == nil {
			offset := in.uint64()
			r.sending = &a.file.out
			if in.uint32() > 0 {
				r.sending.seek(offset)
			}
		}
	case fxpFstat:
		a.file = r.open[string(in.bytes())]
	case fxpStat, fxpLstat:
		r.seen = stated{path: in.text(), asked: r.serial + 1}
	case fxpSetstat:
		a.entry = &access.Transfer{Action: access.FileSetstat, Path: in.text()}
		a.attrs = readAttrs(in)
		a.entry.Mode, a.entry.Detail = a.attrs.mode(), a.attrs.String()
	case fxpFsetstat:
		return r.fsetstat(in)
	case fxpRemove:
		a.entry = &access.Transfer{Action: access.FileRemove, Path: in.text()}
	case fxpMkdir:
		a.entry = &access.Transfer{Action: access.FileMkdir, Path: in.text()}
		at := readAttrs(in)
		a.entry.Mode = at.mode()
	case fxpRmdir:
		a.entry = &access.Transfer{Action: access.FileRmdir, Path: in.text()}
	case fxpRename:
		a.entry = &access.Transfer{Action: access.FileRename, Path: in.text(), To: in.text()}
	case fxpSymlink:
		// OpenSSH's order, not the draft's: what it points to comes first
		// (PROTOCOL, section 4.1).
		a.entry = &access.Transfer{Action: access.FileSymlink, To: in.text(), Path: in.text()}
	case fxpExtended:
		return r.extended(in)
	case fxpOpendir, fxpReaddir, fxpRealpath, fxpReadlink:
	default:
		a.entry = &access.Transfer{Action: access.FileOther, Detail: fmt.Sprintf("request of type %d", kind)}
	}
	return a, err
}

// handle is a file that is open.
func (r *requests) handle(in *fields) (*file, error) {
	f := r.open[string(in.bytes())]
	switch {
	case in.bad:
		return nil, errShape
	case f == nil:
		return nil, errHandle
	}
	return f, nil
}

// askOpen reads an open. Until it is answered, its flags stand in offset.
func askOpen(in *fields) ask {
	a := ask{kind: fxpOpen, entry: &access.Transfer{Action: access.FileGet, Path: in.text()}}
	a.offset = uint64(in.uint32())
	if a.offset&fxfWrite != 0 {
		a.entry.Action = access.FilePut
	}
	at := readAttrs(in)
	a.entry.Mode = at.mode()
	return a
}

// fsetstat reads a setstat of an open file. What clients do after a put, to
// give the file the mode and the times that it had, goes into the put's entry.
func (r *requests) fsetstat(in *fields) (ask, error) {
	f, err := r.handle(in)
	if err != nil {
		return ask{}, err
	}
	a := ask{kind: fxpFsetstat, file: f, attrs: readAttrs(in)}
	a.entry = &access.Transfer{Action: access.FileSetstat, Path: f.path, Mode: a.attrs.mode(), Detail: a.attrs.String()}
	return a, nil
}

// extended reads an extension by its name (OpenSSH's PROTOCOL, section 4).
func (r *requests) extended(in *fields) (a ask, err error) {
	a.kind = fxpExtended
	name := in.text()
	switch name {
	case "posix-rename@openssh.com":
		a.entry = &access.Transfer{Action: access.FileRename, Path: in.text(), To: in.text()}
	case "hardlink@openssh.com":
		a.entry = &access.Transfer{Action: access.FileLink, To: in.text(), Path: in.text()}
	case "lsetstat@openssh.com":
		a.entry = &access.Transfer{Action: access.FileSetstat, Path: in.text()}
		at := readAttrs(in)
		a.entry.Mode, a.entry.Detail = at.mode(), at.String()
	case "copy-data":
		return r.copyData(in)
	case "fsync@openssh.com", "statvfs@openssh.com", "fstatvfs@openssh.com", "limits@openssh.com",
		"expand-path@openssh.com", "home-directory", "users-groups-by-id@openssh.com":
	case "version-select": // what follows has another form
		return a, errVersion
	default:
		a.entry = &access.Transfer{Action: access.FileOther, Detail: "extension " + access.Plain(name, 80)}
	}
	return a, err
}

// copyData reads a copy between two open files
// (draft-ietf-secsh-filexfer-extensions-00, section 7).
func (r *requests) copyData(in *fields) (ask, error) {
	from, err := r.handle(in)
	at, n := in.uint64(), in.uint64()
	to, err2 := r.handle(in)
	in.uint64()
	if err = cmp.Or(err, err2); err != nil {
		return ask{}, err
	}
	to.foreign = true
	to.out.spoil()
	to.note("with content copied on the host")
	e := &access.Transfer{Action: access.FileCopy, Path: from.path, To: to.path, Detail: fmt.Sprintf("%d bytes from %d on", n, at)}
	if n == 0 {
		e.Detail = fmt.Sprintf("from byte %d on", at)
	}
	return ask{kind: fxpExtended, entry: e}, nil
}
