package transfer

import (
	"errors"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// Bounds of a legacy scp session.
const (
	maxLine  = 8 << 10  // of the protocol: a name and a few numbers
	maxTree  = 64 << 10 // bytes of the folders in which it stands
	maxReply = 1024     // of a message that is kept
	maxWaits = 1024     // replies that are still to come
)

var (
	errLine  = errors.New("a line that is not of scp")
	errReply = errors.New("a reply that does not fit")
	errAhead = errors.New("more than can be followed without a reply")
	errDepth = errors.New("folders too deep to be followed")
)

// scp reads the protocol of `scp -O`, which nobody has specified: it is that
// of OpenSSH's scp.c, source() and sink(). One side is the source; it sends
//
//	Tmtime 0 atime 0     times of what follows
//	Cmode size name      a file: then size bytes, then a reply about them
//	Dmode 0 name         a folder, in which everything is until
//	E                    its end
//
// The other, the sink, gives a reply at first, to each line, and after each
// file's content. A reply is a zero byte, or 1 or 2 and a line with what went
// wrong; the source may say that too, in place of a line.
type scp struct {
	scpCommand
	report func(access.Transfer)
	source source
	sink   replies
	waits  []wait // replies that the sink owes, in order
	tree   []string
	depth  int // bytes in tree
	over   bool
}

// wait is a reply that the sink owes.
type wait struct {
	file *scpFile         // whose line, or whose content it is about
	done bool             // it is the content
	made *access.Transfer // a folder
}

// scpFile is a file on its way.
type scpFile struct {
	entry   access.Transfer
	size    int64
	content content
	failed  bool
}

func newSCP(c scpCommand, report func(access.Transfer)) *scp {
	s := &scp{scpCommand: c, report: report, waits: []wait{{}}}
	s.source.to, s.sink.to = s, s
	return s
}

func (s *scp) toHost(p []byte)   { s.take(p, s.toSink) }
func (s *scp) fromHost(p []byte) { s.take(p, !s.toSink) }

func (s *scp) take(p []byte, fromSource bool) {
	if s.over {
		return
	}
	var err error
	if fromSource {
		err = s.source.feed(p)
	} else {
		err = s.sink.feed(p)
	}
	if err == nil {
		return
	}
	who := "the client"
	if fromSource != s.toSink {
		who = "the host"
	}
	s.end()
	s.report(access.Transfer{Action: access.FileOpaque, Detail: who + " sent " + err.Error()})
}

// end reports what was under way.
func (s *scp) end() {
	if s.over {
		return
	}
	s.over = true
	for _, w := range s.waits {
		switch {
		case w.made != nil:
			w.made.Result = access.FileUnfinished
			s.report(*w.made)
		case w.done:
			s.finish(w.file, access.FileUnfinished)
		}
	}
	if s.source.file != nil {
		s.finish(s.source.file, access.FileUnfinished)
	}
	s.waits, s.tree = nil, nil
}

func (s *scp) expect(w wait) error {
	if len(s.waits) >= maxWaits {
		return errAhead
	}
	s.waits = append(s.waits, w)
	return nil
}

// replied takes a reply of the sink; problem is empty when all is well.
func (s *scp) replied(code byte, problem string) error {
	bad := code != 0
	if len(s.waits) == 0 {
		if bad && s.source.file != nil { // the sink gives up before the end of the content
			s.source.file.fail(problem)
			return nil
		}
		return errReply
	}
	w := s.waits[0]
	s.waits = s.waits[1:]
	switch {
	case w.made != nil:
		if w.made.Result = access.FileOK; bad {
			w.made.Result, w.made.Detail = "failed", also(w.made.Detail, problem)
		}
		s.report(*w.made)
	case w.file == nil: // ready, or times, or the end of a folder
	case w.done:
		if bad {
			w.file.fail(problem)
		}
		s.finish(w.file, access.FileOK)
	case bad:
		// The source sends no content then. If it has begun to, the sink
		// reads as lines what we read as content.
		if s.source.file != w.file || w.file.content.bytes > 0 {
			return errReply
		}
		s.source.skip()
		w.file.fail(problem)
		s.finish(w.file, "failed")
	}
	return nil
}

// fail notes what a side said went wrong.
func (f *scpFile) fail(problem string) {
	f.failed = true
	f.entry.Detail = also(f.entry.Detail, problem)
}

func also(detail, more string) string {
	return strings.Trim(detail+"; "+access.Plain(more, 200), "; ")
}

// finish reports a file.
func (s *scp) finish(f *scpFile, result string) {
	e := f.entry
	if e.Result = result; f.failed {
		e.Result = "failed"
	}
	e.Bytes = f.content.bytes
	e.Partial = e.Result != access.FileOK || e.Bytes != f.size
	if e.Result != "failed" || e.Bytes > 0 {
		e.SHA256 = f.content.digest()
	}
	s.report(e)
}

// problem is what the source says went wrong in place of a line.
func (s *scp) problem(text string) {
	e := access.Transfer{Action: s.action(), Result: "failed", Detail: access.Plain(text, 200)}
	if !s.toSink && len(s.paths) == 1 {
		e.Path = s.paths[0]
	}
	s.report(e)
}

func (s *scp) action() access.FileAction {
	if s.toSink {
		return access.FilePut
	}
	return access.FileGet
}

// line takes a line of the source.
func (s *scp) line(l string) error {
	switch l[0] {
	case 'T':
		if !timesLine.MatchString(l) {
			return errLine
		}
		return s.expect(wait{})
	case 'E':
		if l != "E" || len(s.tree) == 0 {
			return errLine
		}
		s.depth -= len(s.tree[len(s.tree)-1])
		s.tree = s.tree[:len(s.tree)-1]
		return s.expect(wait{})
	case 'C', 'D':
		mode, size, name, ok := parseEntry(l)
		if !ok {
			return errLine
		}
		path, detail := s.place(name)
		e := access.Transfer{Action: s.action(), Path: text([]byte(path)), Mode: mode, Detail: detail}
		if l[0] == 'C' {
			s.source.begin(&scpFile{entry: e, size: size})
			return s.expect(wait{file: s.source.file})
		}
		if s.depth += len(path); s.depth > maxTree {
			return errDepth
		}
		s.tree = append(s.tree, path)
		e.Action = access.FileMkdir
		if s.toSink {
			return s.expect(wait{made: &e})
		}
		return s.expect(wait{}) // reading a folder changes nothing
	}
	return errLine
}
