package recorder

import (
	"crypto/sha256"
	"hash"
)

const (
	streamStdin  = "stdin"
	streamStdout = "stdout"
	streamStderr = "stderr"
)

// besideEnd is how the name of a file ends that holds one stream.
const besideEnd = ".ndjson"

// stream is one direction of a session.
type stream struct {
	name    string
	bytes   int64 // passed
	stored  int64 // recorded whole
	blocked int64 // bytes at the last block
	carry   carry

	// beside: it is recorded in a file of its own, NAME.ndjson, and not in
	// the cast.
	beside bool
	file   *file // that file, once it is needed

	limit int64 // of stored; negative with a terminal: none
	// strict: what is beyond the limit ends the session.
	strict bool
	sum    hash.Hash  // of all bytes; nil with a terminal
	tail   *tail      // what is beyond the limit; nil until then
	known  FileDigest // after a crash: the last digest that a block tells
}

func newStream(name string, terminal bool, limit int64) *stream {
	if terminal {
		return &stream{name: name, limit: -1}
	}
	return &stream{name: name, limit: limit, sum: sha256.New()}
}

// fileName is that of the file beside the cast.
func (s *stream) fileName() string { return s.name + besideEnd }

// code is that of its events in the file beside the cast.
func (s *stream) code() byte {
	if s.name == streamStdin {
		return CodeInput
	}
	return CodeOutput
}

// split divides p at the limit, not within a character if that can be helped.
func (s *stream) split(p []byte) (record, beyond []byte) {
	room := s.limit - s.stored
	if s.limit < 0 || room >= int64(len(p)) && s.tail == nil {
		return p, nil
	}
	if s.tail != nil || room <= 0 {
		return nil, p
	}
	n := int(room) - unfinished(p[:room])
	return p[:n], p[n:]
}

// count takes note that p passed and how much of it was recorded whole.
func (s *stream) count(p []byte, stored int) {
	s.bytes += int64(len(p))
	s.stored += int64(stored)
	if s.sum != nil {
		s.sum.Write(p)
	}
}
