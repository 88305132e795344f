package transfer

import (
	"errors"
	"fmt"

	"github.com/sallyport/sallyport/access"
)

// answers reads what the host sends.
type answers sftp

var errAnswer = errors.New("an answer that does not fit its request")

const statusEOF = 1

// statuses are the words for SSH_FXP_STATUS
// (draft-ietf-secsh-filexfer-02, section 7). The host's own are not trusted.
var statuses = [...]string{
	access.FileOK, "end of file", "no such file", "permission denied", "failure",
	"bad message", "no connection", "connection lost", "unsupported",
}

func status(code uint32) string {
	if int64(code) < int64(len(statuses)) {
		return statuses[code]
	}
	return fmt.Sprintf("status %d", code)
}

func (r *answers) content(p []byte) {
	if r.getting != nil {
		r.getting.write(p)
	}
}

func (r *answers) packet(p []byte) error {
	s := (*sftp)(r)
	in := fields{p: p}
	kind := in.byte()
	if kind == fxpVersion {
		if in.uint32() != sftpVersion {
			return errVersion
		}
		return nil
	}
	a, err := s.answered(in.uint32())
	if err != nil {
		return err
	}
	switch kind {
	case fxpStatus:
		err = r.status(a, in.uint32())
	case fxpHandle:
		err = r.handle(a, in.bytes())
	case fxpData:
		err = r.data(a, in.uint32())
	case fxpAttrs:
		err = r.attrs(a, readAttrs(&in))
	case fxpName:
		if a.entry != nil || a.file != nil {
			err = errAnswer
		}
	case fxpExtendedReply:
		if a.kind != fxpExtended {
			err = errAnswer
		} else if a.entry != nil {
			s.tell(a.entry, access.FileOK)
		}
	default:
		err = errShape
	}
	if err == nil && in.bad {
		err = errShape
	}
	return err
}

func (r *answers) status(a ask, code uint32) error {
	s, f := (*sftp)(r), a.file
	result := status(code)
	switch a.kind {
	case fxpOpen:
		if code == 0 {
			return errAnswer
		}
	case fxpRead:
		switch {
		case code == statusEOF:
			f.end(a.offset)
		case code != 0:
			f.fail(result)
		}
	case fxpWrite:
		if code != 0 {
			f.fail(result)
		}
	case fxpClose:
		if f != nil {
			s.closed(f, result)
		}
	case fxpFsetstat:
		if code == 0 && f.restat(a) {
			return nil
		}
	}
	if a.entry != nil {
		s.tell(a.entry, result)
	}
	return nil
}

// restat takes over what a setstat set. It reports whether that belongs to a
// put and needs no entry of its own.
func (f *file) restat(a ask) bool {
	part := true
	if a.attrs.flags&attrSize != 0 {
		part = f.resized(a.attrs.size)
	}
	if a.attrs.flags&attrMode != 0 {
		f.mode = a.attrs.mode()
	}
	if f.flags&fxfWrite != 0 && a.attrs.flags&attrTimes != 0 {
		f.note(a.attrs.times())
	}
	return part && a.attrs.flags&^(attrSize|attrMode|attrTimes) == 0 && f.flags&fxfWrite != 0
}

func (r *answers) handle(a ask, handle []byte) error {
	switch a.kind {
	case fxpOpen:
		return (*sftp)(r).opened(handle, a)
	case fxpOpendir:
		return nil
	}
	return errAnswer
}

func (r *answers) data(a ask, n uint32) error {
	if a.kind != fxpRead {
		return errAnswer
	}
	r.getting = &a.file.in
	if n > 0 {
		r.getting.seek(a.offset)
	}
	if n < a.length {
		a.file.short, a.file.shortAt = true, a.offset+uint64(n)
	}
	return nil
}

func (r *answers) attrs(a ask, at attrs) error {
	if at.flags&attrSize == 0 {
		return nil
	}
	switch a.kind {
	case fxpFstat:
		if a.file != nil {
			a.file.sizeIs(at.size)
		}
	case fxpStat, fxpLstat:
		if a.serial == r.seen.asked {
			r.seen.size, r.seen.ok = at.size, true
		}
	default:
		return errAnswer
	}
	return nil
}
