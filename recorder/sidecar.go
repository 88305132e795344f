package recorder

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"

	"github.com/sallyport/sallyport/access"
)

// The sidecar, session.idx, is NDJSON. Its lines are one of
//
//	{"sallyport":"recording","version":1,"bastion":B,"recording":ID,"genesis":HEX}
//	    the first line.
//	{"event":OFFSET,"stream":"stderr","original":BASE64}
//	    about the event whose line begins at OFFSET of the cast: it was on
//	    stderr (stdout otherwise), or not all of it was UTF-8 and these were
//	    the bytes: one for each U+FFFD in its text, 0 for a real U+FFFD.
//	    The stream "ledger" means that no host sent it: it is a line of ours.
//	{"carry":OFFSET,"stream":S,"bytes":BASE64}
//	    the stream stood in the middle of a character when the cast ended at
//	    OFFSET. The next event of that stream, at or after OFFSET, begins
//	    with these bytes. If there is none, a crash came first.
//	{"void":OFFSET}
//	    lines above about OFFSET or later are void: the event was not written.
//	{"block":N,"at":SECONDS,"files":[{"name":F,"bytes":N,"sha256":HEX}],
//	 "streams":[{"name":S,"bytes":N,"sha256":HEX}],"chain":HEX}
//	    a block closes: the first N bytes of each file that grew have this
//	    digest, and so has each stream that went beyond the limit.
//
// Chain is SHA-256 over the previous chain (32 bytes; at first the genesis)
// and all bytes of the sidecar from the end of the previous block's line to
// before this block's `,"chain":`. So each block stands for every byte of the
// recording before it, in order, and one of them kept elsewhere proves all up
// to there. Digests are over the bytes as stored:
//
//	head -c BYTES session.cast | sha256sum
type sidecar struct {
	file
	blocks uint64
	chain  [sha256.Size]byte
	link   hash.Hash // previous chain and the bytes since

	// hidden is where the notes of an encrypted recording go: they hold what
	// was shown. Only blocks stay here.
	hidden *file
}

const (
	chainKey  = `,"chain":"`
	chainTail = `"}` + "\n"
	chainEnd  = len(chainKey) + 2*sha256.Size + len(chainTail)
)

// genesis is what the chain of a recording begins with, so that no part of
// one recording passes for a part of another.
func genesis(bastionID string, id access.SessionID) [sha256.Size]byte {
	return sha256.Sum256([]byte("sallyport recording 1\x00" + bastionID + "\x00" + string(id)))
}

// appendPreamble appends the first line of a sidecar.
func appendPreamble(b []byte, bastionID string, id access.SessionID) []byte {
	g := genesis(bastionID, id)
	b = append(b, `{"sallyport":"recording","version":1,"bastion":`...)
	b = appendQuoted(b, bastionID)
	b = append(b, `,"recording":`...)
	b = appendQuoted(b, string(id))
	b = append(b, `,"genesis":"`...)
	b = hex.AppendEncode(b, g[:])
	return append(b, chainTail...)
}

// start makes the chain begin at prev, with nothing linked to it yet.
func (s *sidecar) start(prev [sha256.Size]byte) {
	s.chain = prev
	s.link = sha256.New()
	s.link.Write(prev[:])
}

// note appends whole lines.
func (s *sidecar) note(lines []byte) error {
	if s.hidden != nil {
		return s.hidden.append(lines)
	}
	if err := s.append(lines); err != nil {
		return err
	}
	s.link.Write(lines)
	return nil
}

// appendEventNote appends a line about an event at an offset of the cast.
func appendEventNote(b []byte, offset int64, stream string, original []byte) []byte {
	b = append(b, `{"event":`...)
	b = strconv.AppendInt(b, offset, 10)
	if stream != streamStdout {
		b = append(b, `,"stream":"`...)
		b = append(b, stream...)
		b = append(b, '"')
	}
	if len(original) > 0 {
		b = append(b, `,"original":"`...)
		b = base64.StdEncoding.AppendEncode(b, original)
		b = append(b, '"')
	}
	return append(b, "}\n"...)
}

func appendCarryNote(b []byte, offset int64, stream string, held []byte) []byte {
	b = append(b, `{"carry":`...)
	b = strconv.AppendInt(b, offset, 10)
	b = append(b, `,"stream":"`...)
	b = append(b, stream...)
	b = append(b, `","bytes":"`...)
	b = base64.StdEncoding.AppendEncode(b, held)
	return append(b, chainTail...)
}

func appendVoidNote(b []byte, offset int64) []byte {
	b = append(b, `{"void":`...)
	b = strconv.AppendInt(b, offset, 10)
	return append(b, "}\n"...)
}

// block closes a block over the files that grew since the last one and the
// streams that only their digest tells of. Without any it does nothing.
func (s *sidecar) block(b []byte, micros int64, files []*file, streams []*stream) error {
	b = append(b, `{"block":`...)
	b = strconv.AppendUint(b, s.blocks+1, 10)
	b = append(b, `,"at":`...)
	b = appendSeconds(b, micros)
	b = append(b, `,"files":[`...)
	grown := 0
	for _, f := range files {
		if f == nil || f.size == f.blocked {
			continue
		}
		b = appendSpan(b, grown, f.name, f.size)
		b = f.digest(b)
		b = append(b, `"}`...)
		grown++
	}
	b = append(b, ']')
	bulk := 0
	if s.hidden != nil {
		b = appendCounts(b, streams)
	} else {
		b, bulk = appendStreams(b, streams)
	}
	if grown+bulk == 0 {
		return nil
	}
	if err := s.close(b); err != nil {
		return err
	}
	for _, f := range files {
		if f != nil {
			f.blocked = f.size
		}
	}
	for _, st := range streams {
		st.blocked = st.bytes
	}
	return nil
}

// close appends a block's line, which is b so far, with its chain.
func (s *sidecar) close(b []byte) error {
	chain, err := s.next(b)
	if err != nil {
		return err
	}
	b = append(b, chainKey...)
	b = hex.AppendEncode(b, chain[:])
	b = append(b, chainTail...)
	if err := s.append(b); err != nil {
		return err
	}
	s.blocks++
	s.chain = chain
	s.link.Reset()
	s.link.Write(chain[:])
	return nil
}

// next is the chain with line b linked to it. It leaves the link as it is, in
// case the line cannot be written.
func (s *sidecar) next(b []byte) (chain [sha256.Size]byte, err error) {
	link, err := s.link.(hash.Cloner).Clone()
	if err != nil {
		return chain, err
	}
	link.Write(b)
	link.Sum(chain[:0])
	return chain, nil
}

// appendStreams appends the member "streams" if a stream beyond its limit
// grew.
func appendStreams(b []byte, streams []*stream) ([]byte, int) {
	n := 0
	for _, st := range streams {
		if st.tail == nil || st.bytes == st.blocked {
			continue
		}
		if n == 0 {
			b = append(b, `,"streams":[`...)
		}
		b = appendSpan(b, n, st.name, st.bytes)
		var sum [sha256.Size]byte
		b = hex.AppendEncode(b, st.sum.Sum(sum[:0]))
		b = append(b, `"}`...)
		n++
	}
	if n > 0 {
		b = append(b, ']')
	}
	return b, n
}

// appendSpan appends an object up to its digest.
func appendSpan(b []byte, i int, name string, bytes int64) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, `{"name":"`...)
	b = append(b, name...)
	b = append(b, `","bytes":`...)
	b = strconv.AppendInt(b, bytes, 10)
	return append(b, `,"sha256":"`...)
}
