package transfer

import (
	"fmt"
	"strings"
	"time"
)

// Flags of ATTRS (draft-ietf-secsh-filexfer-02, section 5).
const (
	attrSize  = 0x1
	attrOwner = 0x2
	attrMode  = 0x4
	attrTimes = 0x8
)

// attrs are what a client sets or a host tells of a file. Extended ones are
// not read: they come last, and nobody sends any.
type attrs struct {
	flags        uint32
	size         uint64
	uid, gid     uint32
	permissions  uint32
	atime, mtime uint32
}

func readAttrs(in *fields) (a attrs) {
	a.flags = in.uint32()
	if a.flags&attrSize != 0 {
		a.size = in.uint64()
	}
	if a.flags&attrOwner != 0 {
		a.uid, a.gid = in.uint32(), in.uint32()
	}
	if a.flags&attrMode != 0 {
		a.permissions = in.uint32()
	}
	if a.flags&attrTimes != 0 {
		a.atime, a.mtime = in.uint32(), in.uint32()
	}
	return a
}

// mode is the permissions without the kind of file.
func (a attrs) mode() string {
	if a.flags&attrMode == 0 {
		return ""
	}
	return fmt.Sprintf("%04o", a.permissions&0o7777)
}

func (a attrs) times() string {
	return "times set to " + time.Unix(int64(a.mtime), 0).UTC().Format(time.RFC3339)
}

// String tells what is set.
func (a attrs) String() string {
	var list []string
	if a.flags&attrSize != 0 {
		list = append(list, fmt.Sprintf("size %d", a.size))
	}
	if a.flags&attrOwner != 0 {
		list = append(list, fmt.Sprintf("owner %d:%d", a.uid, a.gid))
	}
	if a.flags&attrMode != 0 {
		list = append(list, "mode "+a.mode())
	}
	if a.flags&attrTimes != 0 {
		list = append(list, a.times())
	}
	return strings.Join(list, ", ")
}
