package transfer

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"
)

var (
	timesLine = regexp.MustCompile(`^T[0-9]{1,20} [0-9]{1,9} [0-9]{1,20} [0-9]{1,9}$`)
	entryLine = regexp.MustCompile(`(?s)^[CD]([0-7]{4}) ([0-9]{1,18}) (.+)$`)
)

// parseEntry reads a C or D line.
func parseEntry(l string) (mode string, size int64, name string, ok bool) {
	m := entryLine.FindStringSubmatch(l)
	if m == nil {
		return "", 0, "", false
	}
	size, err := strconv.ParseInt(m[2], 10, 64)
	return m[1], size, m[3], err == nil
}

// source reads what the source sends: lines, content, and one reply after
// each content.
type source struct {
	to    *scp
	file  *scpFile // whose content passes; nil between files
	left  int64    // of it
	line  []byte
	reply bool // what comes is the reply after the content
}

// begin says that the content of f follows.
func (s *source) begin(f *scpFile) { s.file, s.left, s.reply = f, f.size, f.size == 0 }

// skip says that no content follows after all.
func (s *source) skip() { s.file, s.left, s.reply = nil, 0, false }

func (s *source) feed(p []byte) error {
	for len(p) > 0 {
		if s.left > 0 {
			n := min(int64(len(p)), s.left)
			s.file.content.write(p[:n])
			s.left -= n
			p = p[n:]
			s.reply = s.left == 0
			continue
		}
		if len(s.line) == 0 && p[0] == 0 && s.reply {
			p = p[1:]
			if err := s.ended(""); err != nil {
				return err
			}
			continue
		}
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if len(s.line)+len(part) > maxLine {
			return errLine
		}
		s.line = append(s.line, part...)
		if end < 0 {
			return nil
		}
		p = p[end+1:]
		l := string(s.line)
		s.line = s.line[:0]
		if err := s.whole(l); err != nil {
			return err
		}
	}
	return nil
}

// whole takes a line.
func (s *source) whole(l string) error {
	if l == "" {
		return errLine
	}
	problem := l[0] == 1 || l[0] == 2
	switch {
	case problem && s.reply:
		s.file.fail(l[1:])
		return s.ended(l[1:])
	case s.reply:
		return errLine
	case problem:
		s.to.problem(l[1:])
		return nil
	}
	return s.to.line(l)
}

// ended is called after the reply to the content: the sink's is to come.
func (s *source) ended(problem string) error {
	f := s.file
	s.skip()
	return s.to.expect(wait{file: f, done: true})
}

// replies reads what the sink sends.
type replies struct {
	to   *scp
	code byte // of the problem whose text passes; 0 between replies
	text []byte
}

func (r *replies) feed(p []byte) error {
	for _, c := range p {
		switch {
		case r.code == 0 && c == 0:
			if err := r.to.replied(0, ""); err != nil {
				return err
			}
		case r.code == 0 && c <= 2:
			r.code = c
		case r.code == 0:
			return errReply
		case c == '\n':
			code, problem := r.code, string(r.text)
			r.code, r.text = 0, r.text[:0]
			if err := r.to.replied(code, problem); err != nil {
				return err
			}
		case len(r.text) < maxReply:
			r.text = append(r.text, c)
		}
	}
	return nil
}

// place is where a name of the source is on the host.
func (s *scp) place(name string) (where, detail string) {
	if n := len(s.tree); n > 0 {
		return join(s.tree[n-1], name), ""
	}
	if s.toSink {
		// Only the host knows whether its target is a folder that takes the
		// file, or the file's own name.
		target := s.paths[0]
		switch {
		case s.folder || strings.HasSuffix(target, "/"):
			return join(target, name), ""
		case path.Base(target) == name:
			return target, ""
		}
		return join(target, name), "or " + target + " itself, if that is no folder"
	}
	for _, p := range s.paths {
		if path.Base(p) == name {
			return p, ""
		}
	}
	return join(path.Dir(s.paths[0]), name), "" // of a pattern
}

func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }
