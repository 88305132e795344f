package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sort"

	"github.com/sallyport/sallyport/access"
)

// sidecarLine is any line of a sidecar.
type sidecarLine struct {
	Type      string           `json:"sallyport"`
	Bastion   string           `json:"bastion"`
	Recording access.SessionID `json:"recording"`

	Event    *int64 `json:"event"`
	Carry    *int64 `json:"carry"`
	Void     *int64 `json:"void"`
	Stream   string `json:"stream"`
	Original []byte `json:"original"`
	Bytes    []byte `json:"bytes"`

	Block   uint64       `json:"block"`
	At      json.Number  `json:"at"`
	Files   []FileDigest `json:"files"`
	Streams []FileDigest `json:"streams"`
}

// eventNote tells of an event that it was on stderr or not all UTF-8.
type eventNote struct {
	offset  int64
	line    int64 // offset of the note in the sidecar
	stderr  bool
	ours    bool  // an entry of the ledger
	invalid int32 // bytes that U+FFFD stands for
}

func (n eventNote) stream() string {
	switch {
	case n.ours:
		return streamLedger
	case n.stderr:
		return streamStderr
	}
	return streamStdout
}

type carryNote struct {
	offset int64
	bytes  []byte
}

// carries are the last note about a stream and the one before it, which holds
// if the last one turns out to be void.
type carries struct{ last, before carryNote }

// sidecarBlock is one closed block.
type sidecarBlock struct {
	number  uint64
	end     int64 // offset after its line
	at      int64 // microseconds since the start
	files   []FileDigest
	streams []FileDigest
	chain   [sha256.Size]byte
}

// sidecarScan is what a sidecar says, as far as its lines are whole and its
// chain holds.
type sidecarScan struct {
	bastion   string
	recording access.SessionID
	good      int64 // offset after the last good line
	notes     []eventNote
	carries   map[string]carries // by stream
	last      sidecarBlock       // number 0 and the genesis before any
	link      hash.Hash          // the chain and what follows it, at good; nil without a preamble
	broken    error              // why it stops at good, if not at the end
}

// scanSidecar reads the sidecar of a recording and hands each block to visit,
// whose error ends the scan before that block. What is wrong with the content
// is in broken; the error returned is one of reading.
func scanSidecar(f io.ReaderAt, visit func(sidecarBlock) error) (*sidecarScan, error) {
	lines := newLineReader(f, 0)
	s := &sidecarScan{carries: map[string]carries{}}
	for {
		line, err := lines.next()
		if err == io.EOF {
			return s, nil
		}
		if err != nil && !errors.Is(err, errLine) {
			return s, err
		}
		if err == nil {
			err = s.take(line, lines.offset, visit)
		}
		if err != nil {
			s.broken = fmt.Errorf("%s, offset %d: %w", sidecarName, s.good, err)
			return s, nil
		}
		s.good = lines.offset
	}
}

// take reads one line, which ends before offset end.
func (s *sidecarScan) take(line []byte, end int64, visit func(sidecarBlock) error) error {
	var l sidecarLine
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	if s.link == nil {
		return s.takePreamble(line, l)
	}
	switch {
	case l.Block != 0:
		return s.takeBlock(line, l, end, visit)
	case l.Void != nil:
		s.void(*l.Void)
	case l.Event != nil:
		s.notes = append(s.notes, eventNote{*l.Event, s.good, l.Stream == streamStderr, l.Stream == streamLedger, invalidBytes(l.Original)})
	case l.Carry != nil:
		s.carries[l.Stream] = carries{carryNote{*l.Carry, l.Bytes}, s.carries[l.Stream].last}
	}
	s.link.Write(line)
	s.link.Write(feed)
	return nil
}

var feed = []byte{'\n'}

// takePreamble reads the first line, which begins the chain.
func (s *sidecarScan) takePreamble(line []byte, l sidecarLine) error {
	if l.Type != "recording" || !bytes.Equal(append(line, '\n'), appendPreamble(nil, l.Bastion, l.Recording)) {
		return errors.New("not the first line of a sidecar")
	}
	s.bastion, s.recording = l.Bastion, l.Recording
	s.last.chain = genesis(l.Bastion, l.Recording)
	s.link = sha256.New()
	s.link.Write(s.last.chain[:])
	s.link.Write(line)
	s.link.Write(feed)
	return nil
}

// takeBlock checks that a block continues the chain.
func (s *sidecarScan) takeBlock(line []byte, l sidecarLine, end int64, visit func(sidecarBlock) error) error {
	cut := len(line) + 1 - chainEnd
	if l.Block != s.last.number+1 || cut < 0 || !bytes.HasPrefix(line[cut:], []byte(chainKey)) {
		return fmt.Errorf("block %d is not one that follows %d", l.Block, s.last.number)
	}
	link, err := s.link.(hash.Cloner).Clone()
	if err != nil {
		return err
	}
	link.Write(line[:cut])
	b := sidecarBlock{number: l.Block, end: end, files: l.Files, streams: l.Streams}
	if seconds, err := l.At.Float64(); err == nil && seconds >= 0 && seconds < 1e9 {
		b.at = int64(seconds*1e6 + 0.5)
	}
	link.Sum(b.chain[:0])
	if string(line[cut+len(chainKey):]) != hex.EncodeToString(b.chain[:])+`"}` {
		return fmt.Errorf("the chain breaks at block %d", l.Block)
	}
	if err := visit(b); err != nil {
		return err
	}
	s.last = b
	s.link.Reset()
	s.link.Write(b.chain[:])
	return nil
}

// void forgets what is said about offset and later.
func (s *sidecarScan) void(offset int64) {
	n := sort.Search(len(s.notes), func(i int) bool { return s.notes[i].offset >= offset })
	s.notes = s.notes[:n]
	for stream, c := range s.carries {
		if c.last.offset > offset {
			s.carries[stream] = carries{last: c.before}
		}
	}
}

// note finds what is said about the event at an offset of the cast.
func (s *sidecarScan) note(offset int64) eventNote {
	n := sort.Search(len(s.notes), func(i int) bool { return s.notes[i].offset >= offset })
	if n < len(s.notes) && s.notes[n].offset == offset {
		return s.notes[n]
	}
	return eventNote{offset: offset}
}

// invalidBytes counts the bytes that were no characters.
func invalidBytes(original []byte) (n int32) {
	for _, c := range original {
		if c != 0 {
			n++
		}
	}
	return n
}
