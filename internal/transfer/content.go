package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// maxSpans bounds the ranges that are told apart.
const maxSpans = 16

// span is the bytes [from, to) of a file.
type span struct{ from, to uint64 }

// content is what passed of one file in one direction. It comes in pieces,
// each of which begins somewhere. As long as each begins where the one before
// it ended, and the first one at 0, there is a running digest; bytes that
// pass twice or out of order end that for good, since nothing may be kept to
// put them in order.
type content struct {
	bytes  int64
	sum    hash.Hash // nil before the first byte, and when there is no order
	broken bool      // out of order, or more than once
	pos    uint64    // where the next byte belongs
	spans  []span    // sorted, apart from each other
	last   int       // index of the span that grows
	many   bool      // there were more than maxSpans
	again  bool      // bytes passed more than once
}

// seek says where the next bytes belong.
func (c *content) seek(offset uint64) {
	if offset != c.pos {
		c.pos = offset
		c.spoil()
	}
}

// spoil gives up the digest.
func (c *content) spoil() { c.broken, c.sum = true, nil }

// write takes the next bytes.
func (c *content) write(p []byte) {
	if len(p) == 0 {
		return
	}
	if c.sum == nil && !c.broken {
		c.sum = sha256.New()
	}
	if c.sum != nil {
		c.sum.Write(p)
	}
	c.bytes += int64(len(p))
	from := c.pos
	c.pos += uint64(len(p))
	if c.pos < from { // beyond any file
		c.many, c.spans = true, nil
		c.spoil()
	}
	c.cover(span{from, c.pos})
}

// cover adds a span, joining it with those that it touches.
func (c *content) cover(s span) {
	if c.many {
		return
	}
	if c.last < len(c.spans) && c.spans[c.last].to == s.from && (c.last+1 == len(c.spans) || s.to < c.spans[c.last+1].from) {
		c.spans[c.last].to = s.to
		return
	}
	first, _ := slices.BinarySearchFunc(c.spans, s.from, func(t span, from uint64) int {
		if t.to < from {
			return -1
		}
		return 1
	})
	end := first
	for end < len(c.spans) && c.spans[end].from <= s.to {
		t := c.spans[end]
		c.again = c.again || t.from < s.to && s.from < t.to
		s = span{min(s.from, t.from), max(s.to, t.to)}
		end++
	}
	c.spans = slices.Replace(c.spans, first, end, s)
	c.last = first
	if len(c.spans) > maxSpans {
		c.many, c.spans = true, nil
	}
}

// upTo is n if what passed are the bytes [0, n) and no others.
func (c *content) upTo() (n uint64, ok bool) {
	switch {
	case c.many || len(c.spans) > 1:
		return 0, false
	case len(c.spans) == 0:
		return 0, true
	}
	return c.spans[0].to, c.spans[0].from == 0
}

// digest is SHA-256 of what passed, or empty when it passed out of order.
func (c *content) digest() string {
	if c.broken {
		return ""
	}
	if c.sum == nil {
		c.sum = sha256.New()
	}
	return hex.EncodeToString(c.sum.Sum(nil))
}

// detail says what passed where a digest does not.
func (c *content) detail() string {
	if !c.broken || c.bytes == 0 {
		return ""
	}
	order := "in order"
	if c.again {
		order = "once"
	}
	if c.many {
		return "in many pieces, not " + order
	}
	if n, ok := c.upTo(); ok {
		return fmt.Sprintf("bytes 0-%d, but not %s: no digest", n-1, order)
	}
	list := make([]string, len(c.spans))
	for i, s := range c.spans {
		list[i] = fmt.Sprintf("%d-%d", s.from, s.to-1)
	}
	return "bytes " + strings.Join(list, ", ")
}
