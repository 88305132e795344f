package recorder

import "unicode/utf8"

// carry keeps the beginning of a character that a write cut off, until the
// next write of the same stream completes it or shows that it never will.
// Without it, each character split over two writes would be lost.
type carry struct {
	buf [utf8.UTFMax]byte
	n   int
}

// bytes is what is held back: at most three bytes.
func (c *carry) bytes() []byte { return c.buf[:c.n] }

// join completes the held bytes from p. Head, which uses the memory of buf, is
// what can be told now and ends where a character does, valid or not; rest is
// what is left of p. If p is too short, its bytes are held as well.
func (c *carry) join(p []byte, buf *[2 * utf8.UTFMax]byte) (head, rest []byte) {
	held, taken, out := c.n, 0, 0
	for out < held {
		for !utf8.FullRune(c.buf[:c.n]) {
			if taken == len(p) {
				return buf[:out], nil
			}
			c.buf[c.n] = p[taken]
			c.n++
			taken++
		}
		_, n := utf8.DecodeRune(c.buf[:c.n])
		out += copy(buf[out:], c.buf[:n])
		c.n = copy(c.buf[:], c.buf[n:c.n])
	}
	// What is still held now came from p, and goes back there.
	taken -= c.n
	c.n = 0
	return buf[:out], p[taken:]
}

// hold keeps the unfinished end of p and returns what is before it. Nothing
// may be held already.
func (c *carry) hold(p []byte) []byte {
	n := unfinished(p)
	c.n = copy(c.buf[:], p[len(p)-n:])
	return p[:len(p)-n]
}
