package transfer

import (
	"cmp"
	"errors"
	"slices"

	"github.com/sallyport/sallyport/access"
)

// SFTP is read in version 3 (draft-ietf-secsh-filexfer-02), the one that
// OpenSSH speaks, with its extensions (PROTOCOL, section 4).
const (
	fxpInit          = 1
	fxpVersion       = 2
	fxpOpen          = 3
	fxpClose         = 4
	fxpRead          = 5
	fxpWrite         = 6
	fxpLstat         = 7
	fxpFstat         = 8
	fxpSetstat       = 9
	fxpFsetstat      = 10
	fxpOpendir       = 11
	fxpReaddir       = 12
	fxpRemove        = 13
	fxpMkdir         = 14
	fxpRmdir         = 15
	fxpRealpath      = 16
	fxpStat          = 17
	fxpRename        = 18
	fxpReadlink      = 19
	fxpSymlink       = 20
	fxpStatus        = 101
	fxpHandle        = 102
	fxpData          = 103
	fxpName          = 104
	fxpAttrs         = 105
	fxpExtended      = 200
	fxpExtendedReply = 201

	sftpVersion = 3
)

// Bounds of what one session may make us remember. OpenSSH's client has at
// most 64 requests under way, and its server opens as many files as its limit
// of descriptors allows.
const (
	maxAsked = 16 << 10
	maxOpen  = 4 << 10
	maxNames = 1 << 20 // bytes of paths and handles
)

// sftp pairs the requests of a session with their answers.
type sftp struct {
	report func(access.Transfer)
	up     frames // from the client
	down   frames // from the host

	asked  map[uint32]ask // requests without an answer, by ID
	open   map[string]*file
	serial uint64 // of the last request
	names  int    // bytes of paths and handles that are held
	seen   stated

	sending, getting *content // of the packet that is passing; nil: of no interest

	over bool // not understood any more, or ended
}

// ask is a request that waits for its answer.
type ask struct {
	kind   byte
	serial uint64
	file   *file            // of a handle
	offset uint64           // of a read; the flags of an open
	length uint32           // of a read
	entry  *access.Transfer // to report with the answer
	attrs  attrs            // of a setstat
}

// stated is the size of the path that the client asked for last: they ask
// before they read.
type stated struct {
	path  string
	asked uint64 // serial of the request
	size  uint64
	ok    bool // it was answered
}

func newSFTP(report func(access.Transfer)) *sftp {
	return &sftp{
		report: report,
		up:     frames{carrier: fxpWrite}, down: frames{carrier: fxpData},
		asked: map[uint32]ask{}, open: map[string]*file{},
	}
}

func (s *sftp) toHost(p []byte) {
	if !s.over {
		if err := s.up.feed(p, (*requests)(s)); err != nil {
			s.opaque("the client sent " + err.Error())
		}
	}
}

func (s *sftp) fromHost(p []byte) {
	if !s.over {
		if err := s.down.feed(p, (*answers)(s)); err != nil {
			s.opaque("the host sent " + err.Error())
		}
	}
}

// opaque ends the reading: what was under way is reported as far as it is
// known, then that there is more which is not.
func (s *sftp) opaque(why string) {
	s.end()
	s.report(access.Transfer{Action: access.FileOpaque, Detail: why})
}

// end reports what was under way, in the order in which it was asked for.
func (s *sftp) end() {
	if s.over {
		return
	}
	s.over = true
	type left struct {
		serial uint64
		tell   func()
	}
	var all []left
	for _, a := range s.asked {
		if a.entry != nil {
			all = append(all, left{a.serial, func() { s.tell(a.entry, access.FileUnfinished) }})
		}
		if a.kind == fxpClose && a.file != nil && s.open[a.file.handle] != a.file {
			all = append(all, left{a.file.serial, func() { a.file.tell(s.report, access.FileUnfinished) }})
		}
	}
	for _, f := range s.open {
		all = append(all, left{f.serial, func() { f.tell(s.report, access.FileUnfinished) }})
	}
	slices.SortFunc(all, func(a, b left) int { return cmp.Compare(a.serial, b.serial) })
	for _, l := range all {
		l.tell()
	}
	s.asked, s.open, s.sending, s.getting = nil, nil, nil, nil
	s.up, s.down = frames{}, frames{}
}

func (s *sftp) tell(e *access.Transfer, result string) {
	e.Result = result
	s.report(*e)
}

// remember keeps a request until it is answered.
func (s *sftp) remember(id uint32, a ask) error {
	if _, taken := s.asked[id]; taken {
		return errors.New("two requests of one ID")
	}
	s.serial++
	a.serial = s.serial
	if a.entry != nil {
		s.names += len(a.entry.Path) + len(a.entry.To)
	}
	if len(s.asked) >= maxAsked || s.names > maxNames {
		return errors.New("more requests at once than can be followed")
	}
	s.asked[id] = a
	return nil
}

// answered takes back the request with that ID.
func (s *sftp) answered(id uint32) (ask, error) {
	a, ok := s.asked[id]
	if !ok {
		return a, errors.New("an answer to nothing that was asked")
	}
	delete(s.asked, id)
	if a.entry != nil {
		s.names -= len(a.entry.Path) + len(a.entry.To)
	}
	return a, nil
}

// opened begins to follow a handle.
func (s *sftp) opened(handle []byte, a ask) error {
	if len(handle) > maxHandle {
		return errShape
	}
	before := s.open[string(handle)]
	if before != nil && !before.closing {
		return errors.New("a handle that is in use")
	}
	f := newFile(string(handle), a, s.seen)
	s.names += f.weight()
	if len(s.open) >= maxOpen || s.names > maxNames {
		return errors.New("more open files than can be followed")
	}
	s.open[f.handle] = f
	return nil
}

// closed reports a file whose handle is gone. A handle may be given anew
// before the answer to the close arrives.
func (s *sftp) closed(f *file, result string) {
	if s.open[f.handle] == f {
		delete(s.open, f.handle)
	}
	s.names -= f.weight()
	f.tell(s.report, result)
}
